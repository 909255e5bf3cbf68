//! A raw event in the making, within what `ingest` takes unless it is told otherwise.

use std::collections::BTreeSet;

use ingest::{Limits, is_attribute_name};
use journey::Timestamp;
use serde_json::{Map, Number, Value, json};

use super::{Converted, Skip, campaign::Campaign};

/// An event, and what of its line has no place in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawEvent {
    event: Map<String, Value>,
    attributes: Map<String, Value>,
    left_out: BTreeSet<&'static str>,
}

impl RawEvent {
    /// An event of this name, visitor and time. When it was sent nobody knows: were it said to be the same time, `ingest` would
    /// take every line that is out of order for one that happened when the line before it did.
    pub fn new(deployment: &str, visitor: &str, name: &str, at: Timestamp) -> RawEvent {
        let mut event = RawEvent::default();
        let at = at.to_string();
        for (member, value) in [
            ("deploymentId", deployment),
            ("customerCookieId", visitor),
            ("eventName", name),
            ("createdDate", at.as_str()),
        ] {
            event.set(member, value);
        }
        event
    }

    /// What the visitor had agreed to.
    pub fn consent(&mut self, state: &str) {
        let consent = json!({"state": state, "source": "import"});
        self.event.insert("consent".to_owned(), consent);
    }

    /// Sets a member, or one of a member: `page.title`. Empty text is as good as none.
    pub fn set(&mut self, member: &'static str, value: &str) {
        if value.is_empty() {
            return;
        }
        let limits = Limits::default();
        let most = match member {
            "referrerUrl" => limits.url_bytes,
            "eventId" | "app.namespace" => limits.id_bytes,
            "app.version" => limits.value_bytes,
            _ => limits.text_bytes,
        };
        if value.len() > most || value.contains('\0') {
            self.leave_out(member);
            return;
        }
        match member.split_once('.') {
            None => {
                self.event.insert(member.to_owned(), value.into());
            }
            Some((object, member)) => {
                let object = self.event.entry(object).or_insert_with(|| json!({}));
                object[member] = value.into();
            }
        }
    }

    /// Sets the page's address, without which `ingest` would refuse the event.
    pub fn page(&mut self, url: &str) -> Result<(), Skip> {
        if url.len() > Limits::default().url_bytes {
            return Err(Skip::URL_TOO_LONG);
        }
        self.set("page.url", url);
        Ok(())
    }

    /// Sets the page's address with what is said of the campaign beside it, if that has room there.
    pub(super) fn page_by(&mut self, url: &str, campaign: &Campaign<'_>) -> Result<(), Skip> {
        let Some(whole) = campaign.put_into(url) else {
            return self.page(url);
        };
        let is_too_long = self.page(&whole).is_err();
        if is_too_long {
            self.leave_out("campaign");
            return self.page(url);
        }
        Ok(())
    }

    /// Adds an attribute, if `ingest` would take it.
    pub fn attribute(&mut self, name: &str, value: Value) {
        let size = match &value {
            Value::String(text) if text.is_empty() => return,
            Value::String(text) if text.contains('\0') => usize::MAX,
            Value::String(text) => text.len(),
            Value::Number(number) if !fits_64_bits(number) => usize::MAX,
            Value::Number(_) | Value::Bool(_) => 0,
            Value::Null => return,
            Value::Array(_) | Value::Object(_) => usize::MAX,
        };
        let limits = Limits::default();
        let fits = self.attributes.len() < limits.attributes
            && size <= limits.value_bytes
            && name.len() <= limits.name_bytes;
        if fits && is_attribute_name(name) {
            self.attributes.insert(name.to_owned(), value);
        } else {
            self.leave_out("attribute");
        }
    }

    /// Says that something of the line has no place in a raw event.
    pub fn leave_out(&mut self, what: &'static str) {
        self.left_out.insert(what);
    }

    /// The event, and what was left out of it.
    pub fn finish(mut self) -> Converted {
        if !self.attributes.is_empty() {
            let attributes = self.attributes.into();
            self.event.insert("attributes".to_owned(), attributes);
        }
        (self.event.into(), self.left_out)
    }
}

/// Whether a number is within what `ingest` takes.
fn fits_64_bits(number: &Number) -> bool {
    let fraction = || number.as_f64();
    number.as_i64().is_some() || fraction().is_some_and(|number| number.abs() < 9.2e18)
}

/// An event's name of any text: what `ingest` takes in no name becomes `_`. `None` of nothing.
pub fn event_name(text: &str) -> Option<String> {
    let allowed = |c: char| {
        let well = c.is_ascii_alphanumeric() || "_.:-".contains(c);
        if well { c } else { '_' }
    };
    let name: String = text
        .trim()
        .chars()
        .take(Limits::default().name_bytes)
        .map(allowed)
        .collect();
    let first = name.chars().next()?;
    Some(if first.is_ascii_alphanumeric() || first == '_' {
        name
    } else {
        format!("_{}", &name[1..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_that_ingest_would_refuse_is_left_out_and_said() {
        let mut event = RawEvent::new("shop", "v", "e", Timestamp(0));
        event.attribute("plan", "gold".into());
        event.attribute("nothing", "".into());
        assert!(event.left_out.is_empty());
        for (name, value) in [
            ("9lives", json!(1)),
            ("long", json!("x".repeat(1_025))),
            ("list", json!([1])),
            ("nul", json!("a\0")),
            ("beyond", json!(u64::MAX)),
            ("far_beyond", json!(-1e300)),
        ] {
            let mut other = event.clone();
            other.attribute(name, value);
            let (event, left_out) = other.finish();
            assert_eq!(event["attributes"], json!({"plan": "gold"}), "{name}");
            assert_eq!(left_out, BTreeSet::from(["attribute"]), "{name}");
        }
        for i in 0..60 {
            event.attribute(&format!("a{i}"), i.into());
        }
        assert_eq!(event.attributes.len(), 50);
    }

    #[test]
    fn a_member_that_ingest_would_refuse_is_left_out_and_said() {
        let long = |bytes| "x".repeat(bytes);
        for (member, value) in [
            ("eventId", long(256)),
            ("app.version", long(1_025)),
            ("page.title", long(4_097)),
            ("userAgentString", "a\0".to_owned()),
        ] {
            let mut event = RawEvent::new("shop", "v", "e", Timestamp(0));
            event.set(member, &value);
            let (event, left_out) = event.finish();
            assert_eq!(left_out, BTreeSet::from([member]));
            assert!(!event.to_string().contains("xx"), "{member}");
        }
    }

    #[test]
    fn a_campaign_without_room_in_the_address_costs_no_event() {
        let url = format!("https://shop.example/{}", "a".repeat(2_020));
        let campaign = Campaign::new([("gclid", "longer than the rest")]);
        let mut event = RawEvent::new("shop", "v", "e", Timestamp(0));
        assert_eq!(event.page_by(&url, &campaign), Ok(()));
        let (event, left_out) = event.finish();
        assert_eq!(event["page"]["url"], url);
        assert_eq!(left_out, BTreeSet::from(["campaign"]));
    }

    #[test]
    fn any_text_is_the_name_of_an_event() {
        let name = |text: &str| event_name(text);
        assert_eq!(name("add to basket").as_deref(), Some("add_to_basket"));
        assert_eq!(name("-Größe").as_deref(), Some("_Gr__e"));
        assert_eq!(name("promo:x.y").as_deref(), Some("promo:x.y"));
        assert_eq!(name("é").as_deref(), Some("_"));
        assert_eq!(name(&"x".repeat(90)).map(|name| name.len()), Some(64));
        assert_eq!(name(" "), None);
    }
}
