//! Client hints (`navigator.userAgentData`, as browsers send it): what a frozen user agent no longer says stands above it.

use journey::{
    Text,
    web_event::{Browser, Device},
};

use crate::{
    json::Scalar,
    raw::{RawBrand, RawHints},
    scrub::{Form, Hits, scrub},
};

/// The longest hint that is used.
const LONGEST: usize = 128;

/// Puts what the hints say in the place of what the user agent says.
pub(crate) fn apply(
    raw: &RawHints<'_>,
    browser: &mut Option<Browser>,
    device: &mut Option<Device>,
    hits: &mut Hits,
) {
    if !raw.present || raw.wrong.is_some() {
        return;
    }
    let mobile = match raw.mobile {
        Scalar::Boolean(mobile) => Some(mobile),
        _ => None,
    };
    let brand = named(&raw.full_version_list.items).or_else(|| named(&raw.brands.items));
    if let Some((family, version)) = brand {
        let browser = browser.get_or_insert_default();
        let family = family_of(family, mobile == Some(true));
        browser.family = Text::from(&*scrub(family, Form::Plain, hits));
        browser.version = version.map(|version| Text::from(&*scrub(version, Form::Plain, hits)));
    }
    let device = device.get_or_insert_default();
    let platform = text(&raw.platform);
    if let Some(platform) = platform {
        let (family, version) = system(platform, text(&raw.platform_version));
        if device.os_family.as_deref() != Some(family) || version.is_some() {
            device.os_version =
                version.map(|version| Text::from(&*scrub(version, Form::Plain, hits)));
        }
        device.os_family = Some(Text::from(&*scrub(family, Form::Plain, hits)));
    }
    if let Some(mobile) = mobile {
        let category = match (mobile, platform) {
            (true, _) => "mobile",
            (false, Some("Android")) => "tablet",
            (false, _) if device.category == "tablet" => "tablet",
            (false, _) => "desktop",
        };
        device.category = Text::from(category);
        device.mobile = category != "desktop";
    }
    if let Some(model) = text(&raw.model) {
        device.kind = Some(Text::from(&*scrub(model, Form::Plain, hits)));
    }
}

fn text<'s>(scalar: &'s Scalar<'_>) -> Option<&'s str> {
    match scalar {
        Scalar::Text(text) if (1..=LONGEST).contains(&text.len()) && !text.contains('\0') => {
            Some(text)
        }
        _ => None,
    }
}

/// The brand with its major version: the browser's own before the engine's, and never the one that is made up so that nobody
/// relies on the list.
fn named<'s>(brands: &'s [RawBrand<'_>]) -> Option<(&'s str, Option<&'s str>)> {
    let made_up = |brand: &str| brand.contains("Not") && brand.contains("Brand");
    let real = || {
        brands.iter().filter_map(move |brand| {
            let name = text(&brand.brand).filter(|name| !made_up(name))?;
            let version = text(&brand.version).and_then(|version| version.split('.').next());
            Some((name, version))
        })
    };
    real()
        .find(|(name, _)| *name != "Chromium")
        .or_else(|| real().next())
}

/// A brand by the name that uap-core gives the same browser.
fn family_of(brand: &str, mobile: bool) -> &str {
    match (brand, mobile) {
        ("Google Chrome" | "Chromium", true) => "Chrome Mobile",
        ("Google Chrome", false) => "Chrome",
        ("Microsoft Edge", true) => "Edge Mobile",
        ("Microsoft Edge", false) => "Edge",
        ("Opera", true) => "Opera Mobile",
        (brand, _) => brand,
    }
}

/// A platform by the name that uap-core gives the same system, and its major version. Windows 11 calls itself 13 or more.
fn system<'s>(platform: &'s str, version: Option<&'s str>) -> (&'s str, Option<&'s str>) {
    let major = version.and_then(|version| version.split('.').next());
    match platform {
        "Windows" => {
            let version = match major.and_then(|major| major.parse::<u32>().ok()) {
                Some(13..) => Some("11"),
                Some(1..=12) => Some("10"),
                _ => None,
            };
            ("Windows", version)
        }
        "macOS" => ("Mac OS X", major),
        "Chrome OS" | "Chromium OS" => ("Chrome OS", major),
        other => (other, major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        raw::{self, RawEvent},
        user_agent::Agents,
    };

    const FROZEN: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";
    const DESKTOP: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";

    /// Expected: browser and version, system and version, category, model.
    #[track_caller]
    fn check(user_agent: &str, hints: &str, expected: &str) {
        let event = format!(r#"{{"userAgentData":{hints}}}"#);
        let mut read = RawEvent::default();
        raw::read(event.as_bytes(), 1 << 15, &mut read).expect("JSON");
        let agent = Agents::new(1).read(user_agent, 1024).expect("an agent");
        let (mut browser, mut device) = (agent.browser.clone(), agent.device.clone());
        apply(
            &read.user_agent_data,
            &mut browser,
            &mut device,
            &mut Hits::default(),
        );
        let (b, d) = (browser.expect("a browser"), device.expect("a device"));
        let text = |text: &Option<Text>| text.as_deref().unwrap_or("-").to_owned();
        let got = format!(
            "{} {}|{} {}|{}|{}",
            b.family,
            text(&b.version),
            text(&d.os_family),
            text(&d.os_version),
            d.category,
            text(&d.kind)
        );
        assert_eq!(got, expected);
    }

    #[test]
    fn hints_say_what_a_frozen_user_agent_does_not() {
        check(
            FROZEN,
            r#"{"brands":[{"brand":"Chromium","version":"130"},{"brand":"Google Chrome","version":"130"},
                {"brand":"Not?A_Brand","version":"99"}],"mobile":true,"platform":"Android","platformVersion":"15.0.0","model":"Pixel 9"}"#,
            "Chrome Mobile 130|Android 15|mobile|Pixel 9",
        );
        check(
            DESKTOP,
            r#"{"brands":[{"brand":"Not;A=Brand","version":"8"},{"brand":"Chromium","version":"130"},{"brand":"Microsoft Edge","version":"130"}],
                "fullVersionList":[{"brand":"Microsoft Edge","version":"131.0.2903.51"}],"mobile":false,"platform":"Windows","platformVersion":"15.0.0"}"#,
            "Edge 131|Windows 11|desktop|-",
        );
        check(
            FROZEN,
            r#"{"mobile":false,"platform":"Android","model":"SM-X710"}"#,
            "Chrome Mobile 130|Android 10|tablet|SM-X710",
        );
    }

    #[test]
    fn hints_that_say_nothing_leave_the_user_agent() {
        for nothing in [
            "null",
            "[]",
            "{}",
            r#"{"brands":{},"mobile":"yes","platform":7,"model":""}"#,
        ] {
            check(DESKTOP, nothing, "Chrome 130|Windows 10|desktop|-");
        }
    }
}
