//! Avro's binary encoding, in a straight line: fields in order, nothing looked up, nothing boxed.
//!
//! Equal values give equal bytes (lists in one block, maps in the order given), so that states and records can be compared
//! byte for byte. What is read is never trusted: every length is checked against what is left.

use journey::{
    CustomerId, DeploymentId, EventId, Millis, OfferId, RoutePathId, Text, Timestamp, VisitId,
};

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

/// Bytes that are no encoding of the expected type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// A length or count that cannot be.
    #[error("a length is negative or larger than what is left")]
    Length,
    /// A number that does not fit its type.
    #[error("a number does not fit its type")]
    Number,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// A union branch or boolean that does not exist.
    #[error("a union branch or boolean does not exist")]
    Branch,
    /// Bytes are left over at the end.
    #[error("bytes are left over at the end")]
    Trailing,
}

/// The bytes that are left to read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    left: &'a [u8],
    /// Text that is passed over has been checked before.
    checked: bool,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader {
            left: bytes,
            checked: false,
        }
    }

    /// Reads from the start of what has been checked before: text that is only passed over is not checked again.
    #[inline]
    pub fn again(bytes: &'a [u8]) -> Self {
        Reader {
            left: bytes,
            checked: true,
        }
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.left
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.left.split_first().ok_or(Malformed::Truncated)?;
        self.left = rest;
        Ok(*first)
    }

    /// The next `length` bytes.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        if length > self.left.len() {
            return Err(Malformed::Truncated);
        }
        let (taken, rest) = self.left.split_at(length);
        self.left = rest;
        Ok(taken)
    }

    /// A zigzag variable-length number.
    #[inline]
    pub fn long(&mut self) -> Result<i64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if shift == 63 && byte > 1 {
                    return Err(Malformed::Number);
                }
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Malformed::Number)
    }

    /// Length-prefixed UTF-8, borrowed.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::try_from(self.long()?).map_err(|_| Malformed::Length)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Malformed::Utf8)
    }

    /// Passes over length-prefixed UTF-8.
    #[inline]
    pub fn skip_str(&mut self) -> Result<(), Malformed> {
        if !self.checked {
            return self.str().map(drop);
        }
        let length = usize::try_from(self.long()?).map_err(|_| Malformed::Length)?;
        self.bytes(length).map(drop)
    }

    /// An optional value (the union `[null, T]`), read in the caller's own way.
    #[inline]
    pub fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.long()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Malformed::Branch),
        }
    }

    /// The encoding of the next value: checked, and not read.
    #[inline]
    pub fn encoded<T: Avro>(&mut self) -> Result<&'a [u8], Malformed> {
        let before = self.left;
        T::skip(self)?;
        Ok(&before[..before.len() - self.left.len()])
    }

    /// A count of items, each at least one byte long unless `hollow`.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let count = match self.long()? {
            negative if negative < 0 => {
                self.long()?;
                negative.checked_neg().ok_or(Malformed::Length)?
            }
            count => count,
        };
        let count = usize::try_from(count).map_err(|_| Malformed::Length)?;
        if count > self.left.len() {
            return Err(Malformed::Length);
        }
        Ok(count)
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
