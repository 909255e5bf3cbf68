//! A part of a record, encoded as it came: looked at where it lies, and passed on as a copy of bytes.

use std::{ops::Range, sync::Arc};

/// A stretch of a record's bytes, which it shares.
#[derive(Clone)]
pub(crate) struct Encoded {
    whole: Arc<[u8]>,
    span: Range<u32>,
}

impl Encoded {
    /// All of these bytes.
    pub(crate) fn all(whole: Arc<[u8]>) -> Encoded {
        let span = 0..whole.len() as u32;
        Encoded { whole, span }
    }

    /// `part`, which lies in these bytes; empty if it does not.
    pub(crate) fn part(&self, part: &[u8]) -> Encoded {
        let start = (part.as_ptr() as usize).wrapping_sub(self.whole.as_ptr() as usize);
        let inside = start <= self.whole.len() && part.len() <= self.whole.len() - start;
        let span = if inside {
            start as u32..(start + part.len()) as u32
        } else {
            0..0
        };
        Encoded {
            whole: Arc::clone(&self.whole),
            span,
        }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.whole[self.span.start as usize..self.span.end as usize]
    }

    /// The bytes by themselves: what lies around them need not be kept.
    pub(crate) fn apart(&self) -> Encoded {
        if self.span.len() == self.whole.len() {
            return self.clone();
        }
        Encoded::all(self.bytes().into())
    }
}

impl PartialEq for Encoded {
    fn eq(&self, other: &Encoded) -> bool {
        self.bytes() == other.bytes()
    }
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_bytes_where_they_lie_and_apart_it_is_the_same() {
        let whole = Encoded::all(Arc::from(*b"0123456789"));
        let part = whole.part(&whole.bytes()[3..6]);
        assert_eq!(part.bytes(), b"345");
        assert_eq!(part.apart(), part);
        assert_eq!(part.part(&part.bytes()[1..]).bytes(), b"45");
        assert_eq!(whole.part(b"elsewhere").bytes(), b"");
    }
}
