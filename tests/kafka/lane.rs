//! A lane of its own for each test: topics, definitions, stages, and what is sent into it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;

use crate::{
    Kafka,
    auditor::{Auditor, Isolation, Record},
    loader::Loader,
    marks,
    stage::{PATIENCE, Stage, binary, tail},
    wait_while_it_moves,
};

pub(crate) const PARTITIONS: u32 = 4;
pub(crate) const WEB_RAW: &str = "web.events.raw";
pub(crate) const ENGAGEMENT_RAW: &str = "engagement.events.raw";
pub(crate) const RAW: [&str; 2] = [WEB_RAW, ENGAGEMENT_RAW];

/// Small transactions, so that there are many, and that a mark with many timers goes over several of them.
pub(crate) const SMALL: &[&str] = &["--workers", "2", "--batch-records", "50"];

/// Small transactions of one worker: a group of more members than partitions has some with nothing to do.
pub(crate) const SINGLE: &[&str] = &["--batch-records", "50"];

/// What each stage reads.
pub(crate) const INPUTS: [(&str, &[&str]); 4] = [
    ("ingest", &RAW),
    ("sessionizer", &["web.events"]),
    ("segmenter", &["journey.visits"]),
    ("staffing", &["journey.demand"]),
];

/// A lane's topics and processes.
pub(crate) struct Lane {
    pub(crate) prefix: String,
    pub(crate) auditor: Auditor,
    pub(crate) backfill: bool,
    pub(crate) directory: PathBuf,
    kafka: Kafka,
}

impl Lane {
    /// A new lane with all of its topics.
    pub(crate) fn new(kafka: &Kafka, name: &str, backfill: bool) -> Lane {
        let lane = Lane::without_topics(kafka, name, backfill);
        let mut args = vec!["topics", "apply", "--partitions", "4", "--replication", "1"];
        args.extend(backfill.then_some("--backfill"));
        lane.tool_ok(&args);
        lane
    }

    /// A lane that nothing was made for.
    pub(crate) fn without_topics(kafka: &Kafka, name: &str, backfill: bool) -> Lane {
        static LANES: AtomicUsize = AtomicUsize::new(0);
        let number = LANES.fetch_add(1, Ordering::Relaxed);
        // The tests of one run have one process; the process and the lane's number make the name unique.
        let prefix = format!("t{}-{number}-{name}.", std::process::id());
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&prefix);
        fs::create_dir_all(&directory).expect("a directory for logs");
        Lane {
            prefix,
            auditor: Auditor::new(&kafka.brokers, &kafka.registry),
            backfill,
            directory,
            kafka: kafka.clone(),
        }
    }

    /// A topic's full name.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn connection(&self) -> Vec<String> {
        let Kafka { brokers, registry } = &self.kafka;
        [
            "--brokers",
            brokers,
            "--registry",
            registry,
            "--topic-prefix",
            &self.prefix,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Runs the tool on this lane.
    pub(crate) fn tool(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary("footfall"));
        command.args(args).args(self.connection());
        command.output().expect("the tool runs")
    }

    /// Runs the tool, which must succeed; what it prints.
    pub(crate) fn tool_ok(&self, args: &[&str]) -> String {
        let output = self.tool(args);
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert!(output.status.success(), "footfall {args:?}: {out}{err}");
        out
    }

    /// Makes these definitions the lane's.
    pub(crate) fn define(&self, definitions: &[&str]) {
        let directory = self.directory.join("definitions");
        fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("all.json");
        fs::write(file, format!("[{}]", definitions.join(","))).expect("written");
        let directory = directory.display().to_string();
        self.tool_ok(&["definitions", "apply", &directory]);
    }

    /// Makes the demo's definitions the lane's.
    pub(crate) fn define_demo(&self) {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../footfall/definitions");
        self.tool_ok(&["definitions", "apply", directory]);
    }

    /// The options of a stage, as a test runs it.
    pub(crate) fn stage_args(&self, name: &str, instance: &str, extra: &[&str]) -> Vec<String> {
        let mut args = self.connection();
        let mut add = |more: &[&str]| args.extend(more.iter().map(|arg| (*arg).to_owned()));
        add(&["--instance", instance, "--register-schemas"]);
        add(&["--state-age", "300ms"]);
        for (option, usual) in [("--transaction-timeout", "5s"), ("--session-timeout", "6s")] {
            if !extra.contains(&option) {
                add(&[option, usual]);
            }
        }
        if name == "ingest" {
            add(&["--development-visitor-key"]);
            add(if self.backfill { &["--no-ticks"] } else { &[] });
        }
        if name == "staffing" && self.backfill {
            add(&["--source", "backfill"]);
        }
        add(extra);
        args
    }

    /// Starts a stage.
    pub(crate) fn start(&self, name: &str, instance: &str, extra: &[&str]) -> Stage {
        let args = self.stage_args(name, instance, extra);
        Stage::start(&self.directory, name, &args, None)
    }

    /// Starts a stage that registers no schema, as in production.
    pub(crate) fn start_registering_nothing(&self, name: &str) -> Stage {
        let mut args = self.stage_args(name, "a", &[]);
        args.retain(|arg| arg != "--register-schemas");
        Stage::start(&self.directory, name, &args, None)
    }

    /// Starts a stage that dies at a failpoint.
    pub(crate) fn start_dying(
        &self,
        name: &str,
        instance: &str,
        extra: &[&str],
        failpoint: &str,
    ) -> Stage {
        let args = self.stage_args(name, instance, extra);
        Stage::start(&self.directory, name, &args, Some(failpoint))
    }

    /// Until a stage has passed on all that its input holds, up to this time.
    pub(crate) fn until_done(&self, stage: &str, output: Option<&str>, at: i64) {
        self.until_read(stage);
        if let Some(output) = output {
            self.until_marked(output, at);
        }
    }

    /// Until a stage has committed all that its input holds.
    pub(crate) fn until_read(&self, stage: &str) {
        let group = self.topic(&format!("footfall.{stage}"));
        let inputs = INPUTS.iter().find(|(name, _)| *name == stage);
        let inputs = inputs.expect("a stage").1;
        for input in inputs {
            let topic = self.topic(input);
            let what = format!("{stage} to have read {topic}");
            wait_while_it_moves(&what, PATIENCE, || self.auditor.caught_up(&group, &topic));
        }
    }

    /// Until the marks of a topic say that all up to this time has been passed on.
    pub(crate) fn until_marked(&self, topic: &str, at: i64) {
        let topic = self.topic(topic);
        let what = format!("the marks of {topic} to reach {at}");
        wait_while_it_moves(&what, PATIENCE, || {
            // The frontier is the slowest source's, which may be read last: the others' claims move until then.
            let claims = self.auditor.claims(&topic);
            match marks::frontier(&claims) {
                Some(frontier) if frontier >= at => Ok(()),
                _ => Err(claims),
            }
        });
    }

    /// Until everything up to this time has come through all stages from `first` on.
    pub(crate) fn until_all_done(&self, first: &str, at: i64) {
        let marks = [
            Some("web.events"),
            Some("journey.visits"),
            Some("journey.demand"),
            None,
        ];
        let stages = INPUTS.iter().map(|(name, _)| *name).zip(marks);
        for (stage, marks) in stages.skip_while(|(stage, _)| *stage != first) {
            self.until_done(stage, marks, at);
        }
    }

    /// A topic's records, marks aside.
    pub(crate) fn records(&self, topic: &str) -> Vec<Record> {
        let mut records = self.auditor.read(&self.topic(topic), Isolation::Committed);
        records.retain(|record| !record.is_time());
        records
    }

    /// A topic's decoded values.
    pub(crate) fn values(&self, topic: &str) -> Vec<Value> {
        self.each_value(topic).collect()
    }

    pub(crate) fn each_value(&self, topic: &str) -> impl Iterator<Item = Value> {
        self.auditor.each_value(&self.topic(topic))
    }

    /// A producer of this lane's input.
    pub(crate) fn producer(&self) -> Loader {
        Loader::new(&self.kafka, &self.prefix)
    }
}

impl Drop for Lane {
    /// A test that failed shows what its processes said last.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Ok(files) = fs::read_dir(&self.directory) else {
            return;
        };
        let mut logs: Vec<_> = files.flatten().map(|file| file.path()).collect();
        logs.retain(|path| path.extension().is_some_and(|e| e == "log"));
        logs.sort();
        for log in logs {
            eprintln!("-- {}\n{}", log.display(), tail(&log));
        }
    }
}
