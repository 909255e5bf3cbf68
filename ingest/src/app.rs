//! App events (Genesys' `AppEventRequest`): a screen is the page `app://<namespace>/<screenName>`, and what is said of the
//! app, its SDK and its network are attributes by their paths (`app.version`, `networkConnectivity.carrier`).

use journey::{Text, web_event::Attribute};
use url::Url;

use crate::{
    accepted::Rules,
    config::Limits,
    field,
    raw::RawEvent,
    reason::{Flaw, RejectReason},
    scrub::{Form, Hits, scrub},
};

/// The page that a screen is; `None` where the event names no screen, or a page of its own.
pub(crate) fn screen(raw: &RawEvent<'_>, limits: &Limits) -> Result<Option<Url>, Flaw> {
    field::expect("page", raw.page.wrong, "an object")?;
    if raw.page.present && !raw.page.url.is_blank() {
        return Ok(None);
    }
    let Some(name) = name(raw, limits)? else {
        return Ok(None);
    };
    let namespace = field::text("app.namespace", &raw.app.namespace, limits.id_bytes)?;
    let host: String = namespace
        .unwrap_or("app")
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') => {
                c.to_ascii_lowercase()
            }
            _ => '-',
        })
        .collect();
    let invalid = || {
        Flaw::new(
            RejectReason::InvalidUrl,
            "`screenName` makes no address of a page",
        )
    };
    let mut url = Url::parse(&format!("app://{host}/")).map_err(|_| invalid())?;
    url.set_path(name);
    if url.as_str().len() > limits.url_bytes {
        let what = format!(
            "`screenName` makes a URL of more than {} bytes",
            limits.url_bytes
        );
        return Err(Flaw::new(RejectReason::UrlTooLong, what));
    }
    Ok(Some(url))
}

/// The screen's name.
pub(crate) fn name<'s>(raw: &'s RawEvent<'_>, limits: &Limits) -> Result<Option<&'s str>, Flaw> {
    field::text("screenName", &raw.screen_name, limits.text_bytes)
}

/// What is said of app, SDK and network, put among the attributes; what the site itself calls so stands.
pub(crate) fn note(
    raw: &RawEvent<'_>,
    attributes: &mut Vec<(Text, Attribute)>,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<(), Flaw> {
    field::expect("app", raw.app.wrong, "an object")?;
    field::expect("sdkLibrary", raw.sdk_library.wrong, "an object")?;
    field::expect("networkConnectivity", raw.network.wrong, "an object")?;
    let (app, sdk, network) = (&raw.app, &raw.sdk_library, &raw.network);
    if !(app.present || sdk.present || network.present) {
        return Ok(());
    }
    let texts = [
        ("app.name", &app.name),
        ("app.namespace", &app.namespace),
        ("app.version", &app.version),
        ("app.buildNumber", &app.build_number),
        ("sdkLibrary.name", &sdk.name),
        ("sdkLibrary.version", &sdk.version),
        ("networkConnectivity.carrier", &network.carrier),
    ];
    let mut put = |name: &'static str, data_type: &str, value: &str| {
        let taken = attributes.iter().any(|(known, _)| *known == name);
        if let (false, Some(data_type)) = (taken, rules.words.data_type(data_type)) {
            let value = Text::from(&*scrub(value, Form::Plain, hits));
            attributes.push((Text::from(name), Attribute { data_type, value }));
        }
    };
    for (name, scalar) in texts {
        if let Some(text) = field::text(name, scalar, rules.config.limits.value_bytes)? {
            put(name, "string", text);
        }
    }
    for (name, scalar) in [
        ("networkConnectivity.bluetoothEnabled", &network.bluetooth),
        ("networkConnectivity.cellularEnabled", &network.cellular),
        ("networkConnectivity.wifiEnabled", &network.wifi),
    ] {
        if let Some(value) = field::boolean(name, scalar)? {
            put(name, "boolean", if value { "true" } else { "false" });
        }
    }
    Ok(())
}
