//! A task without a log: a fold, and the marks that a shell would take.

use std::{convert::Infallible, sync::Arc};

use journey::{
    Millis, TaskTime, Timestamp,
    definitions::{Definition, DefinitionSet, RoutePath},
    demand::DemandSignal,
    staffing::StaffingInterval,
};
use pipeline::{Fold, Processor as _, TaskContext};
use staffing::{Config, Input, Interval, IntervalKey, Output, Staffing};

/// The only task there is: every route path lies in it.
pub(crate) const WHOLE: TaskContext = TaskContext {
    input: 0,
    partition: 0,
    partition_count: 1,
};

/// A time of the day of all timelines.
pub(crate) fn at(text: &str) -> Timestamp {
    let text = if text.contains('T') {
        format!("2026-11-{text}Z")
    } else {
        format!("2026-11-23T{text}Z")
    };
    Timestamp::parse(&text.replacen(
        "Z",
        if text.matches(':').count() == 1 {
            ":00Z"
        } else {
            "Z"
        },
        1,
    ))
    .expect("a time")
}

/// Definitions with these route paths.
pub(crate) fn definitions(effective_at: Timestamp, route_paths: &[&str]) -> Arc<DefinitionSet> {
    let route_path = |id: &&str| {
        Definition::RoutePath(RoutePath {
            id: (*id).into(),
            queue_name: format!("Queue of {id}").into(),
            ..RoutePath::default()
        })
    };
    Arc::new(DefinitionSet::new(
        1,
        effective_at,
        route_paths.iter().map(route_path),
    ))
}

/// A signal of the route path `support` or another.
pub(crate) fn signal(route_path: &str, start: Timestamp, field: &str, delta: i64) -> DemandSignal {
    DemandSignal {
        id: "id".into(),
        route_path_id: route_path.into(),
        interval_start: start,
        field: field.into(),
        delta,
        time: start,
        received_date: start,
        ..DemandSignal::default()
    }
}

/// A task.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) fold: Fold<Staffing>,
    definitions: Arc<DefinitionSet>,
    context: TaskContext,
    grace: Millis,
    config: Config,
    /// What was told, in order.
    pub(crate) told: Vec<StaffingInterval>,
    /// Reasons of what was kept apart.
    pub(crate) refused: Vec<&'static str>,
}

impl Task {
    pub(crate) fn new(
        context: TaskContext,
        definitions: Arc<DefinitionSet>,
        grace: Millis,
    ) -> Task {
        Task::with(Config::default(), context, definitions, grace)
    }

    pub(crate) fn with(
        config: Config,
        context: TaskContext,
        definitions: Arc<DefinitionSet>,
        grace: Millis,
    ) -> Task {
        let mut fold = Fold::new(Staffing::with(config, context));
        fold.processor_mut().adopt(&definitions);
        Task {
            fold,
            definitions,
            context,
            config,
            grace,
            told: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The definitions change at the next mark.
    pub(crate) fn adopt(&mut self, definitions: Arc<DefinitionSet>) {
        self.fold.processor_mut().adopt(&definitions);
        self.definitions = definitions;
    }

    /// The task remembers too many intervals, and lets every one go.
    pub(crate) fn evict_all(&mut self) {
        let states = self.fold.states().into_iter();
        let keys: Vec<IntervalKey> = states.map(|(key, _)| key.clone()).collect();
        let mut out = Vec::new();
        for key in keys {
            self.fold.evict(&key, &mut out);
        }
        self.take(out);
    }

    pub(crate) fn signal(&mut self, signal: DemandSignal) {
        let mut out = Vec::new();
        self.fold.apply(Input::Signal(signal), &mut out);
        self.take(out);
    }

    /// A mark that moves the frontier here. One that does not move it does nothing.
    pub(crate) fn mark(&mut self, frontier: Timestamp) {
        let was = self.fold.time();
        if frontier <= was.frontier {
            return;
        }
        let now = TaskTime::new(frontier, self.grace);
        let due = self.fold.processor().due(&was, &now);
        self.fold.set_time(now);
        let mut out = Vec::new();
        for input in due {
            self.fold.apply(input, &mut out);
        }
        while self.fold.fire_next(&mut out).is_some() {}
        self.take(out);
    }

    /// The task is lost and restored from the bytes of its states.
    pub(crate) fn restore(&mut self) {
        let mut fold = Fold::new(Staffing::with(self.config, self.context));
        fold.processor_mut().adopt(&self.definitions);
        fold.set_time(self.fold.time());
        let states = self.fold.states().into_iter().map(|(key, state)| {
            let read_key: IntervalKey =
                schemas::from_bytes(&schemas::to_bytes(key)).expect("a key reads back");
            let bytes = schemas::to_bytes(state);
            let read: Interval = schemas::from_bytes(&bytes).expect("a state reads back");
            assert_eq!(schemas::to_bytes(&read), bytes, "equal states, equal bytes");
            Ok::<_, Infallible>((read_key, read))
        });
        fold.restore(states).expect("infallible");
        self.fold = fold;
    }

    fn take(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Revised(interval) => self.told.push(*interval),
                Output::Refused(rejection) => self.refused.push(rejection.reason),
            }
        }
    }
}
