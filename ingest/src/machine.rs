//! The visitor's machine: as the user agent says, then as client hints say, then as the event says itself.

use journey::{
    Text,
    web_event::{Browser, Device},
};

use crate::{
    accepted::Rules,
    field, hints,
    json::Scalar,
    language,
    raw::{RawBrowser, RawDevice, RawEvent},
    reason::Flaw,
    said::Said,
    scrub::Hits,
    user_agent::Agent,
};

/// Reads browser and device.
pub(crate) fn read(
    raw: &RawEvent<'_>,
    agent: Option<&Agent>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<(Option<Browser>, Option<Device>), Flaw> {
    let mut known = agent.and_then(|agent| agent.browser.clone());
    let mut held = agent.and_then(|agent| agent.device.clone());
    hints::apply(&raw.user_agent_data, &mut known, &mut held, hits);
    Ok((
        browser(known, &raw.browser, rules, hits)?,
        device(held, &raw.device, rules, hits)?,
    ))
}

/// What the user agent says, overridden by what the event says itself.
fn browser(
    known: Option<Browser>,
    raw: &RawBrowser<'_>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<Option<Browser>, Flaw> {
    field::expect("browser", raw.wrong, "an object")?;
    if !raw.present {
        return Ok(known);
    }
    let mut browser = known.unwrap_or_default();
    let most = rules.config.limits.text_bytes;
    let mut said = Said { most, hits };
    if let Some(family) = said.text("browser.family", &raw.family)? {
        browser.family = family;
    }
    said.put(&mut browser.version, "browser.version", &raw.version)?;
    let lang = field::text("browser.lang", &raw.lang, most)?;
    if let Some(lang) = lang.and_then(language::normalised) {
        browser.lang = Some(Text::from(&*lang));
    }
    Ok(Some(browser))
}

/// As [`browser`].
fn device(
    known: Option<Device>,
    raw: &RawDevice<'_>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<Option<Device>, Flaw> {
    field::expect("device", raw.wrong, "an object")?;
    if !raw.present {
        return Ok(known);
    }
    let mut device = known.unwrap_or_default();
    let most = rules.config.limits.text_bytes;
    let category = field::text("device.category", &raw.category, most)?;
    let mut said = Said { most, hits };
    if let Some(category) = category {
        device.category = rules.words.category(category, said.hits);
        device.mobile = matches!(&*device.category, "mobile" | "tablet");
    }
    device.mobile = field::boolean("device.isMobile", &raw.is_mobile)?.unwrap_or(device.mobile);
    device.screen_height =
        pixels("device.screenHeight", &raw.screen_height)?.or(device.screen_height);
    device.screen_width = pixels("device.screenWidth", &raw.screen_width)?.or(device.screen_width);
    // Genesys' member, for which a web event has no place.
    field::count("device.screenDensity", &raw.screen_density, i64::MAX)?;
    said.put(&mut device.kind, "device.type", &raw.kind)?;
    said.put(&mut device.os_family, "device.osFamily", &raw.os_family)?;
    said.put(&mut device.os_version, "device.osVersion", &raw.os_version)?;
    said.put(
        &mut device.manufacturer,
        "device.manufacturer",
        &raw.manufacturer,
    )?;
    Ok(Some(device))
}

fn pixels(name: &'static str, scalar: &Scalar<'_>) -> Result<Option<i32>, Flaw> {
    let pixels = field::count(name, scalar, i32::MAX.into())?;
    Ok(pixels.and_then(|pixels| i32::try_from(pixels).ok()))
}
