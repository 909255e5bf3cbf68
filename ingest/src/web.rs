//! One web event: consent first, then the page's class, then everything else.

use journey::{
    CustomerId, EventId, Text, Timestamp, VisitorTrait, WebEvent, id,
    web_event::{Activity, Browser, Consent, Device},
};
use url::Url;

use crate::{
    accepted::{Accepted, Rules},
    attributes::{self, Sorted},
    consent::{self, Stance},
    control::{self, CONSENT_WITHDRAWN, ERASE, ERASE_ACTION},
    deployment::{self, Known, Sender},
    event_time, field,
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

/// What an event that may be used has shown so far.
struct Admitted {
    consent: Consent,
    url: Url,
    class: Class,
    agent: Option<Agent>,
}

/// Reads one web event.
pub(crate) fn read(
    raw: &RawEvent<'_>,
    received_at: Timestamp,
    rules: &Rules<'_>,
    agents: &mut Agents,
) -> Result<Accepted, Flaw> {
    deployment::is_object(raw.present, raw.wrong)?;
    let sender = deployment::sender(&raw.deployment_id, received_at, rules)?;
    if matches!(&raw.event_name, Scalar::Text(name) if name == ERASE) {
        return control::read(raw, &sender, rules, ERASE_ACTION, Vec::new());
    }
    match consent::gate(&sender.site.consent, &raw.consent, &raw.gpc, rules.words)? {
        Stance::Withdrawn(purposes) => {
            control::read(raw, &sender, rules, CONSENT_WITHDRAWN, purposes)
        }
        Stance::Allowed(consent) => {
            rules.admit(raw, &sender)?;
            let admitted = admit(raw, sender.site, consent, rules, agents)?;
            accept(raw, &sender, admitted, rules)
        }
    }
}

/// Whether the page and the visitor's machine may be tracked at all.
fn admit(
    raw: &RawEvent<'_>,
    site: &Site,
    consent: Consent,
    rules: &Rules<'_>,
    agents: &mut Agents,
) -> Result<Admitted, Flaw> {
    let limits = &rules.config.limits;
    let url = page::url(&raw.page, limits)?;
    let class = site.class(&url);
    if class == Class::Block {
        return Err(SuppressReason::PageBlocked.into());
    }
    site.gates.origin(&raw.origin, &url)?;
    let agent = field::text("userAgentString", &raw.user_agent_string, limits.text_bytes)?;
    let agent = agent.and_then(|text| agents.read(text));
    if site.suppress_bots && agent.as_ref().is_some_and(|agent| agent.bot) {
        return Err(SuppressReason::Bot.into());
    }
    Ok(Admitted {
        consent,
        url,
        class,
        agent,
    })
}

/// Everything else.
fn accept(
    raw: &RawEvent<'_>,
    sender: &Sender<'_>,
    admitted: Admitted,
    rules: &Rules<'_>,
) -> Result<Accepted, Flaw> {
    once(raw)?;
    let limits = &rules.config.limits;
    let Admitted {
        consent,
        url,
        class,
        agent,
    } = admitted;
    let customer_id = visitor::of_cookie(&raw.customer_cookie_id, sender.deployment_id, rules)?;
    let created = field::required_date("createdDate", &raw.created_date)?;
    let sent = field::date("sentDate", &raw.sent_date)?;
    let time = event_time::event_time(created, sent, sender.received_at);
    let mut hits = agent.as_ref().map(|agent| agent.hits).unwrap_or_default();
    let bot = agent.as_ref().is_some_and(|agent| agent.bot);
    let (activity, traits) = activity(raw, &url, sender.site, agent, rules, &mut hits)?;
    let event_id = match field::text("eventId", &raw.event_id, limits.id_bytes)? {
        Some(event_id) => EventId::from(event_id),
        None => derive_id(&customer_id, created, &activity),
    };
    let contact = consent::allows_contact(&consent);
    let known = Known {
        event_id,
        customer_id,
        time,
        consent,
    };
    let mut event = sender.event(&rules.words.web, known, rules);
    event.page_class = rules.words.class(class);
    event.bot = bot;
    event.authenticated = field::boolean("authenticated", &raw.authenticated)?.unwrap_or(false);
    event.reply_to = field::text("replyTo", &raw.reply_to, limits.id_bytes)?.map(Text::from);
    event.web_event = Some(activity);
    let of_event = |(name, value)| trait_of(&event, name, value);
    let traits = traits
        .into_iter()
        .filter(|_| contact)
        .map(of_event)
        .collect();
    Ok(Accepted {
        event,
        traits,
        forgotten: Vec::new(),
        hits,
        correction: time.corrected,
    })
}

fn trait_of(event: &WebEvent, name: Text, value: Text) -> VisitorTrait {
    VisitorTrait {
        customer_id: event.customer_id.clone(),
        deployment_id: event.deployment_id.clone(),
        name,
        value,
        updated_date: event.occurred_at,
        event_id: event.event_id.clone(),
    }
}

/// What is not there twice.
fn once(raw: &RawEvent<'_>) -> Result<(), Flaw> {
    field::once("", raw.duplicate)?;
    field::once("page.", raw.page.duplicate)?;
    field::once("browser.", raw.browser.duplicate)?;
    field::once("device.", raw.device.duplicate)
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
