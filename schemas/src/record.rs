//! Records: structs whose encoding is that of their fields in order; read whole, or taken apart and only looked at.

use journey::Text;

use crate::avro::{Avro, Malformed, Reader};

/// The entries of an Avro map, in order and each name once, whoever wrote them in whatever order: equal maps give equal
/// bytes. Of two entries with one name the later stands.
pub fn map<V>(mut entries: Vec<(Text, V)>) -> Vec<(Text, V)> {
    if !entries.is_sorted_by(|(name, _), (next, _)| name < next) {
        entries.reverse();
        entries.sort_by(|(name, _), (next, _)| name.cmp(next));
        entries.dedup_by(|(name, _), (kept, _)| name == kept);
    }
    entries
}

/// The encoding of one field, passed over: the field's type is the one that `of` says.
#[doc(hidden)]
#[inline]
pub fn field<'a, R, T: Avro>(
    _: fn(&R) -> &T,
    from: &mut Reader<'a>,
) -> Result<&'a [u8], Malformed> {
    from.encoded::<T>()
}

/// Passes over one field: its type is the one that `of` says.
#[doc(hidden)]
#[inline]
pub fn skip_field<R, T: Avro>(_: fn(&R) -> &T, from: &mut Reader<'_>) -> Result<(), Malformed> {
    T::skip(from)
}

/// The text that `encoded` is the encoding of. Empty if it is none: what was taken apart has been checked.
pub fn text(encoded: &[u8]) -> &str {
    Reader::new(encoded).str().unwrap_or_default()
}

/// The texts in the encoding of an array of them.
pub fn texts(encoded: &[u8]) -> Vec<&str> {
    let mut reader = Reader::new(encoded);
    let mut texts = Vec::new();
    while let Ok(count @ 1..) = reader.count() {
        texts.extend((0..count).map_while(|_| reader.str().ok()));
    }
    texts
}

/// The names and the values' encodings in the encoding of a map of `V`.
pub fn entries<V: Avro>(encoded: &[u8]) -> Vec<(&str, &[u8])> {
    let mut reader = Reader::new(encoded);
    let mut entries = Vec::new();
    while let Ok(count @ 1..) = reader.count() {
        entries.extend(
            (0..count).map_while(|_| Some((reader.str().ok()?, reader.encoded::<V>().ok()?))),
        );
    }
    entries
}

/// The encoding of what is there of an optional value; `None` if nothing is.
pub fn optional(encoded: &[u8]) -> Option<&[u8]> {
    match encoded.split_first() {
        Some((2, value)) => Some(value),
        _ => None,
    }
}

/// Implements [`Avro`] for a struct: its fields in this order, all of them (a forgotten one does not compile). A list of
/// pairs that is a map in the schema is marked `as map`.
///
/// `record!(Page as PageParts { … })` also makes `PageParts`: the encodings of a page's fields, checked and not read.
#[macro_export]
macro_rules! record {
    ($type:ident as $parts:ident { $($field:ident $(as $kind:ident)?),* $(,)? }) => {
        $crate::record!($type { $($field $(as $kind)?),* });

        #[doc = concat!("The encodings of a [`", stringify!($type), "`]'s fields: checked, and not read.")]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $parts<'a> {
            $(#[doc = concat!("`", stringify!($field), "`, encoded.")] pub $field: &'a [u8],)*
        }

        impl<'a> $parts<'a> {
            /// Takes a record off the front of `from` apart.
            pub fn take(from: &mut $crate::avro::Reader<'a>) -> Result<Self, $crate::avro::Malformed> {
                Ok($parts { $($field: $crate::record::field(|record: &$type| &record.$field, from)?),* })
            }

            /// Takes apart what has been checked before; of anything else the parts are empty.
            pub fn of(encoded: &'a [u8]) -> Self {
                Self::take(&mut $crate::avro::Reader::again(encoded)).unwrap_or_default()
            }
        }
    };
    ($type:ty { $($field:ident $(as $kind:ident)?),* $(,)? }) => {
        impl $crate::Avro for $type {
            const FIELDS: usize = [$(stringify!($field)),*].len();

            fn write(&self, to: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::Avro::write($field, to);)*
            }

            fn read(from: &mut $crate::avro::Reader<'_>) -> Result<Self, $crate::avro::Malformed> {
                $(
                    let $field = $crate::Avro::read(from)?;
                    $(let $field = $crate::record::$kind($field);)?
                )*
                Ok(Self { $($field),* })
            }

            fn skip(from: &mut $crate::avro::Reader<'_>) -> Result<(), $crate::avro::Malformed> {
                $($crate::record::skip_field(|record: &$type| &record.$field, from)?;)*
                Ok(())
            }
        }
    };
}
