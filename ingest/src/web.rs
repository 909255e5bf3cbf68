//! One web event: consent first, then the page's class, then everything else.

use std::sync::Arc;

use journey::{
    CustomerId, EventId, Text, Timestamp, VisitorTrait, WebEvent,
    web_event::{Activity, Attribute, Consent, Geolocation},
};

use crate::{
    accepted::{Accepted, Rules, Unknown},
    address, app,
    attributes::{self, Dropped, Sorted, Trait},
    consent::{self, Stance},
    control::{self, CONSENT_WITHDRAWN, ERASE_ACTION},
    counted,
    deployment::{self, Known, Received, Sender},
    field, machine,
    page::{self, Place},
    raw::RawEvent,
    reason::{Flaw, RejectReason, SuppressReason},
    referrer,
    said::Said,
    scrub::{Form, Hits, scrub},
    site::{Class, Site},
    user_agent::{Agent, Agents},
    visitor,
};

/// What an event that may be used has shown so far.
struct Admitted {
    consent: Consent,
    place: Arc<Place>,
    agent: Option<Arc<Agent>>,
    hits: Hits,
}

/// Reads one web event.
pub(crate) fn read(
    raw: &RawEvent<'_>,
    received: Received,
    rules: &Rules<'_>,
    agents: &mut Agents,
) -> Result<Box<Accepted>, Flaw> {
    deployment::is_object(raw.present, raw.wrong)?;
    let sender = deployment::sender(&raw.deployment_id, received, rules)?;
    if raw.asks_to_erase() {
        let (purposes, hits) = (Vec::new(), Hits::default());
        let read = control::read(raw, &sender, rules, ERASE_ACTION, purposes, hits);
        return read.map(Box::new);
    }
    let mut hits = Hits::default();
    let policy = &sender.site.consent;
    match consent::gate(policy, &raw.consent, raw.signal(), rules, &mut hits)? {
        Stance::Withdrawn(purposes) => {
            let read = control::read(raw, &sender, rules, CONSENT_WITHDRAWN, purposes, hits);
            read.map(Box::new)
        }
        Stance::Allowed(consent) => {
            rules.admit(raw, &sender)?;
            let mut admitted = admit(raw, &sender, consent, rules, agents)?;
            admitted.hits.add_all(hits);
            accept(raw, &sender, admitted, rules)
        }
    }
}

/// Whether the page and the visitor's machine may be tracked at all.
fn admit(
    raw: &RawEvent<'_>,
    sender: &Sender<'_>,
    consent: Consent,
    rules: &Rules<'_>,
    agents: &mut Agents,
) -> Result<Admitted, Flaw> {
    let limits = &rules.config.limits;
    let site = sender.site;
    let place = match app::screen(raw, limits)? {
        Some(url) => Arc::new(Place::new(url, site)?),
        None => page::place(&raw.page, sender, rules)?,
    };
    site.gates.origin(&raw.origin, &place.url)?;
    // As long as it likes: what is kept of it is cut.
    let agent = field::text("userAgentString", &raw.user_agent_string, usize::MAX)?;
    let agent = agent.and_then(|text| agents.read(text, limits.user_agent_bytes));
    if site.suppress_bots && agent.as_ref().is_some_and(|agent| agent.bot) {
        return Err(SuppressReason::Bot.into());
    }
    Ok(Admitted {
        consent,
        place,
        hits: agent.as_ref().map(|agent| agent.hits).unwrap_or_default(),
        agent,
    })
}

/// Everything else.
fn accept(
    raw: &RawEvent<'_>,
    sender: &Sender<'_>,
    admitted: Admitted,
    rules: &Rules<'_>,
) -> Result<Box<Accepted>, Flaw> {
    once(raw)?;
    let limits = &rules.config.limits;
    let Admitted {
        consent,
        place,
        agent,
        mut hits,
    } = admitted;
    let customer_id = visitor::of_cookie(&raw.customer_cookie_id, sender.deployment_id, rules)?;
    let created = field::required_date("createdDate", &raw.created_date)?;
    let sent = field::date("sentDate", &raw.sent_date)?;
    let time = sender.received.event_time(created, sent, rules);
    let bot = agent.as_ref().is_some_and(|agent| agent.bot);
    let (activity, traits, dropped) =
        activity(raw, &place, sender, agent.as_deref(), rules, &mut hits)?;
    // By what the visitor did, before what is known of where from: one that is sent again may come from another network.
    let event_id = match field::text("eventId", &raw.event_id, limits.id_bytes)? {
        Some(event_id) => visitor::event_id(event_id, &customer_id, rules, &mut hits),
        None => derive_id(&customer_id, created, &activity, rules),
    };
    let activity = completed(activity, raw, &place, sender, rules, &mut hits)?;
    // What is joined to no person takes none of a person's data either.
    let may_link = place.class < Class::NoLink;
    let contact = may_link && consent::covers_contact(&consent.purposes);
    let known = Known {
        event_id,
        customer_id,
        time,
        consent,
    };
    let mut event = sender.event(&rules.words.web, known, rules);
    event.page_class = rules.words.class(place.class);
    event.bot = bot;
    event.authenticated = field::boolean("authenticated", &raw.authenticated)?.unwrap_or(false);
    let reply_to = field::text("replyTo", &raw.reply_to, limits.id_bytes)?;
    event.reply_to = reply_to
        .filter(|_| may_link)
        .map(|text| Text::from(&*scrub(text, Form::Id, &mut hits)));
    event.web_event = Some(activity);
    let of_event = |found| trait_of(&event, found);
    let traits = traits
        .into_iter()
        .filter(|_| contact)
        .map(of_event)
        .collect();
    Ok(Box::new(Accepted {
        event,
        traits,
        forgotten: Vec::new(),
        hits,
        correction: time.corrected,
        unknown: unknown(raw),
        dropped,
    }))
}

/// The activity with what is known of app, network and place; of a page that is only counted, what may be told of that.
fn completed(
    mut activity: Activity,
    raw: &RawEvent<'_>,
    place: &Place,
    sender: &Sender<'_>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<Activity, Flaw> {
    app::note(raw, &mut activity.attributes, rules, hits)?;
    activity.geolocation = locate(raw, sender.site, rules, &mut activity.attributes);
    Ok(match place.class {
        Class::CountOnly => counted::only(activity, &place.url),
        _ => activity,
    })
}

/// What came that nothing here has a use for.
fn unknown(raw: &RawEvent<'_>) -> Unknown {
    let app = [
        raw.app.unknown,
        raw.sdk_library.unknown,
        raw.network.unknown,
    ];
    Unknown([
        raw.unknown,
        raw.page.unknown,
        raw.browser.unknown,
        raw.device.unknown,
        raw.consent.unknown,
        app.into_iter().fold(0, u16::saturating_add),
        0,
    ])
}

fn trait_of(event: &WebEvent, found: Trait) -> VisitorTrait {
    VisitorTrait {
        customer_id: event.customer_id.clone(),
        deployment_id: event.deployment_id.clone(),
        name: found.name,
        value: found.value,
        updated_date: event.occurred_at,
        event_id: event.event_id.clone(),
        identifier_type: found.identifier.map(|kind| Text::from(kind.as_str())),
    }
}

/// What is not there twice.
fn once(raw: &RawEvent<'_>) -> Result<(), Flaw> {
    field::once("", raw.duplicates.first())?;
    field::once("page.", raw.page.duplicates.first())?;
    field::once("browser.", raw.browser.duplicates.first())?;
    field::once("device.", raw.device.duplicates.first())?;
    field::once("app.", raw.app.duplicates.first())?;
    field::once("sdkLibrary.", raw.sdk_library.duplicates.first())?;
    field::once("networkConnectivity.", raw.network.duplicates.first())
}

/// What the visitor did, and what of it are traits.
fn activity(
    raw: &RawEvent<'_>,
    place: &Place,
    sender: &Sender<'_>,
    agent: Option<&Agent>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<(Activity, Vec<Trait>, Dropped), Flaw> {
    let (site, limits) = (sender.site, &rules.config.limits);
    let event_name = event_name(raw, limits.name_bytes)?;
    let mut visited = page::read(&raw.page, place, limits, hits)?;
    let mut said = Said {
        most: limits.text_bytes,
        hits,
    };
    if visited.page.title.is_none() {
        visited.page.title = said.text("screenName", &raw.screen_name)?;
    }
    let search = said.text("searchQuery", &raw.search_query)?;
    let form_name = said.text("formName", &raw.form_name)?;
    let too_long = RejectReason::ReferrerTooLong;
    let referrer =
        field::text_within("referrerUrl", &raw.referrer_url, limits.url_bytes, too_long)?;
    let mut sorted = attributes::read(&raw.attributes, site, rules, hits)?;
    attributes::read_traits(&raw.traits, site, rules, &mut sorted)?;
    let external = field::text("externalId", &raw.external_id, limits.id_bytes)?;
    if let (Some(id), Some(mapping)) = (external, site.mapping("externalId")) {
        sorted.note(mapping, id, site);
    }
    let Sorted {
        attributes,
        traits,
        dropped,
    } = sorted;
    let (browser, device) = machine::read(raw, agent, rules, hits)?;
    let activity = Activity {
        event_name: rules.words.event_name(event_name, hits),
        user_agent_string: agent.map(|agent| agent.text.clone()),
        browser,
        device,
        geolocation: None,
        ip_organization: None,
        referrer: referrer.and_then(|text| {
            let campaign = visited.campaign.as_ref();
            referrer::read(text, &visited.page.domain, campaign, sender, rules, hits)
        }),
        mkt_campaign: visited.campaign,
        search_query: search.or(visited.search),
        form_name,
        attributes,
        page: visited.page,
    };
    Ok((activity, traits, dropped))
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

/// Where the visitor is. The address goes no further, but for its network where the deployment keeps it.
fn locate(
    raw: &RawEvent<'_>,
    site: &Site,
    rules: &Rules<'_>,
    attributes: &mut Vec<(Text, Attribute)>,
) -> Option<Geolocation> {
    if !site.keep_ip_address && rules.config.geo.is_none() {
        return None;
    }
    let found = address::read(&raw.ip_address)?;
    let taken = attributes.iter().any(|(name, _)| *name == "ipAddress");
    if let (true, false, Some(data_type)) =
        (site.keep_ip_address, taken, rules.words.data_type("string"))
    {
        let value = Text::from(address::cut(found).to_string());
        attributes.push((Text::from("ipAddress"), Attribute { data_type, value }));
    }
    rules.config.geo.as_ref()?.look_up(found)
}

/// The id of an event that has none: of visitor, date, name, URL and attributes, as they are kept, the attributes by name: a
/// sender that tries again may write them in another order. Under the visitors' key: of a page that is only counted nobody is to
/// find out which it was by trying them all.
fn derive_id(
    customer_id: &CustomerId,
    created: Timestamp,
    activity: &Activity,
    rules: &Rules<'_>,
) -> EventId {
    let at = created.0.to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![
        customer_id.as_str().as_bytes(),
        &at,
        activity.event_name.as_bytes(),
        activity.page.url.as_bytes(),
    ];
    let mut attributes: Vec<_> = activity.attributes.iter().collect();
    attributes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (name, attribute) in attributes {
        parts.extend([name.as_bytes(), attribute.value.as_bytes()]);
    }
    EventId::from(rules.config.visitor_keys.derive(&parts))
}
