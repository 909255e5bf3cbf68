//! The stage: a fold that remembers nothing. All the work is in reading a record; the rest passes it on.

use std::{cell::RefCell, sync::Arc};

use journey::{
    IngestAccount, TaskTime, Timestamp, VisitorTrait, WebEvent, definitions::DefinitionSet, topics,
};
use pipeline::{
    Address, CountedReason, Counter, MarksInto, Outbox, OutputTopic, OwnMetrics, Place, Processor,
    Record, Refusal, Rejection, Stage, TaskContext, TimeFrom, Timer, Timers, Topology, Trigger,
    outbox::Fate,
};
use schemas::{
    Avro, Incompatible,
    avro::{Malformed, Reader},
    records::Record as _,
};
use serde_json::Value;

use crate::{
    accepted::{Accepted, Rules, Unknown, Words},
    accounts::Accounts,
    attributes::Dropped,
    config::{Config, UnknownDeployments},
    consent,
    deployment::{Received, as_far_as_known},
    json::Scalar,
    lately::Lately,
    quota::Quotas,
    raw::{self, RawEvent, RawReport},
    reason::{Flaw, RejectReason, SuppressReason},
    report,
    scrub::Kind,
    site::Sites,
    user_agent::Agents,
    web,
};

/// Index of `web.events` among the outputs.
pub const WEB_EVENTS: usize = 0;
/// Index of `journey.visitors` among the outputs.
pub const VISITORS: usize = 1;
/// Index of `ingest.accounts` among the outputs.
pub const ACCOUNTS: usize = 2;
/// Index of `engagement.events.raw` among the inputs.
const REPORTS: usize = 1;

/// Events whose time is not what their sender's clock says.
pub static TIME_CORRECTED: Counter = Counter {
    name: "footfall_time_corrected_total",
    help: "Events whose date was ahead of their arrival (future) or too old to be believed (implausible; too_old where it says when it was sent).",
    label: "cause",
};

/// Personal data that was found where none belongs, and replaced.
pub static SCRUBBED: Counter = Counter {
    name: "footfall_scrubbed_total",
    help: "Personal data replaced in URLs, titles, search texts and attributes, by kind.",
    label: "kind",
};

/// Members that nothing here has a use for: what a sender believes to say and does not.
pub static UNKNOWN_MEMBERS: Counter = Counter {
    name: "footfall_unknown_members_total",
    help: "Members of forwarded events that ingest does not know, by the object that they stand in.",
    label: "object",
};

/// Identifiers that are not what their mapping says.
pub static IDENTIFIERS_DROPPED: Counter = Counter {
    name: "footfall_identifiers_dropped_total",
    help: "Identifiers of visitors that were dropped because they are not of their type, by type.",
    label: "type",
};

/// Events of nobody's deployment: a snippet that nobody remembers, or a deployment that is still to be defined.
const UNKNOWN_DEPLOYMENT_EVENTS: CountedReason = CountedReason {
    reason: RejectReason::UnknownDeployment.as_str(),
    name: "footfall_unknown_deployment_events_total",
    help: "Events and reports of deployments that no definition knows.",
};

/// Raw events in; validated, consented, scrubbed and enriched ones out, by visitor.
#[derive(Debug)]
pub struct Ingest {
    config: Arc<Config>,
    context: TaskContext,
    sites: Sites,
    agents: Agents,
    words: Words,
    quotas: RefCell<Quotas>,
    lately: RefCell<Lately>,
    accounts: Accounts,
}

impl Ingest {
    /// The processor of one raw partition. Until [`Processor::adopt`] no deployment is known.
    pub fn new(config: Arc<Config>, context: TaskContext) -> Ingest {
        let accept = config.unknown_deployments == UnknownDeployments::Accept;
        Ingest {
            sites: Sites::new(&DefinitionSet::default(), accept, context.partition_count),
            agents: Agents::new(config.user_agents),
            words: Words::default(),
            quotas: RefCell::default(),
            lately: RefCell::default(),
            accounts: Accounts::default(),
            config,
            context,
        }
    }

    /// Which partition it serves.
    pub fn context(&self) -> TaskContext {
        self.context
    }

    fn read_event(&mut self, record: &Record<'_>) -> Result<Box<Accepted>, Refusal> {
        let mut mended = None;
        let mut raw = RawEvent::default();
        let rules = Rules {
            config: &self.config,
            sites: &self.sites,
            words: &self.words,
            quotas: &self.quotas,
            lately: &self.lately,
        };
        let read = raw::read_mended(
            record.value.unwrap_or_default(),
            &mut mended,
            self.config.limits.event_bytes,
            &mut raw,
        )
        .and_then(|()| web::read(&raw, Received::of(record, &rules), &rules, &mut self.agents));
        let read = read.map_err(|flaw| match &flaw {
            Flaw::Rejected(..) => refused(&raw, &rules).map_or(flaw, Flaw::from),
            Flaw::Suppressed(_) => flaw,
        });
        self.conclude(record, read, &raw.deployment_id)
    }

    fn read_report(&mut self, record: &Record<'_>) -> Result<Box<Accepted>, Refusal> {
        let mut mended = None;
        let mut raw = RawReport::default();
        let rules = Rules {
            config: &self.config,
            sites: &self.sites,
            words: &self.words,
            quotas: &self.quotas,
            lately: &self.lately,
        };
        let read = raw::read_mended(
            record.value.unwrap_or_default(),
            &mut mended,
            self.config.limits.event_bytes,
            &mut raw,
        )
        .and_then(|()| report::read(&raw, Received::of(record, &rules), &rules).map(Box::new));
        self.conclude(record, read, &raw.deployment_id)
    }

    /// Accounts for a record, under its deployment if it is one that is defined: strangers' names would have no end.
    fn conclude(
        &mut self,
        record: &Record<'_>,
        read: Result<Box<Accepted>, Flaw>,
        deployment: &Scalar<'_>,
    ) -> Result<Box<Accepted>, Refusal> {
        let (fate, reason) = match &read {
            Ok(_) => (Fate::Forwarded, ""),
            Err(Flaw::Suppressed(reason)) => (Fate::Suppressed, reason.as_str()),
            Err(Flaw::Rejected(reason, _)) => (Fate::DeadLettered, reason.as_str()),
        };
        let known = match deployment {
            Scalar::Text(id) if self.sites.knows(id) => id,
            _ => "",
        };
        self.accounts.add(record.received_at, known, fate, reason);
        read.map_err(|flaw| refusal(flaw, as_far_as_known(deployment)))
    }
}

/// The no that an event says which cannot be used. None, where it asks for more than to be left alone: an erasure or a withdrawal
/// is kept, to be given again.
fn refused(raw: &RawEvent<'_>, rules: &Rules<'_>) -> Option<SuppressReason> {
    if raw.asks_to_erase() {
        return None;
    }
    let site = match &raw.deployment_id {
        Scalar::Text(id) => rules.sites.get(id),
        _ => None,
    };
    let policy = site.map(|site| &site.consent);
    consent::refusal(&raw.consent, raw.signal(), policy, &rules.config.limits)
}

fn refusal(flaw: Flaw, deployment: Option<String>) -> Refusal {
    match flaw {
        Flaw::Suppressed(reason) => Refusal::Suppressed(reason.as_str()),
        Flaw::Rejected(reason, message) => Refusal::Rejected(Rejection {
            reason: reason.as_str(),
            message,
            deployment,
        }),
    }
}

/// The key and the state of a stage that has neither: no bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nothing;

impl Avro for Nothing {
    fn write(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Nothing)
    }
}

impl Processor for Ingest {
    type Key = Nothing;
    type Input = Box<Accepted>;
    type State = Nothing;
    type Output = Box<Accepted>;

    fn key(&self, _: &Box<Accepted>) -> Nothing {
        Nothing
    }

    fn time(&self, input: &Box<Accepted>) -> Timestamp {
        input.event.received_at
    }

    fn apply(
        &self,
        _: &TaskTime,
        _: &Nothing,
        _: Option<Nothing>,
        input: Box<Accepted>,
        out: &mut Vec<Box<Accepted>>,
    ) -> Option<Nothing> {
        out.push(input);
        None
    }

    fn timers(&self, _: &Nothing) -> Timers {
        Timers::default()
    }

    fn on_timer(
        &self,
        _: &TaskTime,
        _: &Nothing,
        _: Nothing,
        _: Timer,
        _: &mut Vec<Box<Accepted>>,
    ) -> Option<Nothing> {
        None
    }

    fn adopt(&mut self, definitions: &Arc<DefinitionSet>) {
        let accept = self.config.unknown_deployments == UnknownDeployments::Accept;
        self.sites = Sites::new(definitions, accept, self.context.partition_count);
        // What was read lately was read by other rules.
        self.lately = RefCell::default();
    }
}

impl Stage for Ingest {
    const METRICS: OwnMetrics = OwnMetrics {
        counters: &[
            (&TIME_CORRECTED, &["future", "implausible", "too_old"]),
            (&SCRUBBED, &["email", "card", "iban", "phone"]),
            (&UNKNOWN_MEMBERS, &Unknown::WITHIN),
            (&IDENTIFIERS_DROPPED, &["email", "phone", "externalId"]),
        ],
        reasons: &[UNKNOWN_DEPLOYMENT_EVENTS],
        ..OwnMetrics::NONE
    };
    const TOPOLOGY: Topology = Topology {
        stage: "ingest",
        inputs: &[topics::WEB_EVENTS_RAW, topics::ENGAGEMENT_EVENTS_RAW],
        outputs: &[
            OutputTopic {
                name: topics::WEB_EVENTS,
                schema: Some(WebEvent::SCHEMA),
                co_partitioned: false,
            },
            OutputTopic {
                name: topics::VISITORS,
                schema: Some(VisitorTrait::SCHEMA),
                co_partitioned: false,
            },
            OutputTopic {
                name: topics::ACCOUNTS,
                schema: Some(IngestAccount::SCHEMA),
                co_partitioned: false,
            },
        ],
        time_from: TimeFrom::AppendTime,
        marks_into: MarksInto::EveryPartition(WEB_EVENTS),
        definitions: true,
        stateless: true,
        dead_letter_bytes: false,
        dead_letter_limit: false,
    };

    fn decode(&mut self, record: &Record<'_>) -> Result<Box<Accepted>, Refusal> {
        if record.topic == Self::TOPOLOGY.inputs[REPORTS] {
            self.read_report(record)
        } else {
            self.read_event(record)
        }
    }

    fn settle(&mut self, received: Timestamp, out: &mut Outbox<'_>) {
        let topic = Self::TOPOLOGY.inputs[self.context.input];
        let due = self.accounts.due(received, topic, self.context.partition);
        for account in due {
            let key = format!(
                "{}|{}|{topic}-{}",
                account.deployment_id, account.minute, account.partition
            );
            out.send(address(ACCOUNTS, &key, None), |bytes| account.write(bytes));
        }
    }

    fn note(&self) -> Value {
        self.accounts.note()
    }

    fn recall(&mut self, note: &Value) {
        self.accounts.recall(note);
    }

    fn learn(&mut self, _: u32, _: &str) -> Result<(), Incompatible> {
        Ok(())
    }

    fn encode(&self, _: &Nothing, output: Box<Accepted>, out: &mut Outbox<'_>) {
        let Accepted {
            event,
            traits,
            forgotten,
            hits,
            correction,
            unknown,
            dropped,
        } = *output;
        let trigger = Some(Trigger::Record(event.received_at));
        let customer_id = event.customer_id.as_str();
        out.send(address(WEB_EVENTS, customer_id, trigger), |bytes| {
            event.write(bytes)
        });
        for one in &traits {
            let key = format!("{customer_id}|{}", one.name);
            out.send(address(VISITORS, &key, trigger), |bytes| one.write(bytes));
        }
        for name in &forgotten {
            let key = format!("{customer_id}|{name}");
            out.tombstone(address(VISITORS, &key, trigger));
        }
        if let Some(correction) = correction {
            out.count(&TIME_CORRECTED, correction.as_str());
        }
        for (object, count) in Unknown::WITHIN.into_iter().zip(unknown.0) {
            (0..count).for_each(|_| out.count(&UNKNOWN_MEMBERS, object));
        }
        for kind in Dropped::TYPES {
            (0..dropped.of(kind)).for_each(|_| out.count(&IDENTIFIERS_DROPPED, kind.as_str()));
        }
        for kind in Kind::ALL {
            for _ in 0..hits.of(kind) {
                out.count(&SCRUBBED, kind.as_str());
            }
        }
    }
}

fn address(topic: usize, key: &str, trigger: Option<Trigger>) -> Address<'_> {
    Address {
        topic,
        place: Place::ByKey,
        key: key.as_bytes(),
        trigger,
    }
}
