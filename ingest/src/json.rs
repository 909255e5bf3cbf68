//! JSON read in place: text is borrowed, wrong types are noted instead of failing, so that one bad member does not hide
//! whose event it is.
//!
//! Nothing here recurses: what a member has no use for is skipped by serde_json without a stack.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Something that one JSON value is read into. What it does not expect it notes by [`Take::wrong`].
pub(crate) trait Take<'de>: Sized {
    /// Some other type than expected came: which, in words.
    fn wrong(&mut self, kind: &'static str);

    /// Nothing came so far.
    fn is_absent(&self) -> bool;

    fn null(&mut self) {}

    fn text(&mut self, _: Cow<'de, str>) {
        self.wrong("text");
    }

    fn boolean(&mut self, _: bool) {
        self.wrong("a boolean");
    }

    fn integer(&mut self, _: i64) {
        self.wrong("a number");
    }

    fn number(&mut self, _: f64) {
        self.wrong("a number");
    }

    fn list<A: SeqAccess<'de>>(&mut self, mut items: A) -> Result<(), A::Error> {
        self.wrong("a list");
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn object<A: MapAccess<'de>>(&mut self, mut members: A) -> Result<(), A::Error> {
        self.wrong("an object");
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Reads a value into the place it holds.
pub(crate) struct Into<'t, T>(pub(crate) &'t mut T);

impl<'de, T: Take<'de>> DeserializeSeed<'de> for Into<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Into<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.null();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.boolean(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.integer(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.0.integer(value),
            Err(_) => self.0.number(value as f64),
        }
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.number(value);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.0.text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.0.list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.0.object(members)
    }
}

/// A member's name.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

/// Reads a [`Name`], borrowed where nothing is escaped.
pub(crate) struct Names<'a>(PhantomData<&'a ()>);

impl Names<'_> {
    pub(crate) const fn new() -> Self {
        Names(PhantomData)
    }
}

impl<'de> DeserializeSeed<'de> for Names<'de> {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name<'de>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Names<'de> {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

/// A member that is no list and no object, as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Not there.
    #[default]
    Absent,
    /// `null`: as good as absent.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of 64 bits.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Not a scalar.
    Wrong(&'static str),
}

impl Scalar<'_> {
    /// Whether it says nothing: `null` and empty text are as good as absent.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Scalar::Absent | Scalar::Null => true,
            Scalar::Text(text) => text.is_empty(),
            _ => false,
        }
    }
}

impl<'de> Take<'de> for Scalar<'de> {
    fn wrong(&mut self, kind: &'static str) {
        *self = Scalar::Wrong(kind);
    }

    fn is_absent(&self) -> bool {
        *self == Scalar::Absent
    }

    fn null(&mut self) {
        *self = Scalar::Null;
    }

    fn text(&mut self, text: Cow<'de, str>) {
        *self = Scalar::Text(text);
    }

    fn boolean(&mut self, value: bool) {
        *self = Scalar::Boolean(value);
    }

    fn integer(&mut self, value: i64) {
        *self = Scalar::Integer(value);
    }

    fn number(&mut self, value: f64) {
        *self = Scalar::Number(value);
    }
}

/// A list of texts; members of another type, and those beyond what any limit allows, are only noted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) items: Vec<Cow<'a, str>>,
    pub(crate) present: bool,
    pub(crate) wrong: Option<&'static str>,
}

/// The most texts of a list that are kept while reading, and so the highest limit.
pub(crate) const MOST_TEXTS: usize = 1000;

impl<'de> Take<'de> for Texts<'de> {
    fn wrong(&mut self, kind: &'static str) {
        self.present = true;
        self.wrong = Some(kind);
    }

    fn is_absent(&self) -> bool {
        !self.present
    }

    fn list<A: SeqAccess<'de>>(&mut self, mut items: A) -> Result<(), A::Error> {
        self.present = true;
        loop {
            let mut item = Scalar::Absent;
            if items.next_element_seed(Into(&mut item))?.is_none() {
                return Ok(());
            }
            let text = match item {
                Scalar::Text(text) => text,
                Scalar::Integer(number) => number.to_string().into(),
                _ => {
                    self.wrong = Some("a list of other than texts");
                    continue;
                }
            };
            if self.items.len() < MOST_TEXTS {
                self.items.push(text);
            } else {
                self.wrong = Some("a list that is too long");
            }
        }
    }
}

/// The members that came twice, by name. Of nearly every object there are none, and then nothing is allocated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duplicates(Vec<&'static str>);

impl Duplicates {
    /// Notes a member, once however often it comes.
    pub(crate) fn note(&mut self, member: &'static str) {
        if !self.0.contains(&member) {
            self.0.push(member);
        }
    }

    /// The first of them.
    pub(crate) fn first(&self) -> Option<&'static str> {
        self.0.first().copied()
    }

    /// The first that is one of these.
    pub(crate) fn among(&self, members: &[&str]) -> Option<&'static str> {
        let mut all = self.0.iter().copied();
        all.find(|member| members.contains(member))
    }
}

/// Declares a JSON object: its members by their names. Unknown members are skipped; one that comes twice is noted.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: $type,)*
            /// It is there.
            pub(crate) present: bool,
            /// It is there and no object: what it is.
            pub(crate) wrong: Option<&'static str>,
            /// What came twice.
            pub(crate) duplicates: $crate::json::Duplicates,
            /// How many members came that nothing here has a use for.
            pub(crate) unknown: u16,
        }

        impl $name<'_> {
            /// What comes a second time is noted, whatever it is: its members may be split over both.
            fn again(&mut self) {
                if self.present {
                    self.duplicates.note("");
                }
            }
        }

        impl<'a> $crate::json::Take<'a> for $name<'a> {
            fn wrong(&mut self, kind: &'static str) {
                self.present = true;
                self.wrong = Some(kind);
            }

            fn is_absent(&self) -> bool {
                !self.present
            }

            fn null(&mut self) {
                self.again();
            }

            fn object<A: serde::de::MapAccess<'a>>(&mut self, mut members: A) -> Result<(), A::Error> {
                self.again();
                self.present = true;
                while let Some(name) = members.next_key_seed($crate::json::Names::new())? {
                    match &*name.0 {
                        $($key => {
                            if !$crate::json::Take::is_absent(&self.$field) {
                                self.duplicates.note($key);
                            }
                            members.next_value_seed($crate::json::Into(&mut self.$field))?;
                        })*
                        _ => {
                            self.unknown = self.unknown.saturating_add(1);
                            members.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(())
            }
        }
    };
}
pub(crate) use object;
