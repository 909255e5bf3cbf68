//! Against a real Kafka and registry: each test in a lane of its own, which it deletes.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Read, Write},
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use flate2::{Compression, write::GzEncoder};
use journey::{partition, topics::Lane};
use pipeline::kafka::{
    Settings,
    admin::Admin,
    write::{Out, Writer},
};
use serde_json::Value;

use super::footfall_command::{Done, Scratch, command, demo_definitions, footfall, footfall_with};

/// A lane of this test alone.
pub(crate) struct TestLane {
    pub(crate) prefix: String,
    pub(crate) settings: Settings,
}

impl TestLane {
    /// `None`, and a line that says so, where there is no Kafka.
    pub(crate) fn new(name: &str) -> Option<TestLane> {
        let Ok(brokers) = env::var("FOOTFALL_BROKERS") else {
            eprintln!("FOOTFALL_BROKERS is not set: {name} is not tested against Kafka");
            return None;
        };
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        let prefix = format!(
            "cli-{name}-{}-{}.",
            std::process::id(),
            since.subsec_nanos()
        );
        let settings = Settings::new(&brokers, Lane::new(&prefix), "test");
        Some(TestLane { prefix, settings })
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["--topic-prefix", &self.prefix]].concat()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        footfall(&self.arguments(arguments))
    }

    pub(crate) fn apply(&self, more: &[&str]) -> String {
        let apply = ["topics", "apply", "--partitions", "2", "--replication", "1"];
        self.run(&[&apply, more].concat()).with(0)
    }

    /// A topic's records, as `tail` shows them.
    pub(crate) fn tail(&self, topic: &str, more: &[&str]) -> Vec<Value> {
        let tail = ["tail", topic, "--until-end"];
        let lines = self.run(&[&tail, more].concat()).with(0);
        let lines = lines.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }
}

impl Drop for TestLane {
    fn drop(&mut self) {
        let Ok(admin) = Admin::connect(&self.settings) else {
            return;
        };
        let Ok(counts) = admin.partition_counts() else {
            return;
        };
        let names = counts.into_keys();
        let names: Vec<String> = names
            .filter(|name| name.starts_with(&self.prefix))
            .collect();
        let _ = admin.delete_now(&names);
    }
}

#[test]
fn topics_are_created_once_and_only_raw_ones_grow() {
    let Some(lane) = TestLane::new("topics") else {
        return;
    };
    let plan = ["topics", "plan", "--partitions", "2", "--replication", "1"];
    let planned = lane.run(&plan).with(1);
    assert!(
        planned.contains(&format!(
            "+ {}journey.offers 2p rf1 delete 7d\n",
            lane.prefix
        )),
        "{planned}"
    );
    let dry = lane
        .run(&["topics", "apply", "--dry-run", "--partitions", "2"])
        .with(1);
    assert!(dry.contains("to create"), "{dry}");
    assert!(lane.apply(&[]).contains(" created\n"));
    assert!(lane.run(&plan).with(0).contains("all as they should be"));
    assert!(lane.apply(&[]).contains("all as they should be"));
    let other = lane
        .run(&["topics", "apply", "--partitions", "3", "--replication", "1"])
        .with(1);
    assert!(
        other.contains("has 2 partitions, not 3: a lane's count never changes"),
        "{other}"
    );
    assert!(!other.contains("grown"), "{other}");
    let grown = lane.apply(&["--raw-partitions", "3"]);
    assert!(
        grown.contains(&format!("+ {}web.events.raw 2p → 3p\n", lane.prefix)),
        "{grown}"
    );
    assert!(lane.run(&plan).with(0).contains("all as they should be"));
    let backfill = lane.run(&[&plan[..], &["--backfill"]].concat()).with(1);
    assert!(
        backfill.contains("--add-config message.timestamp.type=CreateTime"),
        "{backfill}"
    );
}

#[test]
fn raw_topics_grow_alone_and_never_shrink() {
    let Some(lane) = TestLane::new("grow") else {
        return;
    };
    let grow = |more: &[&str]| lane.run(&[&["topics", "grow", "--raw-partitions"], more].concat());
    let missing = grow(&["5"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("footfall topics apply"),
        "{}",
        missing.err
    );
    lane.apply(&[]);
    let dry = grow(&["5", "--dry-run"]).with(1);
    assert!(dry.ends_with("2 topics · 2 to grow\n"), "{dry}");
    let grown = grow(&["5"]).with(0);
    let line = format!("+ {}web.events.raw 2p → 5p\n", lane.prefix);
    assert!(grown.contains(&line), "{grown}");
    assert!(
        grown.contains("2 topics · 2 grown\nrestart ingest"),
        "{grown}"
    );
    assert!(grow(&["5"]).with(0).contains("all as they should be"));
    let fewer = grow(&["4"]);
    assert_eq!(fewer.code, 2);
    assert!(fewer.err.contains("never shrinks"), "{}", fewer.err);
    let plan = ["topics", "plan", "--partitions", "2", "--replication", "1"];
    assert!(lane.run(&plan).with(0).contains("all as they should be"));
}

#[test]
fn a_replication_that_no_cluster_has_is_refused_with_what_to_say() {
    let Some(lane) = TestLane::new("replication") else {
        return;
    };
    let done = lane.run(&["topics", "apply", "--replication", "99"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("say --replication"), "{}", done.err);
}

#[test]
fn schemas_are_new_then_registered_then_known() {
    let Some(lane) = TestLane::new("schemas") else {
        return;
    };
    lane.apply(&[]);
    let offers = format!("{}journey.offers-value", lane.prefix);
    let checked = lane.run(&["schemas", "check"]).with(0);
    assert!(
        checked.contains(&format!("{offers} new v1 FULL_TRANSITIVE\n")),
        "{checked}"
    );
    let dry = lane.run(&["schemas", "register", "--dry-run"]).with(0);
    assert_eq!(dry, checked);
    let registered = lane.run(&["schemas", "register"]).with(0);
    assert!(
        registered.contains(&format!("{offers} new v1 FULL_TRANSITIVE id ")),
        "{registered}"
    );
    let again = lane.run(&["schemas", "check"]).with(0);
    assert!(
        again.contains(&format!("{offers} ok v1 FULL_TRANSITIVE\n")),
        "{again}"
    );
}

#[test]
fn definitions_are_applied_once_and_each_change_is_a_set() {
    let Some(lane) = TestLane::new("definitions") else {
        return;
    };
    let missing = lane.run(&["definitions", "apply", &demo_definitions()]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("footfall topics apply"),
        "{}",
        missing.err
    );
    lane.apply(&[]);
    let scratch = Scratch::new("sets");
    let route_path = |queue: &str| {
        format!(
            r#"{{"kind": "routePath", "id": "sales", "queueId": "{queue}", "mediaType": "webchat", "timeZone": "UTC"}}"#
        )
    };
    scratch.write("sales.json", &route_path("q1"));
    let apply = ["definitions", "apply", scratch.path()];
    let dry = lane.run(&[&apply[..], &["--dry-run"]].concat()).with(0);
    assert!(dry.contains("is not written"), "{dry}");
    assert_eq!(lane.tail("journey.definitions", &[]).len(), 0);
    let first = lane.run(&apply).with(0);
    assert!(
        first.contains("1 new, effective from the beginning · set 1"),
        "{first}"
    );
    let again = lane.run(&apply).with(0);
    assert!(again.starts_with("nothing changed"), "{again}");
    scratch.write("sales.json", &route_path("q2"));
    let at = ["--effective-at", "2026-11-23T14:05:00Z"];
    let second = lane.run(&[&apply[..], &at].concat()).with(0);
    assert!(
        second.contains("1 changed, effective 2026-11-23T14:05:00.000Z · set 2"),
        "{second}"
    );
    let keys: Vec<String> = lane
        .tail("journey.definitions", &[])
        .iter()
        .map(|record| record["key"].as_str().expect("text").to_owned())
        .collect();
    let expected = [
        "routePath/sales/1",
        "routePath/sales",
        "set/1",
        "routePath/sales/2",
        "routePath/sales",
        "set/2",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        lane.tail("journey.definitions", &["--key", "routePath/sales/2"])[0]["value"]["queueId"],
        "q2"
    );
    scratch.write("sales.json", &route_path("q1").replace("sales", "returns"));
    let third = lane.run(&apply).with(0);
    assert!(third.contains("1 new, 1 removed"), "{third}");
    let pointers = lane.tail("journey.definitions", &["--key", "routePath/sales"]);
    let last = pointers.last().expect("three");
    assert_eq!((pointers.len(), &last["value"]), (3, &Value::Null));
    let fourth = lane.run(&apply).with(0);
    assert!(fourth.starts_with("nothing changed"), "{fourth}");
}

#[test]
fn lines_are_sent_as_they_are_to_the_partition_of_their_visitor() {
    let Some(lane) = TestLane::new("send") else {
        return;
    };
    lane.apply(&[]);
    let lines = b"{\"customerCookieId\":\"a\",\"n\":1}\nnot json\n\n{\"customerCookieId\":\"a\",\"n\":2}\n{\"n\":3}\n";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(lines).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let send = lane.arguments(&["send", "-", "--rate", "200/s"]);
    let dry = footfall_with(&[&send[..], &["--dry-run"]].concat(), lines).with(0);
    assert_eq!(dry, "4 events would be sent\n");
    let sent = footfall_with(&send, &gzip).with(0);
    assert!(
        sent.starts_with("4 events in ") && sent.contains("behind schedule"),
        "{sent}"
    );
    let records = lane.tail("web.events.raw", &[]);
    assert_eq!(records.len(), 4);
    assert!(
        records
            .iter()
            .any(|record| record["value"] == "not json" && record["key"].is_null())
    );
    let of_a = lane.tail("web.events.raw", &["--key", "a"]);
    let numbers: Vec<&Value> = of_a.iter().map(|record| &record["value"]["n"]).collect();
    assert_eq!(numbers, [1, 2]);
    for record in &of_a {
        assert_eq!(record["partition"], partition::of_key(b"a", 2));
    }
    assert_eq!(lane.tail("web.events.raw", &["--limit", "3"]).len(), 3);
    assert_eq!(lane.tail("web.events.raw", &["--from", "end"]).len(), 0);
    let backfill = footfall_with(&lane.arguments(&["send", "--backfill"]), lines);
    assert_eq!(backfill.code, 1);
    assert!(
        backfill.err.contains("footfall topics apply --backfill"),
        "{}",
        backfill.err
    );
}

#[test]
fn who_reads_only_the_first_line_ends_tail_quietly() {
    let Some(lane) = TestLane::new("pipe") else {
        return;
    };
    lane.apply(&[]);
    let lines = "{\"filler\":\"0123456789012345678901234567890123456789\"}\n".repeat(20_000);
    footfall_with(&lane.arguments(&["send"]), lines.as_bytes()).with(0);
    let tail = lane.arguments(&["tail", "web.events.raw", "--until-end"]);
    let mut child = command(&tail)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut first)
        .expect("a line");
    let mut errors = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut errors).expect("readable");
    assert!(child.wait().expect("it ends").success(), "{errors}");
    assert_eq!(errors, "");
    assert!(first.contains("filler"));
}

#[test]
fn a_backfill_carries_its_own_time_into_every_partition() {
    let Some(lane) = TestLane::new("backfill") else {
        return;
    };
    lane.apply(&["--backfill"]);
    let lines = br#"{"early":"without a time"}
{"customerCookieId":"a","createdDate":"2015-05-17T10:00:00Z"}
{"customerCookieId":"b","createdDate":"2015-05-17T09:00:00Z","sentDate":"2015-05-17T10:00:05Z"}
{"customerCookieId":"c","createdDate":"2015-05-17T09:59:00Z"}
broken
{"customerCookieId":"a","createdDate":"2015-05-17T12:00:00Z"}
"#;
    let send = ["send", "--backfill", "--close-after", "1h"];
    let sent = footfall_with(&lane.arguments(&send), lines).with(0);
    assert!(
        sent.contains("data's time 2015-05-17T10:00:00.000Z to 2015-05-17T13:00:00.000Z"),
        "{sent}"
    );
    let web = lane.tail("web.events.raw", &[]);
    let engagement = lane.tail("engagement.events.raw", &[]);
    let mut times: BTreeMap<(String, u64), Vec<String>> = BTreeMap::new();
    let mut events: Vec<String> = Vec::new();
    for record in web.iter().chain(&engagement) {
        let text = |field: &str| record[field].as_str().expect("text").to_owned();
        let partition = record["partition"].as_u64().expect("a number");
        times
            .entry((text("topic"), partition))
            .or_default()
            .push(text("timestamp"));
        if record["value"]["tick"] != true {
            events.push(text("timestamp"));
        }
    }
    events.sort();
    let at = |time: &str| format!("2015-05-17T{time}.000Z");
    assert_eq!(
        events,
        [
            "10:00:00", "10:00:00", "10:00:05", "10:00:05", "10:00:05", "12:00:00"
        ]
        .map(at)
    );
    assert_eq!(times.len(), 4, "two partitions of two topics");
    for times in times.values() {
        assert!(times.is_sorted(), "{times:?}");
        for tick in ["10:00:00", "12:00:00", "13:00:00"] {
            assert!(times.contains(&at(tick)), "{times:?}");
        }
    }
}

#[test]
fn dead_letters_are_counted_and_shown_with_their_bytes() {
    let Some(lane) = TestLane::new("dead") else {
        return;
    };
    let none = lane.run(&["dead-letters", "list"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("check --topic-prefix"), "{}", none.err);
    lane.apply(&[]);
    assert_eq!(
        lane.run(&["dead-letters", "list"]).with(0),
        "no dead letters\n"
    );
    let topic = lane.settings.lane.topic("web.events.dead-letter");
    let mut writer = Writer::open(&lane.settings).expect("a producer");
    let letter = Out {
        topic: &topic,
        partition: 1,
        key: Some(b"k"),
        value: Some(b"the very \0 bytes"),
        timestamp: None,
    };
    writer.send(&letter).expect("queued");
    writer.finish().expect("delivered");
    let listed = lane.run(&["dead-letters", "list"]).with(0);
    assert!(
        listed.starts_with("without_headers       1 - web.events.dead-letter"),
        "{listed}"
    );
    let shown = lane
        .run(&["dead-letters", "show", "web.events.dead-letter", "1", "0"])
        .with(0);
    assert!(
        shown.contains("  key       k\n  value     the very \u{fffd} bytes\n"),
        "{shown}"
    );
    let shown = lane
        .run(&[
            "--output",
            "json",
            "dead-letters",
            "show",
            "--reason",
            "without_headers",
        ])
        .with(0);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["value"], "the very \0 bytes");
    lane.run(&["dead-letters", "show", "--reason", "nothing"])
        .with(1);
    lane.run(&["dead-letters", "show", "web.events", "1", "0"])
        .with(1);
}

#[test]
fn every_write_leaves_a_record_of_who_did_what_and_dry_runs_leave_none() {
    let Some(lane) = TestLane::new("audit") else {
        return;
    };
    let early = lane.run(&["schemas", "register"]);
    assert_eq!(early.code, 1);
    let says = format!("topic {}journey.audit is missing", lane.prefix);
    assert!(early.err.contains(&says), "{}", early.err);
    assert!(early.err.contains("footfall topics apply"), "{}", early.err);
    lane.apply(&["--actor", "ann@ops", "--kafka-property", "client.id=secret"]);
    lane.run(&["schemas", "register", "--dry-run"]).with(0);
    lane.run(&["definitions", "apply", &demo_definitions()])
        .with(0);
    let lines = b"{\"a\":1}\n{\"a\":2}\n";
    footfall_with(&lane.arguments(&["send", "--dry-run"]), lines).with(0);
    footfall_with(&lane.arguments(&["send"]), lines).with(0);
    let records = lane.tail("journey.audit", &[]);
    let commands: Vec<&str> = records
        .iter()
        .map(|record| record["value"]["command"].as_str().expect("a command"))
        .collect();
    assert_eq!(commands, ["topics apply", "definitions apply", "send"]);
    let value = |at: usize| &records[at]["value"];
    assert_eq!(value(0)["actor"], "ann@ops");
    assert!(
        value(1)["actor"]
            .as_str()
            .is_some_and(|actor| actor.contains('@'))
    );
    assert!(!records[0].to_string().contains("secret"), "{}", records[0]);
    assert_eq!(value(1)["details"]["set"], 1);
    assert_eq!(value(2)["details"]["events"], 2);
    for record in &records {
        assert_eq!(record["value"]["result"], "done");
        assert_eq!(record["value"]["dryRun"], false);
        assert_eq!(record["value"]["lane"], lane.prefix.as_str());
    }
}
