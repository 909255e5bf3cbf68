//! Attributes and traits: the site's own, typed, within their limits. What a deployment's mapper names is a trait of the
//! visitor and goes to `journey.visitors` alone.

use std::borrow::Cow;

use journey::{
    Text,
    definitions::{IdentifierType, TraitMapping},
    web_event::Attribute,
};

use crate::{
    accepted::Rules,
    address, field, identifier,
    json::Scalar,
    raw::{Attributes, RawAttribute},
    reason::{Flaw, RejectReason},
    scrub::{Form, Hits, scrub},
    site::Site,
};

/// An event's attributes, and what of them are traits.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) attributes: Vec<(Text, Attribute)>,
    pub(crate) traits: Vec<Trait>,
    pub(crate) dropped: Dropped,
}

/// A trait of the visitor.
#[derive(Debug)]
pub(crate) struct Trait {
    pub(crate) name: Text,
    pub(crate) value: Text,
    pub(crate) identifier: Option<IdentifierType>,
}

/// Identifiers that are not of their type, by type: how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped([u16; 3]);

impl Dropped {
    pub(crate) const TYPES: [IdentifierType; 3] = [
        IdentifierType::Email,
        IdentifierType::Phone,
        IdentifierType::ExternalId,
    ];

    pub(crate) fn of(&self, kind: IdentifierType) -> u16 {
        self.0[kind as usize]
    }
}

impl Sorted {
    /// Keeps a trait, by its type if it has one.
    pub(crate) fn note(&mut self, mapping: &TraitMapping, value: &str, site: &Site) {
        let country = site.default_country.as_deref();
        let kept = match mapping.identifier {
            Some(kind) => identifier::normalised(kind, value, country),
            None => Some(Cow::Borrowed(value)),
        };
        match (kept, mapping.identifier) {
            (Some(value), identifier) => self.traits.push(Trait {
                name: mapping
                    .trait_name
                    .as_ref()
                    .unwrap_or(&mapping.field_name)
                    .clone(),
                value: Text::from(&*value),
                identifier,
            }),
            (None, Some(kind)) => {
                let count = &mut self.dropped.0[kind as usize];
                *count = count.saturating_add(1);
            }
            (None, None) => {}
        }
    }
}

/// Reads `attributes`.
pub(crate) fn read(
    raw: &Attributes<'_>,
    site: &Site,
    rules: &Rules<'_>,
    hits: &mut Hits,
) -> Result<Sorted, Flaw> {
    let mut sorted = Sorted::default();
    each(
        "attributes",
        raw,
        rules,
        |_| true,
        |name, data_type, value| match site.mapping(name) {
            Some(mapping) => sorted.note(mapping, &value, site),
            None => {
                let value = address::cut_text(name, &value).map_or(value, Cow::Owned);
                let value = Text::from(&*scrub(&value, Form::Plain, hits));
                sorted
                    .attributes
                    .push((Text::from(name), Attribute { data_type, value }));
            }
        },
    )?;
    Ok(sorted)
}

/// Reads `traits`: what the deployment's mapper does not name is dropped.
pub(crate) fn read_traits(
    raw: &Attributes<'_>,
    site: &Site,
    rules: &Rules<'_>,
    sorted: &mut Sorted,
) -> Result<(), Flaw> {
    let is_mapped = |name: &str| site.mapping(name).is_some();
    each("traits", raw, rules, is_mapped, |name, _, value| {
        if let Some(mapping) = site.mapping(name) {
            sorted.note(mapping, &value, site);
        }
    })
}

/// Checks those that are `wanted` and hands them out, `null` left out.
fn each(
    within: &str,
    raw: &Attributes<'_>,
    rules: &Rules<'_>,
    wanted: impl Fn(&str) -> bool,
    mut take: impl FnMut(&str, Text, Cow<'_, str>),
) -> Result<(), Flaw> {
    let limits = &rules.config.limits;
    field::expect(within, raw.wrong, "an object")?;
    if raw.count > limits.attributes {
        let what = format!(
            "`{within}` has {} members, {} are allowed",
            raw.count, limits.attributes
        );
        return Err(Flaw::new(RejectReason::TooManyAttributes, what));
    }
    for (i, (name, attribute)) in raw.items.iter().enumerate() {
        if !wanted(name) {
            continue;
        }
        if name.len() > limits.name_bytes || !field::is_attribute_name(name) || is_personal(name) {
            let what = format!(
                "member {} of `{within}` has no name like cart_total, of {} bytes at most",
                i + 1,
                limits.name_bytes
            );
            return Err(Flaw::new(RejectReason::AttributeName, what));
        }
        if raw.items[..i].iter().any(|(before, _)| before == name) {
            return Err(Flaw::new(
                RejectReason::DuplicateKey,
                format!("`{within}.{name}` comes twice"),
            ));
        }
        if let Some((data_type, value)) = typed(within, name, attribute, rules)? {
            let too_long = RejectReason::AttributeTooLong;
            field::check(
                &format_args!("{within}.{name}"),
                &value,
                limits.value_bytes,
                too_long,
            )?;
            take(name, data_type, value);
        }
    }
    Ok(())
}

/// A name that is an account's number is no name: it would travel on the event.
fn is_personal(name: &str) -> bool {
    matches!(
        scrub(name, Form::Plain, &mut Hits::default()),
        Cow::Owned(_)
    )
}

/// The type and the value, as text.
fn typed<'s>(
    within: &str,
    name: &str,
    attribute: &'s RawAttribute<'_>,
    rules: &Rules<'_>,
) -> Result<Option<(Text, Cow<'s, str>)>, Flaw> {
    let (declared, value) = match attribute {
        RawAttribute::Bare(value) => (&Scalar::Absent, value),
        RawAttribute::Typed(typed) => {
            let duplicate = typed.duplicates.first();
            if duplicate.is_some() {
                field::once(&format!("{within}.{name}."), duplicate)?;
            }
            (&typed.data_type, &typed.value)
        }
    };
    let wrong = |due| field::wrong_type(&format!("{within}.{name}"), field::kind(value), due);
    let (natural, text) = match value {
        Scalar::Absent | Scalar::Null => return Ok(None),
        Scalar::Text(text) => ("string", Cow::Borrowed(&**text)),
        Scalar::Boolean(value) => (
            "boolean",
            Cow::Borrowed(if *value { "true" } else { "false" }),
        ),
        Scalar::Integer(value) => ("integer", Cow::Owned(value.to_string())),
        Scalar::Number(value) if value.abs() < 9.2e18 => ("number", Cow::Owned(value.to_string())),
        Scalar::Number(_) => {
            let what = format!("`{within}.{name}` is beyond what 64 bits hold");
            return Err(Flaw::new(RejectReason::InvalidNumber, what));
        }
        Scalar::Wrong(_) => return Err(wrong("text, a number or a boolean")),
    };
    let declared = match declared {
        Scalar::Absent | Scalar::Null => natural,
        Scalar::Text(declared) => declared,
        other => {
            let field = format!("{within}.{name}.dataType");
            return Err(field::wrong_type(&field, field::kind(other), "text"));
        }
    };
    let unknown = || {
        let what =
            format!("`{within}.{name}.dataType` is none of string, number, integer and boolean");
        Flaw::new(RejectReason::AttributeType, what)
    };
    let data_type = rules.words.data_type(declared).ok_or_else(unknown)?;
    if text.is_empty() && data_type != "string" {
        return Ok(None);
    }
    if !holds(&data_type, &text) {
        let what = format!("`{within}.{name}` is no {data_type}, as its dataType says");
        return Err(Flaw::new(RejectReason::AttributeValue, what));
    }
    Ok(Some((data_type, text)))
}

/// Whether a value is of its type.
fn holds(data_type: &str, value: &str) -> bool {
    match data_type {
        "number" => value.trim().parse::<f64>().is_ok_and(f64::is_finite),
        "integer" => value.trim().parse::<i64>().is_ok(),
        "boolean" => ["true", "false"]
            .iter()
            .any(|word| value.trim().eq_ignore_ascii_case(word)),
        _ => true,
    }
}
