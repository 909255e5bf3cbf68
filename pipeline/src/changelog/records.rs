//! The records of a changelog between being read and being made into states.

/// How many bytes lie together, at least.
const BLOCK: usize = 256 << 10;

/// All records of a task's changelog below the end that its committed offset names: the task's own record and the states. They
/// lie in blocks, so that half a million of them are no million allocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changelog {
    blocks: Vec<Block>,
    count: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block {
    bytes: Vec<u8>,
    /// How long each key is, and each value.
    lengths: Vec<(usize, Option<usize>)>,
}

impl Changelog {
    /// Appends a record; without a value it is a tombstone.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let block = match self.blocks.last_mut() {
            Some(block) if block.bytes.len() < BLOCK => block,
            last => {
                let lengths = last.map_or(0, |last| last.lengths.len());
                self.blocks.push(Block {
                    bytes: Vec::with_capacity(if lengths > 0 { BLOCK + BLOCK / 16 } else { 0 }),
                    lengths: Vec::with_capacity(lengths),
                });
                let last = self.blocks.len() - 1;
                &mut self.blocks[last]
            }
        };
        block.bytes.extend_from_slice(key);
        block.bytes.extend_from_slice(value.unwrap_or_default());
        block.lengths.push((key.len(), value.map(<[u8]>::len)));
        self.count += 1;
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Hands over every record, the last first: of a key only the first that is seen counts. What was handed over is let go,
    /// block by block. Ends with the first error.
    pub fn each_from_the_end<E>(
        self,
        mut each: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        for Block { bytes, lengths } in self.blocks.into_iter().rev() {
            let mut rest = bytes.as_slice();
            for (key, value) in lengths.into_iter().rev() {
                let (before, bytes) = rest.split_at(rest.len() - value.unwrap_or_default());
                let (before, key) = before.split_at(before.len() - key);
                each(key, value.map(|_| bytes))?;
                rest = before;
            }
        }
        Ok(())
    }
}

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
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_from_the_end() {
        let records: Vec<(Vec<u8>, Option<Vec<u8>>)> = (0..3_000u32)
            .map(|n| {
                let value = (n % 7 > 0).then(|| vec![n as u8; (n % 5 * 1_000) as usize]);
                (n.to_be_bytes().to_vec(), value)
            })
            .collect();
        let mut changelog = Changelog::default();
        for (key, value) in &records {
            changelog.push(key, value.as_deref());
        }
        assert_eq!(changelog.len(), records.len());
        assert!(changelog.blocks.len() > 1, "more than one block");
        let mut taken = Vec::new();
        let all = changelog.each_from_the_end(|key, value| {
            taken.push((key.to_vec(), value.map(<[u8]>::to_vec)));
            Ok::<_, ()>(())
        });
        assert_eq!(all, Ok(()));
        taken.reverse();
        assert_eq!(taken, records);
    }
}
