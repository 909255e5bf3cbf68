//! The bytes of dead letters that hold none, where they came from: read forward, a partition at a time.

use std::collections::BTreeMap;

use pipeline::kafka::{
    Settings,
    read::{ReadRecord, TopicReader},
};

use super::letter::Letter;

/// Indices into the letters, by offset.
type Wanted = BTreeMap<i64, usize>;

/// For each letter the record that it was; `None` where nobody holds it any more.
pub(super) fn bytes(
    settings: &Settings,
    letters: &[Letter],
) -> anyhow::Result<Vec<Option<ReadRecord>>> {
    let mut found = vec![None; letters.len()];
    let mut wanted: BTreeMap<(String, u32), Wanted> = BTreeMap::new();
    for (index, letter) in letters.iter().enumerate() {
        let record = &letter.record;
        match &letter.cause {
            // Zero bytes may be missing, or all there is.
            Some(cause) if record.key.is_none() && record.value.is_none() => {
                let from = (settings.lane.topic(&cause.topic), cause.partition);
                wanted.entry(from).or_default().insert(cause.offset, index);
            }
            _ => found[index] = Some(record.clone()),
        }
    }
    for ((topic, partition), wanted) in wanted {
        read(settings, &topic, partition, &wanted, &mut found)?;
    }
    for (letter, found) in letters.iter().zip(&mut found) {
        *found = found.take().filter(|record| letter.was(record));
    }
    Ok(found)
}

fn read(
    settings: &Settings,
    topic: &str,
    partition: u32,
    wanted: &Wanted,
    found: &mut [Option<ReadRecord>],
) -> anyhow::Result<()> {
    let extents = TopicReader::extents(settings, topic)?;
    let Some(extent) = extents.get(partition as usize) else {
        return Ok(());
    };
    let mut there = wanted.range(extent.clone());
    let (Some((first, _)), last) = (there.next(), there.next_back()) else {
        return Ok(());
    };
    let last = last.map_or(*first, |(offset, _)| *offset);
    let mut reader = TopicReader::open_between(settings, topic, partition, *first..last + 1)?;
    while let Some(record) = reader.next_there()? {
        if let Some(index) = wanted.get(&record.offset) {
            found[*index] = Some(record);
        }
    }
    Ok(())
}
