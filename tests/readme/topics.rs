//! The table of topics in `docs/sizing.md` is held against what `footfall topics apply` makes, and against what the stages read and write.

use std::collections::{BTreeMap, BTreeSet};

use ingest::Ingest;
use journey::topics::{self, Lane};
use pipeline::{
    kafka::{
        Settings,
        admin::{LaneSpec, lane_topics},
    },
    names::Names,
    processor::{Stage, Topology},
};
use segmenter::Segmenter;
use sessionizer::Sessionizer;
use staffing::Staffing;

use crate::read;

const STAGES: [Topology; 4] = [
    Ingest::TOPOLOGY,
    Sessionizer::TOPOLOGY,
    Segmenter::TOPOLOGY,
    Staffing::TOPOLOGY,
];

const HOUR: i64 = 3_600_000;

/// The cells of each row, by topic.
fn rows() -> BTreeMap<String, Vec<String>> {
    let document = read("docs/sizing.md");
    let table = document.split("\n## ").nth(1).expect("the section Topics");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| {
        // A bar within a cell is escaped.
        let cells = row.replace("\\|", "/");
        let cells = cells.split('|').map(|cell| cell.trim().replace('`', ""));
        cells.skip(1).collect::<Vec<_>>()
    });
    cells.map(|cells| (cells[0].clone(), cells)).collect()
}

/// As the table writes it.
fn retention(millis: &str) -> String {
    let hours = millis.parse::<i64>().expect("a number") / HOUR;
    match hours {
        0..=72 => format!("{hours} h"),
        _ => format!("{} d", hours / 24),
    }
}

/// The stages of a cell, ticks aside.
fn stages(cell: &str) -> BTreeSet<&str> {
    let names = cell.split(',').map(str::trim);
    names
        .filter(|name| STAGES.iter().any(|of| of.stage == *name))
        .collect()
}

#[test]
fn the_table_of_topics_is_what_is_made_and_who_writes_and_reads() {
    let settings = Settings::new("nobody:9092", Lane::default(), "0");
    let lane = Lane::default();
    let by_stage = STAGES.map(|topology| (topology, Names::new(&topology, &lane)));
    let stateful = STAGES.iter().filter(|topology| !topology.stateless);
    let changelogs: Vec<_> = stateful
        .flat_map(|topology| topology.inputs.iter().map(|input| (*input, topology.stage)))
        .collect();
    let spec = LaneSpec {
        partitions: 12,
        raw_partitions: 24,
        replication: 3,
        backfill: false,
    };
    let made = lane_topics(&settings, &spec, &changelogs);
    let rows = rows();
    assert_eq!(
        rows.keys().collect::<BTreeSet<_>>(),
        made.iter()
            .map(|topic| &topic.name)
            .collect::<BTreeSet<_>>()
    );
    for topic in made {
        let [_, partitions, _, cleanup, kept, written, read_by, ..] = rows[&topic.name].as_slice()
        else {
            panic!("{}: seven cells", topic.name)
        };
        let wanted = match topic.partitions {
            1 => "1",
            24 => "raw",
            _ => "lane",
        };
        assert_eq!(partitions, wanted, "partitions of {}", topic.name);
        assert_eq!(*cleanup, topic.settings["cleanup.policy"], "{}", topic.name);
        let wanted = topic.settings.get("retention.ms");
        let wanted = wanted.map_or_else(String::new, |millis| retention(millis));
        assert_eq!(*kept, wanted, "retention of {}", topic.name);
        let readers = by_stage.iter().filter(|(topology, names)| {
            let is_definitions = topology.definitions && topic.name == topics::DEFINITIONS;
            let mut own = names.inputs.iter().chain(&names.changelogs);
            is_definitions || own.any(|name| *name == topic.name)
        });
        let readers: BTreeSet<_> = readers.map(|(topology, _)| topology.stage).collect();
        let writers = by_stage.iter().filter(|(_, names)| {
            let results = names.outputs.iter().chain(&names.dead_letters);
            results
                .chain(&names.changelogs)
                .any(|name| *name == topic.name)
        });
        let writers: BTreeSet<_> = writers.map(|(topology, _)| topology.stage).collect();
        assert_eq!(stages(read_by), readers, "who reads {}", topic.name);
        assert_eq!(stages(written), writers, "who writes {}", topic.name);
    }
}
