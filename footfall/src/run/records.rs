//! The records that came out, one JSON object a line.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use apache_avro::Schema;

use super::{Args, Ran};
use crate::target_file::{self, TargetFile};

/// Where records are to go, and of which topics.
pub(super) struct Records<'a> {
    topics: Vec<(&'a str, Schema)>,
    /// Standard output without one.
    file: Option<TargetFile>,
    partitions: u32,
}

impl<'a> Records<'a> {
    /// Sees that records can be written, if any were asked for.
    pub(super) fn open(args: &'a Args) -> anyhow::Result<Option<Records<'a>>> {
        let Some(path) = &args.records else {
            return Ok(None);
        };
        let topics = args.topics.iter();
        let topics = topics.map(|topic| Ok((topic.as_str(), schema_of(topic)?)));
        let topics = topics.collect::<anyhow::Result<_>>()?;
        let file = if path == Path::new("-") {
            None
        } else {
            target_file::refuse_same(&args.file, path)?;
            Some(TargetFile::create(path)?)
        };
        Ok(Some(Records {
            topics,
            file,
            partitions: args.partitions,
        }))
    }

    /// Writes them.
    pub(super) fn write(mut self, ran: &Ran) -> anyhow::Result<()> {
        match self.file.take() {
            None => self.write_to(ran, BufWriter::new(io::stdout().lock())),
            Some(mut file) => {
                self.write_to(ran, &mut file)?;
                file.finish()
            }
        }
    }

    fn write_to(&self, ran: &Ran, mut out: impl Write) -> anyhow::Result<()> {
        for (topic, schema) in &self.topics {
            for partition in 0..self.partitions {
                for record in ran.chain.broker().records(topic, partition) {
                    let Some((_, body)) = record.value.as_deref().and_then(schemas::unframe) else {
                        continue;
                    };
                    let value = schemas::json::to_json(schema, body)
                        .map_err(|e| anyhow::anyhow!("{topic}: {e}"))?;
                    let line = serde_json::json!({
                        "topic": topic, "partition": partition, "offset": record.offset, "value": value,
                    });
                    writeln!(out, "{line}").context("the records cannot be written")?;
                }
            }
        }
        out.flush().context("the records cannot be written")
    }
}

fn schema_of(topic: &str) -> anyhow::Result<Schema> {
    let all = schemas::all();
    let Some(known) = all.iter().find(|known| known.topic == topic) else {
        let known: Vec<_> = all.iter().map(|known| known.topic).collect();
        anyhow::bail!(
            "--topics {topic}: there is none of that name; choose from {}",
            known.join(", ")
        );
    };
    Schema::parse_str(known.schema).context("a compiled-in schema")
}
