//! What a stage's topics are called in its lane.

use journey::topics::{self, Lane};

use crate::{outbox::Destination, processor::Topology};

/// A stage's full topic names in its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// By input.
    pub inputs: Vec<String>,
    /// By output.
    pub outputs: Vec<String>,
    /// By input.
    pub dead_letters: Vec<String>,
    /// By input; none of a stateless stage.
    pub changelogs: Vec<String>,
}

impl Names {
    /// The names of a stage's topics in a lane.
    pub fn new(topology: &Topology, lane: &Lane) -> Names {
        let inputs: Vec<String> = topology
            .inputs
            .iter()
            .map(|name| lane.topic(name))
            .collect();
        Names {
            outputs: topology
                .outputs
                .iter()
                .map(|output| lane.topic(output.name))
                .collect(),
            dead_letters: inputs
                .iter()
                .map(|input| topics::dead_letter(input))
                .collect(),
            changelogs: inputs
                .iter()
                .filter(|_| !topology.stateless)
                .map(|input| topics::changelog(input, topology.stage))
                .collect(),
            inputs,
        }
    }

    /// Where a record goes.
    pub fn destination(&self, destination: Destination) -> &str {
        match destination {
            Destination::Output(i) => &self.outputs[i],
            Destination::DeadLetter(i) => &self.dead_letters[i],
            Destination::Changelog(i) => &self.changelogs[i],
        }
    }
}
