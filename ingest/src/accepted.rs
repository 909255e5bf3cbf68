//! What decoding one raw record gives, and the words that every record repeats.

use std::{borrow::Cow, cell::RefCell};

use journey::{
    Text, VisitorTrait, WebEvent,
    definitions::ConsentMode,
    web_event::{PAGE_VIEWED, kind, purpose},
};

use crate::{
    attributes::Dropped,
    config::Config,
    event_time::Correction,
    lately::Lately,
    quota::Quotas,
    scrub::{Form, Hits, scrub},
    site::{Class, Sites},
};

/// One raw record, validated, consented, scrubbed and enriched, with all that is to be told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepted {
    /// For `web.events`.
    pub event: WebEvent,
    /// For `journey.visitors`.
    pub traits: Vec<VisitorTrait>,
    /// Names of traits that are to be forgotten.
    pub forgotten: Vec<Text>,
    pub(crate) hits: Hits,
    pub(crate) correction: Option<Correction>,
    pub(crate) unknown: Unknown,
    pub(crate) dropped: Dropped,
}

/// Members that nothing here has a use for, by the object that they stand in: how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) [u16; 7]);

impl Unknown {
    /// The objects, in order.
    pub(crate) const WITHIN: [&str; 7] = [
        "event", "page", "browser", "device", "consent", "app", "report",
    ];

    /// Those of a report.
    pub(crate) fn in_report(count: u16) -> Unknown {
        Unknown([0, 0, 0, 0, 0, 0, count])
    }
}

/// What records are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'t> {
    pub(crate) config: &'t Config,
    pub(crate) sites: &'t Sites,
    pub(crate) words: &'t Words,
    pub(crate) quotas: &'t RefCell<Quotas>,
    pub(crate) lately: &'t RefCell<Lately>,
}

/// Texts that records repeat: made once, shared by all.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    pub(crate) none: Text,
    pub(crate) web: Text,
    pub(crate) engagement: Text,
    pub(crate) control: Text,
    pub(crate) withdrawn: Text,
    pub(crate) granted: Text,
    pub(crate) implied: Text,
    pub(crate) not_needed: Text,
    page_viewed: Text,
    categories: [Text; 4],
    classes: [Text; Class::ALL.len()],
    media: [Text; 5],
    types: [Text; 4],
    /// [`purpose::ALL`].
    pub(crate) uses: [Text; purpose::ALL.len()],
}

/// The ways by which a visitor may come, as far as no table says them.
const MEDIA: [&str; 5] = ["unknown", "internal", "paid", "email", "social"];

/// A purpose as it is compared: without space around it, in lower case, and in ours of two spellings.
pub(crate) fn plain_purpose(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("personalization") {
        Cow::Borrowed(purpose::PERSONALISATION)
    } else if name.chars().any(char::is_uppercase) {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The kinds of devices, as far as no sender has another.
const CATEGORIES: [&str; 4] = ["desktop", "mobile", "tablet", "other"];

/// The types that an attribute may have.
const TYPES: [&str; 4] = ["string", "number", "integer", "boolean"];

impl Default for Words {
    fn default() -> Self {
        Words {
            none: Text::default(),
            web: Text::from(kind::WEB),
            engagement: Text::from(kind::ENGAGEMENT),
            control: Text::from(kind::CONTROL),
            withdrawn: Text::from("withdrawn"),
            granted: Text::from("granted"),
            implied: Text::from("implied"),
            not_needed: Text::from("not_needed"),
            page_viewed: Text::from(PAGE_VIEWED),
            categories: CATEGORIES.map(Text::from),
            classes: Class::ALL.map(|class| Text::from(class.as_str())),
            media: MEDIA.map(Text::from),
            types: TYPES.map(Text::from),
            uses: purpose::ALL.map(Text::from),
        }
    }
}

impl Words {
    pub(crate) fn class(&self, class: Class) -> Text {
        self.classes[class as usize].clone()
    }

    /// The basis on which an event is used.
    pub(crate) fn basis(&self, mode: ConsentMode, granted: bool) -> Text {
        let word = match mode {
            _ if granted => &self.granted,
            ConsentMode::NotNeeded => &self.not_needed,
            ConsentMode::Required | ConsentMode::Implied => &self.implied,
        };
        word.clone()
    }

    /// An event's name, which is checked: most are one.
    pub(crate) fn event_name(&self, name: &str, hits: &mut Hits) -> Text {
        if name == PAGE_VIEWED {
            return self.page_viewed.clone();
        }
        Text::from(&*scrub(name, Form::Plain, hits))
    }

    /// A kind of device, in lower case.
    pub(crate) fn category(&self, said: &str, hits: &mut Hits) -> Text {
        self.categories
            .iter()
            .find(|word| word.eq_ignore_ascii_case(said))
            .cloned()
            .unwrap_or_else(|| Text::from(scrub(said, Form::Plain, hits).to_ascii_lowercase()))
    }

    /// A way by which a visitor may come.
    pub(crate) fn medium(&self, name: &str) -> Text {
        let word = self.media.iter().find(|word| **word == name);
        word.unwrap_or(&self.media[0]).clone()
    }

    /// A purpose as every stage compares it, see [`plain_purpose`].
    pub(crate) fn purpose(&self, name: &str) -> Text {
        let name = plain_purpose(name);
        let word = self.uses.iter().find(|word| ***word == *name);
        word.cloned().unwrap_or_else(|| Text::from(&*name))
    }

    /// Purposes as they may be kept.
    pub(crate) fn scrubbed_purposes(&self, mut purposes: Vec<Text>, hits: &mut Hits) -> Vec<Text> {
        for purpose in &mut purposes {
            if !self.uses.contains(purpose) {
                *purpose = Text::from(&*scrub(purpose, Form::Plain, hits));
            }
        }
        purposes
    }

    /// An attribute's type, whatever its case.
    pub(crate) fn data_type(&self, name: &str) -> Option<Text> {
        self.types
            .iter()
            .find(|word| word.eq_ignore_ascii_case(name))
            .cloned()
    }
}
