//! A raw event in the making, within what `ingest` takes unless it is told otherwise.

use std::collections::BTreeSet;

use ingest::{Limits, is_attribute_name};
use journey::Timestamp;
use serde_json::{Map, Value, json};

use super::{Converted, Skip};

/// An event, and what of its line has no place in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawEvent {
    event: Map<String, Value>,
    attributes: Map<String, Value>,
    left_out: BTreeSet<&'static str>,
}

impl RawEvent {
    /// An event of this name, visitor and time.
    pub fn new(deployment: &str, visitor: &str, name: &str, at: Timestamp) -> RawEvent {
        let mut event = RawEvent::default();
        let at = at.to_string();
        for (member, value) in [
            ("deploymentId", deployment),
            ("customerCookieId", visitor),
            ("eventName", name),
            ("createdDate", at.as_str()),
            ("sentDate", at.as_str()),
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
            _ => limits.text_bytes,
        };
        if value.len() > most {
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

    /// Adds an attribute, if `ingest` would take it.
    pub fn attribute(&mut self, name: &str, value: Value) {
        let size = match &value {
            Value::String(text) if text.is_empty() => return,
            Value::String(text) => text.len(),
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
