//! Reading: bytes that nobody vouches for, a value at a time.

use super::Avro;

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
        // Most are lengths, counts and branches: one byte.
        match self.left {
            [byte @ 0..0x80, rest @ ..] => {
                self.left = rest;
                Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1))
            }
            _ => self.long_of_many_bytes(),
        }
    }

    fn long_of_many_bytes(&mut self) -> Result<i64, Malformed> {
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

    /// Length-prefixed bytes, borrowed.
    #[inline]
    pub fn prefixed(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.long()?).map_err(|_| Malformed::Length)?;
        self.bytes(length)
    }

    /// Length-prefixed UTF-8, borrowed.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.prefixed()?).map_err(|_| Malformed::Utf8)
    }

    /// Passes over length-prefixed UTF-8.
    #[inline]
    pub fn skip_str(&mut self) -> Result<(), Malformed> {
        let text = self.prefixed()?;
        if self.checked || text.is_ascii() || std::str::from_utf8(text).is_ok() {
            Ok(())
        } else {
            Err(Malformed::Utf8)
        }
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
