//! On what basis visitors are tracked, and which of a site's purposes each use needs.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value},
};

use crate::{Text, web_event::purpose};

/// On what basis a deployment's visitors are tracked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsentPolicy {
    /// What an event must say.
    pub mode: ConsentMode,
    /// What must have been granted, where an event lists purposes.
    #[serde(deserialize_with = "list_or_uses", serialize_with = "in_short")]
    pub purposes: NeededPurposes,
}

/// What an event must say of consent to be let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// `granted`, and no Global Privacy Control signal.
    #[default]
    Required,
    /// Anything but `denied` or a Global Privacy Control signal.
    Implied,
    /// Nothing: the owner has another basis. A `denied` is honoured all the same.
    NotNeeded,
}

/// The purposes that each use of an event needs, in the words of the site's own consent tool: `"3"` of the IAB's Transparency
/// and Consent Framework, say. In JSON an object, or a list, which is what visits need. A use that is misspelt is refused: what it
/// was to need would not be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NeededPurposes {
    /// To be let in at all. None: nothing is needed.
    pub visits: Vec<Text>,
    /// To be made offers; absent: [`purpose::PERSONALISATION`].
    #[serde(skip_serializing_if = "Option::is_none", alias = "personalization")]
    pub personalisation: Option<Vec<Text>>,
    /// To count in the forecast; absent: [`purpose::STAFFING`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staffing: Option<Vec<Text>>,
    /// To have traits kept; absent: [`purpose::CONTACT`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Vec<Text>>,
}

impl NeededPurposes {
    /// What visits need, and nothing else by another name.
    pub fn of_visits(visits: Vec<Text>) -> Self {
        NeededPurposes {
            visits,
            ..NeededPurposes::default()
        }
    }

    /// The uses that need other purposes than the one of their own name, in the order of [`purpose::ALL`]: each with what it needs.
    pub fn by_other_names(&self) -> [Option<&[Text]>; purpose::ALL.len()] {
        let visits = (!self.visits.is_empty()).then_some(&*self.visits);
        [
            visits,
            self.personalisation.as_deref(),
            self.staffing.as_deref(),
            self.contact.as_deref(),
        ]
    }
}

/// As a list where that says it all: what readers older than the object read, too.
fn in_short<S: Serializer>(needed: &NeededPurposes, serializer: S) -> Result<S::Ok, S::Error> {
    if *needed == NeededPurposes::of_visits(needed.visits.clone()) {
        needed.visits.serialize(serializer)
    } else {
        needed.serialize(serializer)
    }
}

fn list_or_uses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NeededPurposes, D::Error> {
    deserializer.deserialize_any(ListOrUses)
}

struct ListOrUses;

impl<'de> de::Visitor<'de> for ListOrUses {
    type Value = NeededPurposes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of purposes that visits need, or an object with a list for each of visits, personalisation, staffing and contact")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<NeededPurposes, A::Error> {
        let visits = Vec::deserialize(value::SeqAccessDeserializer::new(list))?;
        Ok(NeededPurposes::of_visits(visits))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, uses: A) -> Result<NeededPurposes, A::Error> {
        NeededPurposes::deserialize(value::MapAccessDeserializer::new(uses))
    }
}
