//! Avro's binary encoding, in a straight line: fields in order, nothing looked up, nothing boxed.
//!
//! Equal values give equal bytes (lists in one block, maps in the order given), so that states and records can be compared
//! byte for byte. What is read is never trusted: every length is checked against what is left.

mod reader;

use journey::{
    CustomerId, DeploymentId, EventId, Millis, OfferId, RoutePathId, Text, Timestamp, VisitId,
};

pub use self::reader::{Malformed, Reader};

/// A value with an Avro binary encoding.
pub trait Avro: Sized {
    /// How many fields a record has; of anything else it is one.
    const FIELDS: usize = 1;

    /// Appends the value's encoding.
    fn write(&self, to: &mut Vec<u8>);

    /// Reads a value off the front of `from`.
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed>;

    /// Passes over a value at the front of `from`, checking what [`Avro::read`] checks.
    #[inline]
    fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
        Self::read(from).map(drop)
    }
}

/// Appends a zigzag variable-length number.
#[inline]
pub fn write_long(value: i64, to: &mut Vec<u8>) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    if zigzag < 0x80 {
        return to.push(zigzag as u8);
    }
    let (mut digits, mut count) = ([0; 10], 0);
    while zigzag >= 0x80 {
        digits[count] = zigzag as u8 | 0x80;
        zigzag >>= 7;
        count += 1;
    }
    digits[count] = zigzag as u8;
    // As many bytes each time: two stores instead of a call.
    let end = to.len() + count + 1;
    to.extend_from_slice(&digits);
    to.truncate(end);
}

/// Appends length-prefixed UTF-8.
#[inline]
pub fn write_str(value: &str, to: &mut Vec<u8>) {
    write_long(value.len() as i64, to);
    to.extend_from_slice(value.as_bytes());
}

/// How many bytes [`write_str`] appends.
#[inline]
pub fn encoded_len(value: &str) -> usize {
    let zigzag = (value.len() as u64) << 1;
    let bits = u64::BITS - (zigzag | 1).leading_zeros();
    bits.div_ceil(7) as usize + value.len()
}

/// Reads a whole value: nothing may be left over.
pub fn from_bytes<T: Avro>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut reader = Reader::new(bytes);
    let value = T::read(&mut reader)?;
    if reader.is_empty() {
        Ok(value)
    } else {
        Err(Malformed::Trailing)
    }
}

/// The encoding of a whole value.
pub fn to_bytes<T: Avro>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write(&mut bytes);
    bytes
}

impl Avro for bool {
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Branch),
        }
    }
}

impl Avro for i64 {
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        write_long(*self, to);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.long()
    }
}

macro_rules! narrow {
    ($($type:ty),*) => {$(
        impl Avro for $type {
            #[inline]
            fn write(&self, to: &mut Vec<u8>) {
                write_long(i64::from(*self), to);
            }

            #[inline]
            fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.long()?.try_into().map_err(|_| Malformed::Number)
            }
        }
    )*};
}
narrow!(i32, u32, u16, u8);

impl Avro for u64 {
    /// As the `long` with the same bits.
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        write_long(*self as i64, to);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.long().map(|value| value as u64)
    }
}

impl Avro for f64 {
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes = from
            .bytes(8)?
            .try_into()
            .map_err(|_| Malformed::Truncated)?;
        Ok(f64::from_le_bytes(bytes))
    }
}

impl Avro for String {
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        write_str(self, to);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.str().map(str::to_owned)
    }

    #[inline]
    fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
        from.skip_str()
    }
}

impl Avro for Text {
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        write_str(self, to);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.str().map(Text::from)
    }

    #[inline]
    fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
        from.skip_str()
    }
}

macro_rules! newtype {
    ($($type:ident),*) => {$(
        impl Avro for $type {
            #[inline]
            fn write(&self, to: &mut Vec<u8>) {
                self.0.write(to);
            }

            #[inline]
            fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                Avro::read(from).map($type)
            }

            #[inline]
            fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
                fn inner<T: Avro>(_: fn(T) -> $type, from: &mut Reader<'_>) -> Result<(), Malformed> {
                    T::skip(from)
                }
                inner($type, from)
            }
        }
    )*};
}
newtype!(
    CustomerId,
    DeploymentId,
    EventId,
    Millis,
    OfferId,
    RoutePathId,
    Timestamp,
    VisitId
);

impl<T: Avro> Avro for Option<T> {
    /// The union `[null, T]`.
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            None => to.push(0),
            Some(value) => {
                to.push(2);
                value.write(to);
            }
        }
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.optional(T::read)
    }

    #[inline]
    fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
        from.optional(T::skip).map(drop)
    }
}

impl<T: Avro> Avro for Vec<T> {
    /// An array; of pairs with text in front, a map: the bytes are the same.
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        if !self.is_empty() {
            write_long(self.len() as i64, to);
            for item in self {
                item.write(to);
            }
        }
        to.push(0);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut items = Vec::new();
        loop {
            let count = from.count()?;
            if count == 0 {
                return Ok(items);
            }
            let room = count.min(1024);
            if items.is_empty() {
                // What is read is kept, most often in a state: no room for more than the one block that we write.
                items.reserve_exact(room);
            } else {
                items.reserve(room);
            }
            for _ in 0..count {
                items.push(T::read(from)?);
            }
        }
    }

    #[inline]
    fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
        loop {
            let count = from.count()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                T::skip(from)?;
            }
        }
    }
}

macro_rules! tuple {
    ($($name:ident $at:tt),*) => {
        impl<$($name: Avro),*> Avro for ($($name,)*) {
            #[inline]
            fn write(&self, to: &mut Vec<u8>) {
                $(self.$at.write(to);)*
            }

            #[inline]
            fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(($($name::read(from)?,)*))
            }

            #[inline]
            fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
                $($name::skip(from)?;)*
                Ok(())
            }
        }
    };
}
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

impl<T: Avro> Avro for Box<T> {
    #[inline]
    fn write(&self, to: &mut Vec<u8>) {
        (**self).write(to);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        T::read(from).map(Box::new)
    }

    #[inline]
    fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
        T::skip(from)
    }
}
