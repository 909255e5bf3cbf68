//! What needs no Kafka.

use super::footfall_command::{Scratch, command, demo_definitions, footfall, footfall_with};

#[test]
fn help_lists_every_command() {
    let help = footfall(&["--help"]).with(0);
    for command in [
        "dev",
        "topics",
        "schemas",
        "definitions",
        "generate",
        "import",
        "send",
        "tail",
        "dead-letters",
        "deployments",
        "pages",
        "completeness",
        "replay",
        "diff",
    ] {
        let listed = help
            .lines()
            .any(|line| line.trim_start().starts_with(command));
        assert!(listed, "{command}: {help}");
    }
}

#[test]
fn a_wrong_command_line_exits_2_and_says_what_would_be_right() {
    #[track_caller]
    fn check(arguments: &[&str], says: &str) {
        let done = footfall(arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}{}", done.out, done.err);
        assert!(done.err.contains(says), "{arguments:?}: {}", done.err);
    }
    check(&[], "Usage");
    check(&["fly"], "unrecognized subcommand");
    check(&["send", "--rate", "fast"], "write 1000 or 1000/s");
    check(
        &["send", "--tick-every", "10"],
        "write 250ms, 12s, 15m or 24h",
    );
    check(&["tail"], "<TOPIC>");
    check(
        &["tail", "t", "--topic-prefix", "a b"],
        "letters, digits, dots and hyphens",
    );
    check(
        &["topics", "plan", "--kafka-property", "acks=1"],
        "Footfall sets it itself",
    );
    check(
        &["topics", "plan", "--partitions", "0"],
        "0 is not in 1..=10000",
    );
    for zero in [
        ["run", "-", "--partitions", "0"].as_slice(),
        &["generate", "--visitors", "0"],
        &["demo", "--visitors", "0"],
        &["demo", "--rate", "0"],
    ] {
        check(zero, "0 is not in 1..");
    }
    check(&["dead-letters", "show"], "footfall dead-letters list");
    check(&["dead-letters", "show", "web.events.raw"], "<OFFSET>");
    check(
        &["dead-letters", "list", "--since", "now"],
        "2026-11-23T14:00:00Z or 2h",
    );
    check(&["replay"], "--into <PREFIX>");
    check(&["replay", "--into", ""], "a lane of its own");
    check(
        &["replay", "--into", "a.", "--topic-prefix", "a."],
        "choose another prefix",
    );
    check(&["replay", "--into", "a_"], "--into \"a_\": letters");
    check(
        &["replay", "--into", "a.", "--from", "1h", "--until", "2h"],
        "must be later than",
    );
    check(&["diff", "a.", "a."], "name two");
    check(
        &["definitions", "apply", ".", "--effective-at", "soon"],
        "now or beginning",
    );
}

#[test]
fn a_demo_of_no_time_is_refused_with_what_would_do() {
    for (option, time, says) in [
        ("--play", "0s", "a day plays in a second at the least"),
        ("--play", "10ms", "a day plays in a second at the least"),
        ("--live", "0s", "say 4 s or more"),
        ("--live", "3s", "say 4 s or more"),
    ] {
        let done = footfall(&["demo", option, time]);
        assert_eq!(done.code, 2, "{option} {time}: {}{}", done.out, done.err);
        assert!(done.err.contains(says), "{option} {time}: {}", done.err);
    }
}

#[test]
fn a_broker_that_does_not_answer_is_named_with_what_to_do() {
    let commands: [&[&str]; 10] = [
        &["topics", "plan"],
        &["dead-letters", "list"],
        &["dead-letters", "show", "t", "0", "0"],
        &["tail", "journey.offers"],
        &["diff", "a.", "b."],
        &["deployments", "list"],
        &["deployments", "unknown"],
        &["pages", "test", "https://shop.example/"],
        &["completeness"],
        &["replay", "--into", "a."],
    ];
    // Each waits for some seconds, so they wait together.
    std::thread::scope(|threads| {
        for command in commands {
            threads.spawn(move || {
                let done = footfall(&[command, &["--brokers", "127.0.0.1:1"]].concat());
                assert_eq!(done.code, 1, "{command:?}");
                let says = |what| assert!(done.err.contains(what), "{command:?}: {}", done.err);
                says("no broker answers at 127.0.0.1:1");
                says("footfall dev up");
                assert!(
                    !done.err.contains("--topic-prefix"),
                    "{command:?}: {}",
                    done.err
                );
            });
        }
    });
    let done = footfall(&["schemas", "check", "--registry", "http://127.0.0.1:1"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("check --registry"), "{}", done.err);
}

#[test]
fn the_demo_s_definitions_are_valid() {
    let out = footfall(&["definitions", "validate", &demo_definitions()]).with(0);
    assert!(out.ends_with("definitions, no mistakes\n"), "{out}");
}

#[test]
fn every_mistake_in_definitions_is_printed_with_its_path() {
    let scratch = Scratch::new("mistakes");
    scratch.write(
        "map.json",
        r#"{"kind": "actionMap", "id": "m", "displayName": "M", "triggerWithSegments": ["nobody"], "weight": 9,
            "action": {"mediaType": "webchat", "routePathId": "nowhere"}}"#,
    );
    let out = footfall(&["definitions", "validate", scratch.path()]).with(1);
    assert!(
        out.lines()
            .all(|line| line.contains("actionMap/m") || line.ends_with(" mistakes")),
        "{out}"
    );
    assert!(out.contains("nobody") && out.contains("nowhere"), "{out}");
    let json = footfall(&[
        "--output",
        "json",
        "definitions",
        "validate",
        scratch.path(),
    ])
    .with(1);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["mistakes"][0]["path"].is_string(), "{json}");
}

#[test]
fn a_misspelt_member_of_an_action_map_is_warned_of_and_a_mistake_where_wanted() {
    let scratch = Scratch::new("misspelt");
    scratch.write(
        "map.json",
        r#"[{"kind": "routePath", "id": "chat", "queueId": "q", "mediaType": "webchat", "timeZone": "Europe/London"},
            {"kind": "segment", "id": "s", "displayName": "S", "selfUri": "/s", "journey": {"patterns": [
              {"criteria": [{"key": "page.pathname", "values": ["/x"], "operator": "equal", "shouldIgnorCase": true}]}]}},
            {"kind": "actionMap", "id": "m", "displayName": "M", "triggerWithSegments": ["s"], "offerLifeSecond": 90,
             "action": {"mediaType": "webchat", "routePathId": "chat", "whatever": 1}}]"#,
    );
    let validate = ["definitions", "validate", scratch.path()];
    let done = footfall(&validate);
    let warned = "warning: segment/s.journey.patterns[0].criteria[0].shouldIgnorCase: is no member here, and passed over: was \
                  shouldIgnoreCase meant?\nwarning: segment/s.selfUri: is no member here, and passed over\n\
                  warning: actionMap/m.offerLifeSecond: is no member here, and passed over: was offerLifeSeconds meant?\n";
    assert_eq!((done.code, done.err.as_str()), (0, warned), "{}", done.out);
    let strict = footfall(&[&validate[..], &["--strict"]].concat());
    assert_eq!((strict.code, strict.err.as_str()), (1, ""));
    assert!(strict.out.ends_with("3 mistakes\n"), "{}", strict.out);
    let json = footfall(&[&["--output", "json"], &validate[..]].concat()).with(0);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["warnings"][1]["path"], "segment/s.selfUri");
}

#[test]
fn a_file_that_is_no_definition_is_a_mistake() {
    let scratch = Scratch::new("unreadable");
    scratch.write("bad.json", r#"[{"kind": "segment"}]"#);
    let out = footfall(&["definitions", "validate", scratch.path()]).with(1);
    assert!(
        out.contains("bad.json[0]: is not a definition: missing field"),
        "{out}"
    );
    let out = footfall(&["definitions", "validate", "/nowhere/at/all"]).with(1);
    assert!(out.contains("/nowhere/at/all: cannot be read"), "{out}");
}

#[test]
fn a_byte_order_mark_is_no_mistake_in_a_definition() {
    let scratch = Scratch::new("marked");
    scratch.write("a.json", "\u{feff}[]");
    footfall(&["definitions", "validate", scratch.path()]).with(0);
}

#[test]
fn events_that_are_no_lines_are_refused_with_what_makes_lines_of_them() {
    for (file, advice) in [
        ("[{}]", "jq -c '.[]'"),
        ("\n[\n{}\n]", "jq -c '.[]'"),
        ("{\n}", "jq -c ."),
    ] {
        let done = footfall_with(&["run", "-"], file.as_bytes());
        assert_eq!(done.code, 1, "{file}");
        assert!(done.err.contains(advice), "{file}: {}", done.err);
    }
}

/// Runs it with a standard output and a standard error that nobody reads.
fn unread(arguments: &[&str]) -> Option<i32> {
    let mut command = command(arguments);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command
        .stdout(writer.try_clone().expect("a pipe"))
        .stderr(writer);
    command.status().expect("it runs").code()
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    assert_eq!(unread(&["generate", "--visitors", "200"]), Some(0));
    assert_eq!(
        unread(&["generate", "--visitors", "1", "--out", "/dev/null"]),
        Some(0)
    );
    assert_eq!(unread(&["run", "/nowhere/at/all"]), Some(1));
    assert_eq!(
        unread(&["dev", "down", "--dir", "/nowhere/at/all"]),
        Some(0)
    );
}

#[test]
fn a_demo_that_nobody_reads_ends_before_it_has_begun_and_leaves_nothing() {
    let scratch = Scratch::new("unread-demo");
    assert_eq!(unread(&["demo", "--dir", scratch.path()]), Some(0));
    let left = std::fs::read_dir(scratch.path()).expect("its directory");
    let left: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(!left.iter().any(|name| name == "stop.sh"), "{left:?}");
    assert!(!left.iter().any(|name| name == "kafka-data"), "{left:?}");
}

#[test]
fn what_is_invalid_is_refused_before_any_connection() {
    let scratch = Scratch::new("refused");
    scratch.write("bad.json", r#"[{"kind": "segment"}]"#);
    let arguments = [
        "definitions",
        "apply",
        scratch.path(),
        "--brokers",
        "127.0.0.1:1",
    ];
    let out = footfall(&arguments).with(1);
    assert!(out.ends_with("1 mistake\n"), "{out}");
}
