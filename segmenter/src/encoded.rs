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
        let inside = start_in(&self.whole, part);
        let start = inside.unwrap_or_default() as u32;
        Encoded {
            whole: Arc::clone(&self.whole),
            span: start..start + inside.map_or(0, |_| part.len() as u32),
        }
    }

    /// Where `part` lies in these bytes, if it does.
    pub(crate) fn span_of(&self, part: &[u8]) -> Option<Range<u32>> {
        let start = start_in(self.bytes(), part)? as u32;
        Some(start..start + part.len() as u32)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.whole[self.span.start as usize..self.span.end as usize]
    }
}

/// Where `part` begins in `whole`, if it lies there.
fn start_in(whole: &[u8], part: &[u8]) -> Option<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    (start <= whole.len() && part.len() <= whole.len() - start).then_some(start)
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
    fn a_part_is_the_bytes_where_they_lie() {
        let whole = Encoded::all(Arc::from(*b"0123456789"));
        let part = whole.part(&whole.bytes()[3..6]);
        assert_eq!(part.bytes(), b"345");
        assert_eq!(whole.span_of(part.bytes()), Some(3..6));
        assert_eq!(whole.span_of(b"elsewhere"), None);
        assert_eq!(part.part(&part.bytes()[1..]).bytes(), b"45");
        assert_eq!(whole.part(b"elsewhere").bytes(), b"");
    }
}
