//! The wire form of every record: the fields of `journey`'s types in the order of their `.avsc`.

use std::sync::LazyLock;

use apache_avro::Schema;
use journey::{
    account::{AccountCount, IngestAccount},
    demand::DemandSignal,
    journey_event::{
        AssignedSegment, BlockedWebActionOfferEvent, ConsentEvent, JourneyEvent, Named,
        OutcomeAchievedEvent, OutcomeAchievement, Reference, SegmentAssignment,
        SegmentAssignmentEvent, SessionEvent, Versioned, VisitSummary, WebActionEvent,
    },
    offer::{
        Action, Customer, DisplayCondition, JourneyContext, Offer, OfferPage, OfferingMap,
        RoutePathReference, SegmentReference, Trigger, TriggeringAction,
    },
    staffing::{
        Actual, Driver, Estimate, Forecast, FrozenForecast, Model, RoutePathSummary,
        StaffingInterval,
    },
    trait_record::VisitorTrait,
    visit::{FormUse, Visit, VisitEvent},
    web_event::{
        Activity, Attribute, Browser, Consent, Control, Device, Engagement, Geolocation,
        MktCampaign, Page, Policy, Referrer, WebEvent,
    },
};

use crate::record;

/// A record with a schema of its own: a topic's value.
pub trait Record: crate::Avro {
    /// The schema of this version of the code, as JSON.
    const SCHEMA: &'static str;

    /// [`Record::SCHEMA`], parsed once.
    fn schema() -> &'static Schema;
}

macro_rules! topic_value {
    ($($type:ty => $file:literal),* $(,)?) => {$(
        impl Record for $type {
            const SCHEMA: &'static str = include_str!(concat!("../", $file));

            fn schema() -> &'static Schema {
                static PARSED: LazyLock<Schema> =
                    LazyLock::new(|| Schema::parse_str(<$type>::SCHEMA).expect("a compiled-in schema is valid"));
                &PARSED
            }
        }
    )*};
}

topic_value! {
    WebEvent => "web_event.avsc",
    VisitorTrait => "visitor_trait.avsc",
    IngestAccount => "ingest_account.avsc",
    VisitEvent => "visit_event.avsc",
    JourneyEvent => "journey_event.avsc",
    Offer => "offer.avsc",
    DemandSignal => "demand_signal.avsc",
    StaffingInterval => "staffing_interval.avsc",
}

record! { WebEvent as WebEventParts {
    kind, event_id, customer_id, deployment_id, policy, occurred_at, received_at, time_corrected, consent, page_class,
    bot, authenticated, reply_to, web_event, engagement, control,
} }
record! { Policy {
    visit_timeout, idle_after, away_after, pings_extend, split_on_source, max_duration, max_events, serve_bots,
    bot_rate_events, bot_rate_window,
} }
record! { Consent as ConsentParts { state, purposes, source, updated_date } }
record! { Activity as ActivityParts {
    event_name, page, user_agent_string, browser, device, geolocation, ip_organization, mkt_campaign, referrer,
    search_query, form_name, attributes as map,
} }
record! { Page as PageParts { url, title, domain, fragment, hostname, keywords, lang, pathname, query_string, breadcrumb } }
record! { Browser as BrowserParts { family, version, lang } }
record! { Device as DeviceParts { category, kind, mobile, os_family, os_version, screen_height, screen_width, manufacturer } }
record! { Geolocation as GeolocationParts { country, country_name, region, region_name, locality, postal_code, timezone, source } }
record! { MktCampaign as MktCampaignParts { content, medium, name, source, term, click_id, network } }
record! { Referrer as ReferrerParts { url, domain, hostname, keywords, pathname, query_string, fragment, name, medium } }
record! { Attribute as AttributeParts { data_type, value } }
record! { Engagement as EngagementParts { offer_id, session_id, action_state, conversation_id, handle_time_seconds, error_code, error_message } }
record! { Control { action, purposes } }
record! { VisitorTrait { customer_id, deployment_id, name, value, updated_date, event_id, identifier_type } }
record! { IngestAccount { topic, partition, deployment_id, minute, counts } }
record! { AccountCount { result, reason, count } }
record! { VisitEvent {
    kind, time, received_date, customer_id, deployment_id, visit, last_page_date, cause, merged_into, reason, ping, late,
    in_cause, opens,
} }
record! { Visit as VisitParts {
    id, policy, created_date, last_activity_date, last_event_date, ended_date, idle_date, away_date, presence, end_reason,
    event_count, pageview_count, ping_count, late_count, search_terms, first_page, last_page, browser, device,
    geolocation, ip_organization, referrer, mkt_campaign, consent, page_class, bot, authenticated, reply_to, truncated,
    visit_number, total_event_count, total_pageview_count, first_seen_date, engaged_millis, last_page_millis,
    search_count, form_submitted_count, form_abandoned_count, forms,
} }
record! { FormUse { name, submitted_count, abandoned_count } }
record! { JourneyEvent as JourneyEventParts {
    id, event_type, created_date, received_date, correlation_id, deployment_id, customer_id, customer_id_type, session,
    sequence, authenticated, consent, page_class, late, bot, definitions_version, visit, web_event, session_event,
    segment_assignment_event, outcome_achieved_event, web_action_event, blocked_web_action_offer_event, consent_event,
} }
record! { Reference { id, kind } }
record! { Versioned { id, version } }
record! { VisitSummary {
    created_date, ended_date, idle_date, away_date, end_reason, duration_in_seconds, event_count, pageview_count,
    search_terms, first_page, last_page, device, browser, geolocation, referrer, mkt_campaign, segment_assignments,
    outcome_achievements, visit_number, total_event_count, total_pageview_count, first_seen_date, engaged_millis,
    last_page_millis, search_count, form_submitted_count, form_abandoned_count, forms,
} }
record! { SegmentAssignment { segment, assigned_date } }
record! { OutcomeAchievement { outcome, achieved_date, value } }
record! { SessionEvent { state, merged_into, reason } }
record! { Named { id, version, display_name } }
record! { AssignedSegment { id, version, display_name, should_display_to_agent } }
record! { SegmentAssignmentEvent { segment, assignment_state, date_assigned, date_for_unassignment, evidence } }
record! { OutcomeAchievedEvent { outcome, associated_value, touchpoints } }
record! { WebActionEvent { action_id, action_map, action_state, inferred, time_to_disposition_millis, conversation_id } }
record! { BlockedWebActionOfferEvent {
    action_map, blocking_reason, blocking_action_map_id, blocking_action_id, blocking_frequency_cap_behaviour,
    blocking_schedule_group_id,
} }
record! { ConsentEvent { state, purposes } }
record! { Offer as OfferParts {
    id, status, sequence, created_date, offered_date, expires_date, trigger, deployment_id, journey_context, action_map,
    action, route_path, display_conditions, page, reply_to, segments, reasons, withdraw_reason, consent,
    definitions_version,
} }
record! { Trigger as TriggerParts { kind, event_id, created_date, received_date } }
record! { JourneyContext { customer, customer_session, triggering_action } }
record! { Customer { id, id_type } }
record! { TriggeringAction { id, action_map } }
record! { OfferingMap { id, version, display_name, weight } }
record! { Action { media_type, properties } }
record! { RoutePathReference { id, queue_id, media_type, language_id, skill_ids } }
record! { DisplayCondition { operator, values } }
record! { OfferPage { url, title, pathname } }
record! { SegmentReference { id, version, display_name } }
record! { DemandSignal { id, route_path_id, interval_start, action_map, field, reason, delta, time, received_date } }
record! { StaffingInterval {
    route_path_id, interval_start, interval_seconds, route_path, status, revision, revised_date, watermark, cause, changed,
    source, completeness, basis, actual, forecast, forecast_history,
} }
record! { RoutePathSummary {
    queue_id, queue_name, media_type, language_name, skill_names, planning_group_id, business_unit_id, time_zone,
} }
record! { Actual {
    visits_active, qualified, invitations_offered, invitations_accepted, invitations_rejected, invitations_timed_out,
    invitations_ignored, invitations_errored, blocked as map, interactions_offered, interactions_answered,
    interactions_abandoned, interactions_handled, total_handle_time_seconds, interactions_unresolved,
} }
record! { Forecast {
    interactions_offered, average_handle_time_seconds, workload_seconds, concurrency, suppressed_interactions, drivers,
    model,
} }
record! { Estimate { mean, p10, p90 } }
record! { Driver { action_map_id, version, stage, invitations, acceptance, reach, mean_delay_seconds, interactions } }
record! { Model { id, version, trained_through, samples } }
record! { FrozenForecast { horizon_minutes, made_date, mean, p10, p90 } }
