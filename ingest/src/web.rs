//! One web event: consent first, then the page's class, then everything else.

use journey::{
    CustomerId, DeploymentId, EventId, Text, Timestamp, VisitorTrait, WebEvent, id,
    web_event::{Activity, Browser, Consent, Control, Device},
};
use url::Url;

use crate::{
    accepted::{Accepted, Rules},
    attributes::{self, Sorted},
    consent::{self, Stance},
    deployment, event_time, field,
    json::Scalar,
    page,
    raw::{RawBrowser, RawDevice, RawEvent},
    reason::{Flaw, RejectReason, SuppressReason},
    referrer,
    scrub::{Form, Hits, scrub},
    site::{Class, Site},
    user_agent::{Agent, Agents},
    visitor,
};

/// The reserved `eventName` that asks to forget a visitor.
pub const ERASE: &str = "footfall_erase";

/// The `action` of a control record: the visitor took consent back.
pub const CONSENT_WITHDRAWN: &str = "consent_withdrawn";
/// The `action` of a control record: everything about the visitor is to go.
pub const ERASE_ACTION: &str = "erase";

/// Reads one web event.
pub(crate) fn read(
    raw: &RawEvent<'_>,
    received_at: Timestamp,
    rules: &Rules<'_>,
    agents: &mut Agents,
) -> Result<Accepted, Flaw> {
    deployment::is_object(raw.present, raw.wrong)?;
    let (deployment_id, site) = deployment::of(&raw.deployment_id, rules)?;
    let control = |action, purposes| {
        control(
            raw,
            received_at,
            rules,
            deployment_id,
            site,
            action,
            purposes,
        )
    };
    if matches!(&raw.event_name, Scalar::Text(name) if name == ERASE) {
        return control(ERASE_ACTION, Vec::new());
    }
    let consent = match consent::gate(&site.consent, &raw.consent, &raw.gpc, rules.words)? {
        Stance::Allowed(consent) => consent,
        Stance::Withdrawn(purposes) => return control(CONSENT_WITHDRAWN, purposes),
    };
    let limits = &rules.config.limits;
    let url = page::url(&raw.page, limits)?;
    let class = site.class(&url);
    if class == Class::Block {
        return Err(SuppressReason::PageBlocked.into());
    }
    let agent = field::text("userAgentString", &raw.user_agent_string, limits.text_bytes)?;
    let agent = agent.and_then(|text| agents.read(text));
    let bot = agent.as_ref().is_some_and(|agent| agent.bot);
    if bot && site.suppress_bots {
        return Err(SuppressReason::Bot.into());
    }
    once(raw)?;
    let customer_id = visitor::of_cookie(&raw.customer_cookie_id, deployment_id, rules)?;
    let created = field::date("createdDate", &raw.created_date)?
        .ok_or_else(|| Flaw::new(RejectReason::MissingCreatedDate, "`createdDate` is missing"))?;
    let sent = field::date("sentDate", &raw.sent_date)?;
    let time = event_time::event_time(created, sent, received_at);
    let mut hits = agent.as_ref().map(|agent| agent.hits).unwrap_or_default();
    let (activity, traits) = activity(raw, &url, site, agent, rules, &mut hits)?;
    let event_id = match field::text("eventId", &raw.event_id, limits.id_bytes)? {
        Some(event_id) => EventId::from(event_id),
        None => derive_id(&customer_id, created, &activity),
    };
    let trait_of = |(name, value)| VisitorTrait {
        customer_id: customer_id.clone(),
        deployment_id: DeploymentId::from(deployment_id),
        name,
        value,
        updated_date: time.occurred_at,
        event_id: event_id.clone(),
    };
    let contact = consent::allows_contact(&consent);
    let traits = traits
        .into_iter()
        .filter(|_| contact)
        .map(trait_of)
        .collect();
    let event = WebEvent {
        kind: rules.words.web.clone(),
        event_id,
        customer_id,
        deployment_id: site.named(deployment_id),
        policy: site.policy.clone(),
        occurred_at: time.occurred_at,
        received_at,
        time_corrected: time.corrected.is_some(),
        consent,
        page_class: rules.words.class(class),
        bot,
        authenticated: field::boolean("authenticated", &raw.authenticated)?.unwrap_or(false),
        reply_to: field::text("replyTo", &raw.reply_to, limits.id_bytes)?.map(Text::from),
        web_event: Some(activity),
        engagement: None,
        control: None,
    };
    Ok(Accepted {
        event,
        traits,
        forgotten: Vec::new(),
        hits,
        correction: time.corrected,
    })
}

/// What is not there twice.
fn once(raw: &RawEvent<'_>) -> Result<(), Flaw> {
    field::once("", raw.duplicate)?;
    field::once("page.", raw.page.duplicate)?;
    field::once("browser.", raw.browser.duplicate)?;
    field::once("device.", raw.device.duplicate)
}

/// The record that makes every stage forget.
fn control(
    raw: &RawEvent<'_>,
    received_at: Timestamp,
    rules: &Rules<'_>,
    deployment_id: &str,
    site: &Site,
    action: &str,
    purposes: Vec<Text>,
) -> Result<Accepted, Flaw> {
    field::once("", raw.duplicate)?;
    let customer_id = visitor::of_either(
        &raw.customer_id,
        &raw.customer_cookie_id,
        deployment_id,
        rules,
    )?;
    let created = field::date("createdDate", &raw.created_date)?.unwrap_or(received_at);
    let time = event_time::event_time(
        created,
        field::date("sentDate", &raw.sent_date)?,
        received_at,
    );
    let event_id = match field::text("eventId", &raw.event_id, rules.config.limits.id_bytes)? {
        Some(event_id) => EventId::from(event_id),
        None => {
            let parts = [
                customer_id.as_str().as_bytes(),
                &created.0.to_be_bytes(),
                action.as_bytes(),
            ];
            EventId::from(id::derive(&parts))
        }
    };
    let forgets = purposes.is_empty() || consent::touches_contact(&purposes);
    let trait_names = site.trait_names().filter(|_| forgets).cloned().collect();
    let consent = Consent {
        state: rules.words.withdrawn.clone(),
        purposes: purposes.clone(),
        ..Consent::default()
    };
    let event = WebEvent {
        kind: rules.words.control.clone(),
        event_id,
        customer_id,
        deployment_id: site.named(deployment_id),
        policy: site.policy.clone(),
        occurred_at: time.occurred_at,
        received_at,
        time_corrected: time.corrected.is_some(),
        consent,
        page_class: rules.words.class(Class::None),
        bot: false,
        authenticated: false,
        reply_to: None,
        web_event: None,
        engagement: None,
        control: Some(Control {
            action: Text::from(action),
            purposes,
        }),
    };
    Ok(Accepted {
        event,
        forgotten: trait_names,
        correction: time.corrected,
        ..Accepted::default()
    })
}

/// What the visitor did, and what of it are traits.
fn activity(
    raw: &RawEvent<'_>,
    url: &Url,
    site: &Site,
    agent: Option<Agent>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<(Activity, Vec<(Text, Text)>), Flaw> {
    let limits = &rules.config.limits;
    let event_name = event_name(raw, limits.name_bytes)?;
    let visited = page::read(&raw.page, url, site, limits, hits)?;
    let search = field::text("searchQuery", &raw.search_query, limits.text_bytes)?;
    let search = search.map(|text| Text::from(&*scrub(text, Form::Plain, hits)));
    let form = field::text("formName", &raw.form_name, limits.text_bytes)?;
    let too_long = RejectReason::ReferrerTooLong;
    let referrer =
        field::text_within("referrerUrl", &raw.referrer_url, limits.url_bytes, too_long)?;
    let Sorted {
        attributes,
        mut traits,
    } = attributes::read(&raw.attributes, site, rules, hits)?;
    attributes::read_traits(&raw.traits, site, rules, &mut traits)?;
    let external = field::text("externalId", &raw.external_id, limits.id_bytes)?;
    if let (Some(id), Some(name)) = (external, site.trait_name("externalId")) {
        traits.push((name.clone(), Text::from(id)));
    }
    let agent = agent.unwrap_or_else(|| Agent::nobody(rules.words));
    let text = Some(agent.text).filter(|text| !text.is_empty());
    let activity = Activity {
        event_name: Text::from(event_name),
        user_agent_string: text,
        browser: browser(agent.browser, &raw.browser, limits.text_bytes)?,
        device: device(agent.device, &raw.device, limits.text_bytes)?,
        geolocation: None,
        ip_organization: None,
        referrer: referrer
            .map(|text| referrer::read(text, url, visited.campaign.as_ref(), site, hits)),
        mkt_campaign: visited.campaign,
        search_query: search.or(visited.search),
        form_name: form.map(|text| Text::from(&*scrub(text, Form::Plain, hits))),
        attributes,
        page: visited.page,
    };
    Ok((activity, traits))
}

fn event_name<'s>(raw: &'s RawEvent<'_>, limit: usize) -> Result<&'s str, Flaw> {
    let name = field::required(
        "eventName",
        &raw.event_name,
        usize::MAX,
        RejectReason::MissingEventName,
    )?;
    if name.len() > limit || !field::is_event_name(name) {
        let what = format!(
            "`eventName` is not made of letters, digits and _.:- or longer than {limit} bytes"
        );
        return Err(Flaw::new(RejectReason::InvalidEventName, what));
    }
    Ok(name)
}

/// What the user agent says, overridden by what the event says itself.
fn browser(
    known: Option<Browser>,
    raw: &RawBrowser<'_>,
    limit: usize,
) -> Result<Option<Browser>, Flaw> {
    field::expect("browser", raw.wrong, "an object")?;
    if !raw.present {
        return Ok(known);
    }
    let mut browser = known.unwrap_or_default();
    if let Some(family) = field::text("browser.family", &raw.family, limit)? {
        browser.family = Text::from(family);
    }
    put(
        &mut browser.version,
        field::text("browser.version", &raw.version, limit)?,
    );
    put(
        &mut browser.lang,
        field::text("browser.lang", &raw.lang, limit)?,
    );
    Ok(Some(browser))
}

/// As [`browser`].
fn device(
    known: Option<Device>,
    raw: &RawDevice<'_>,
    limit: usize,
) -> Result<Option<Device>, Flaw> {
    field::expect("device", raw.wrong, "an object")?;
    if !raw.present {
        return Ok(known);
    }
    let mut device = known.unwrap_or_default();
    if let Some(category) = field::text("device.category", &raw.category, limit)? {
        device.category = Text::from(category.to_ascii_lowercase());
        device.mobile = matches!(&*device.category, "mobile" | "tablet");
    }
    device.mobile = field::boolean("device.isMobile", &raw.is_mobile)?.unwrap_or(device.mobile);
    let pixels = |name, scalar| -> Result<Option<i32>, Flaw> {
        let out_of_range = || {
            Flaw::new(
                RejectReason::InvalidNumber,
                format!("`{name}` is out of range"),
            )
        };
        field::count(name, scalar)?
            .map(|n| i32::try_from(n).map_err(|_| out_of_range()))
            .transpose()
    };
    device.screen_height =
        pixels("device.screenHeight", &raw.screen_height)?.or(device.screen_height);
    device.screen_width = pixels("device.screenWidth", &raw.screen_width)?.or(device.screen_width);
    put(
        &mut device.kind,
        field::text("device.type", &raw.kind, limit)?,
    );
    put(
        &mut device.os_family,
        field::text("device.osFamily", &raw.os_family, limit)?,
    );
    put(
        &mut device.os_version,
        field::text("device.osVersion", &raw.os_version, limit)?,
    );
    put(
        &mut device.manufacturer,
        field::text("device.manufacturer", &raw.manufacturer, limit)?,
    );
    Ok(Some(device))
}

fn put(place: &mut Option<Text>, said: Option<&str>) {
    if let Some(said) = said {
        *place = Some(Text::from(said));
    }
}

/// The id of an event that has none: of visitor, date, name, URL and attributes, as they are kept.
fn derive_id(customer_id: &CustomerId, created: Timestamp, activity: &Activity) -> EventId {
    let at = created.0.to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![
        customer_id.as_str().as_bytes(),
        &at,
        activity.event_name.as_bytes(),
        activity.page.url.as_bytes(),
    ];
    for (name, attribute) in &activity.attributes {
        parts.extend([name.as_bytes(), attribute.value.as_bytes()]);
    }
    EventId::from(id::derive(&parts))
}
