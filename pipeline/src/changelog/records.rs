//! The records of a changelog between being read and being made into states.

use hashbrown::HashSet;

/// How many bytes lie together, at least.
const BLOCK: usize = 1 << 20;

/// A task's changelog below the end that its committed offset names: the task's own record and the states, the last record of each
/// key at least. They lie in blocks, so that a million of them are no two million allocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changelog {
    /// None is empty.
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where a record lies: where its key begins, how long that is, and its value. None comes near 4 GiB.
type Place = (u32, u32, Option<u32>);

impl Block {
    /// As large as blocks become, and with room for as many records as another.
    fn after(last: &Block) -> Block {
        Block {
            bytes: Vec::with_capacity(BLOCK + BLOCK / 16),
            places: Vec::with_capacity(last.places.len()),
        }
    }

    fn records(&self) -> impl DoubleEndedIterator<Item = (&[u8], Option<&[u8]>)> {
        self.places.iter().map(|(at, key, value)| {
            let (key, behind) = self.bytes[*at as usize..].split_at(*key as usize);
            (key, value.map(|length| &behind[..length as usize]))
        })
    }
}

impl Changelog {
    /// Appends a record; without a value it is a tombstone.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self
            .blocks
            .last()
            .is_none_or(|last| last.bytes.len() >= BLOCK)
        {
            let next = self.blocks.last().map(Block::after);
            self.blocks.push(next.unwrap_or_default());
        }
        let last = self.blocks.len() - 1;
        let Block { bytes, places } = &mut self.blocks[last];
        let length = value.map(|value| value.len() as u32);
        places.push((bytes.len() as u32, key.len() as u32, length));
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.places.len()).sum()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// How many bytes their keys and values have.
    pub fn byte_count(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes.len()).sum()
    }

    /// Lets go of what another record took the place of, and of what is gone.
    pub fn compact(&mut self) {
        let mut counts = Vec::with_capacity(self.len());
        let mut known = HashSet::new();
        for block in self.blocks.iter().rev() {
            let of_block = block.records().rev();
            counts.extend(of_block.map(|(key, value)| known.insert(key) && value.is_some()));
        }
        drop(known);
        let mut compacted = Changelog::default();
        for block in std::mem::take(self).blocks {
            for (key, value) in block.records() {
                if counts.pop() == Some(true) {
                    compacted.push(key, value);
                }
            }
        }
        *self = compacted;
    }

    /// Hands over every record, the last first: of a key only the first that is seen counts. What was handed over is let go,
    /// block by block. Ends with the first error.
    pub fn each_from_the_end<E>(
        self,
        mut each: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        for block in self.blocks.into_iter().rev() {
            for (key, value) in block.records().rev() {
                each(key, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl<'a> FromIterator<(&'a Vec<u8>, &'a Vec<u8>)> for Changelog {
    fn from_iter<I: IntoIterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>>(records: I) -> Changelog {
        let mut changelog = Changelog::default();
        for (key, value) in records {
            changelog.push(key, Some(value));
        }
        changelog
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Records = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    /// So many records of a thousand keys: values of any length, tombstones between them.
    fn records(count: u32) -> Records {
        let record = |n: u32| {
            let value = (!n.is_multiple_of(7)).then(|| vec![n as u8; (n % 5 * 400) as usize]);
            ((n * n % 1_000).to_be_bytes().to_vec(), value)
        };
        (0..count).map(record).collect()
    }

    fn put_in(records: &Records) -> Changelog {
        let mut changelog = Changelog::default();
        for (key, value) in records {
            changelog.push(key, value.as_deref());
        }
        changelog
    }

    fn taken_out(changelog: Changelog) -> Records {
        let mut taken = Vec::new();
        let all = changelog.each_from_the_end(|key, value| {
            taken.push((key.to_vec(), value.map(<[u8]>::to_vec)));
            Ok::<_, ()>(())
        });
        assert_eq!(all, Ok(()));
        taken.reverse();
        taken
    }

    #[test]
    fn what_is_put_in_comes_out_from_the_end() {
        let records = records(5_000);
        let changelog = put_in(&records);
        assert_eq!(changelog.len(), records.len());
        assert!(changelog.blocks.len() > 1, "more than one block");
        assert_eq!(taken_out(changelog), records);
    }

    #[test]
    fn compacted_it_is_the_last_record_of_each_key_that_is_there_in_its_order() {
        let records = records(5_000);
        let mut changelog = put_in(&records);
        changelog.compact();
        let last: BTreeMap<_, _> = records.iter().map(|(key, value)| (key, value)).collect();
        let there = last.iter().filter(|(_, value)| value.is_some());
        let bytes = there
            .clone()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        assert_eq!(changelog.len(), there.clone().count());
        assert_eq!(changelog.byte_count(), bytes.sum::<usize>());
        let mut seen = HashSet::new();
        let mut expected: Records = { records.iter().rev() }
            .filter(|(key, value)| seen.insert(key) && value.is_some())
            .cloned()
            .collect();
        expected.reverse();
        assert_eq!(taken_out(changelog), expected);
    }

    #[test]
    fn what_was_compacted_goes_on_as_if_it_had_not_been() {
        let records = records(5_000);
        let (before, after) = records.split_at(2_000);
        let mut compacted = put_in(&before.to_vec());
        compacted.compact();
        let mut whole = put_in(&records);
        for (key, value) in after {
            compacted.push(key, value.as_deref());
        }
        compacted.compact();
        whole.compact();
        assert_eq!(taken_out(compacted), taken_out(whole));
    }
}
