//! A day's raw input, as a script that any number of chains can play: events, control records, reports of a chat engine,
//! ticks. It is written while a calm chain plays it, as a chat engine only reports on offers that were made.

use std::collections::BTreeSet;

use footfall::{
    chain::Chain,
    shop::{ChatConfig, ChatEngine, OfferSeen, Sent, Shop, ShopConfig, Truth},
};
use ingest::VisitorKeys;
use journey::{Millis, Offer, Timestamp, topics};
use journey_tests::oracle::Event;
use pipeline::memory::Random;
use serde_json::{Value, json};

use crate::{
    PARTITIONS,
    judge::decode,
    kinds::{Kinds, Traffic},
};

pub(crate) const TICK: Millis = Millis::from_mins(5);
/// Longer than any timer of the stages.
const CLOSING: Millis = Millis::from_mins(27 * 60);

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    /// A record reaches its raw topic, at this time by the broker's clock.
    Send(Sent, Timestamp),
    /// Time passes, and all stages work.
    Tick(Timestamp),
}

/// A day's raw input.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: Vec<Step>,
    /// What a batch sessionization is told.
    pub(crate) events: Vec<Event>,
    /// Visitors that something is to be forgotten of: a batch knows nothing of that.
    pub(crate) forgotten: BTreeSet<String>,
    /// Visitors one of whose events comes beyond the grace, when its visit has ended: unless time is held back.
    pub(crate) late: BTreeSet<String>,
    /// How many steps there are of each kind of traffic.
    pub(crate) reports: u32,
    pub(crate) withdrawals: u32,
    pub(crate) erasures: u32,
    pub(crate) steps_back: u32,
    /// When the day is over, and all that time brings after it.
    pub(crate) end: Timestamp,
}

/// Writes a script while a calm chain plays it.
struct Writer<'a> {
    script: Script,
    chain: &'a mut Chain,
    kinds: &'a Kinds,
    random: Random,
    engine: ChatEngine,
    /// Offers read, by partition.
    read: [usize; PARTITIONS as usize],
    now: Timestamp,
    /// How far the broker's clock is behind, and for how many more records.
    behind: (Millis, u64),
}

impl Script {
    /// The script of a seed, as the calm chain plays it.
    pub(crate) fn write(seed: u64, visitors: u32, kinds: &Kinds, calm: &mut Chain) -> Script {
        let mut shop = Shop::new(ShopConfig::biting(seed, visitors));
        let timeout = shop.config().visit_timeout;
        let mut writer = Writer {
            script: Script::default(),
            chain: calm,
            kinds,
            random: Random(seed ^ 0x005c_2197),
            engine: ChatEngine::new(ChatConfig::plausible(seed)),
            read: [0; PARTITIONS as usize],
            now: shop.config().start,
            behind: (Millis(0), 0),
        };
        writer.take(Step::Tick(writer.now));
        for sent in &mut shop {
            writer.pass(sent.send_at);
            writer.send(sent, timeout);
        }
        let end = writer.now + CLOSING;
        writer.pass(end);
        writer.script.end = end;
        let script = writer.script;
        script.close(calm);
        script
    }

    /// Plays the script on another chain; before each tick somebody may do something to it.
    pub(crate) fn play(&self, chain: &mut Chain, mut before: impl FnMut(&mut Chain, Timestamp)) {
        for step in &self.steps {
            if let Step::Tick(at) = step {
                before(chain, *at);
            }
            step.play(chain);
        }
        self.close(chain);
    }

    /// Lets everybody come to the end.
    fn close(&self, chain: &mut Chain) {
        // A mark is written once a minute, as a worker's clock goes here: the last says all.
        for minute in 1..=3 {
            let at = self.end + Millis::from_mins(minute);
            chain.finish(at).expect("no fault but simulated ones");
        }
    }
}

impl Step {
    fn play(&self, chain: &mut Chain) {
        match self {
            Step::Send(sent, at) => chain.send(
                sent.topic.topic(),
                sent.key.as_deref().map(str::as_bytes),
                sent.json.as_bytes(),
                *at,
            ),
            Step::Tick(at) => {
                chain.tick(*at);
                chain.settle(*at).expect("no fault but simulated ones");
            }
        }
    }
}

impl Writer<'_> {
    fn take(&mut self, step: Step) {
        step.play(self.chain);
        self.script.steps.push(step);
    }

    /// Lets time pass, ticks and all; the chat engine sees the offers of the meantime and says what becomes of them.
    fn pass(&mut self, to: Timestamp) {
        while self.now + TICK <= to {
            self.now = self.now + TICK;
            if self.kinds.has(Traffic::Reports) {
                self.report();
            }
            self.take(Step::Tick(self.now));
        }
    }

    fn report(&mut self) {
        for partition in 0..PARTITIONS {
            let records = self.chain.broker().records(topics::OFFERS, partition);
            let read = &mut self.read[partition as usize];
            for record in &records[*read..] {
                let offer: Offer = decode(record.value.as_deref().expect("no tombstones"));
                // Seen within a moment of being made: the last tick is long ago.
                self.engine
                    .offer(offer.created_date, &OfferSeen::from(&offer));
            }
            *read = records.len();
        }
        for report in self.engine.due(self.now) {
            self.script.reports += 1;
            let at = report.send_at.max(self.now + Millis(1 - TICK.0));
            self.take(Step::Send(report, at));
        }
    }

    /// An event, and at times what makes everybody forget its visitor.
    fn send(&mut self, sent: Sent, timeout: Millis) {
        let truth = sent.truth.clone();
        let at = sent.send_at;
        if let Some(truth) = &truth {
            self.remember(truth, timeout);
        }
        let forget = truth.filter(|truth| truth.fate.joins()).map(|truth| {
            let visitor = visitor(&truth);
            (visitor, sent.clone())
        });
        let appended = self.clock(at);
        self.take(Step::Send(sent, appended));
        let Some((visitor, sent)) = forget else {
            return;
        };
        for (traffic, name, state) in [
            (Traffic::Withdrawals, "consent_withdrawn", "withdrawn"),
            (Traffic::Erasures, ingest::ERASE, "granted"),
        ] {
            if self.kinds.has(traffic) && self.random.draws(15) {
                let sent = control(&sent, name, state);
                self.script.forgotten.insert(visitor.clone());
                match traffic {
                    Traffic::Erasures => self.script.erasures += 1,
                    _ => self.script.withdrawals += 1,
                }
                self.take(Step::Send(sent, appended));
            }
        }
    }

    fn remember(&mut self, truth: &Truth, timeout: Millis) {
        if truth.fate == footfall::shop::Fate::Late {
            self.script.late.insert(visitor(truth));
        }
        if truth.fate.joins() {
            self.script.events.push(Event {
                visitor: visitor(truth),
                id: truth.event_id.clone(),
                at: truth.occurred_at.0,
                page: truth.pathname.clone(),
                page_view: truth.event_name == "page_viewed",
                ping: truth.is_ping(),
                timeout: timeout.0,
            });
        }
    }

    /// What the broker's clock says at this time: at times it steps back, and stays behind for some records.
    fn clock(&mut self, at: Timestamp) -> Timestamp {
        if !self.kinds.has(Traffic::ClockBack) {
            return at;
        }
        if self.behind.1 == 0 && self.random.draws(20) {
            let by = Millis::from_secs(1 + self.random.below(600) as i64);
            self.behind = (by, 1 + self.random.below(20));
            self.script.steps_back += 1;
        }
        self.behind.1 = self.behind.1.saturating_sub(1);
        match self.behind {
            (_, 0) => at,
            (by, _) => at + Millis(-by.0),
        }
    }
}

/// The visitor's key, as ingest makes it.
fn visitor(truth: &Truth) -> String {
    let id = VisitorKeys::development().customer_id(&truth.deployment_id, &truth.cookie);
    id.to_string()
}

/// The same visitor, asking that something be forgotten.
fn control(sent: &Sent, name: &str, state: &str) -> Sent {
    let mut event: Value = serde_json::from_str(&sent.json).expect("an event that joins is JSON");
    let id = format!("{name}-{}", event["eventId"].as_str().unwrap_or_default());
    event["eventId"] = id.into();
    event["eventName"] = name.into();
    event["consent"] = json!({"state": state, "purposes": [], "source": "tcf"});
    Sent {
        json: event.to_string(),
        truth: None,
        ..sent.clone()
    }
}
