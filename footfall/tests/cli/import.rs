//! `footfall import`, and that what it writes passes `ingest`.

use serde_json::Value;

use super::footfall_command::{Scratch, demo_definitions, footfall, footfall_with};

const LOG: &str = r#"203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /shoes?size=42 HTTP/1.1" 200 512 "https://www.google.com/" "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"
203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /shop.css HTTP/1.1" 200 90 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"
203.0.113.7 - - [17/May/2015:10:09:03 +0000] "GET /checkout HTTP/1.1" 304 0 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"
203.0.113.8 - - [17/May/2015:10:06:00 +0000] "GET /shoes HTTP/1.1" 404 0 "-" "-"
what is this
203.0.113.7 - - [17/May/2015:10:10:00 +0000] "GET /sale HTTP/1.1" 302 0 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"
shop.example:443 203.0.113.7 - - [17/May/2015:10:10:01 +0000] "GET /sale HTTP/1.1" 200 1 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"
203.0.113.9 - - [17/May/2015:10:07:00 +0000] "GET / HTTP/2.0" 200 1 "-" "curl/8.5.0"
"#;

#[test]
fn page_views_of_an_access_log_become_visits() {
    let scratch = Scratch::new("import");
    let events = format!("{}/events.jsonl", scratch.path());
    let import = [
        "import",
        "access-log",
        "-",
        "--deployment",
        "shop",
        "--origin",
        "https://shop.example/",
        "--salt",
        "0123456789abcdef",
        "--consent",
        "granted",
        "--to",
        &events,
    ];
    let done = footfall_with(&import, LOG.as_bytes());
    assert_eq!((done.code, done.out.as_str()), (0, ""));
    let mut said = done.err.lines();
    let counts = "3 events · 1 malformed · 2 status · 1 no_address · 1 asset";
    assert_eq!(said.next(), Some(counts));
    let advice = said.next().expect("what to do");
    assert!(advice.contains("vhost_combined"), "{advice}");
    let ran = footfall(&["run", &events]).with(0);
    let words: Vec<&str> = ran.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("events in 3 they add up"), "{ran}");
    assert!(words.contains("forwarded 3"), "{ran}");
    assert!(words.contains("visits 2 "), "{ran}");
}

#[test]
fn a_line_out_of_order_happened_when_it_says_and_an_hour_behind_when_the_line_before_it_did() {
    let scratch = Scratch::new("order");
    let line = |clock: &str| {
        let request = format!("[17/May/2015:{clock} +0000] \"GET /{clock} HTTP/1.1\" 200 512");
        format!("203.0.113.7 - - {request} \"-\" \"Mozilla/5.0 (X11) Firefox/120.0\"\n")
    };
    let log: String = ["12:00:00", "11:58:00", "10:30:00"].map(line).concat();
    let import = [
        &["import", "access-log", "-", "--deployment", "shop"][..],
        &["--origin", "https://shop.example", "--salt"],
        &["0123456789abcdef", "--consent", "granted"],
    ];
    let events = footfall_with(&import.concat(), log.as_bytes()).with(0);
    let records = played(&scratch, &events);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let times = records.iter().map(|record| {
        let path = text(&record["webEvent"]["page"]["pathname"]);
        format!("{path} at {}", text(&record["occurredAt"]))
    });
    let times: Vec<String> = times.collect();
    assert_eq!(
        times,
        [
            "/11:58:00 at 2015-05-17T11:58:00.000Z",
            "/12:00:00 at 2015-05-17T12:00:00.000Z",
            "/10:30:00 at 2015-05-17T12:00:00.000Z",
        ]
    );
}

/// Imports a file of `tests/data` and plays what it gives through the chain: what is said of the lines, and what stands in
/// `web.events`, by its time.
fn play(kind: &str, file: &str) -> (String, Vec<Value>) {
    let scratch = Scratch::new(kind);
    let file = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let events = scratch.write("events", "");
    let import = ["import", kind, &file, "--deployment", "shop"];
    let done = footfall(&[&import[..], &["--consent", "granted", "--to", &events]].concat());
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
    let events = std::fs::read_to_string(&events).expect("the events");
    (done.err, played(&scratch, &events))
}

/// What stands in `web.events` of these events, by its time.
fn played(scratch: &Scratch, events: &str) -> Vec<Value> {
    let (events, records) = (
        scratch.write("played", events),
        scratch.write("records", ""),
    );
    let run = [
        "run",
        &events,
        "--records",
        &records,
        "--topics",
        "web.events",
    ];
    footfall(&run).with(0);
    let written = std::fs::read_to_string(&records).expect("the records");
    let records = written.lines().map(|line| {
        let record: Value = serde_json::from_str(line).expect("JSON");
        record["value"].clone()
    });
    let mut records: Vec<Value> = records.filter(|value| value["kind"] == "web").collect();
    records.sort_by_key(|value| value["occurredAt"].to_string());
    records
}

/// What each event is: its name, and the path of its page.
fn names_and_pages(records: &[Value]) -> Vec<(&str, &str)> {
    let of = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).is_some();
    let events = records.iter().map(|value| &value["webEvent"]);
    events
        .map(|event| {
            assert!(
                of(event, "/eventName") && of(event, "/page/pathname"),
                "{event}"
            );
            let name = event["eventName"].as_str().unwrap_or_default();
            (name, event["page"]["pathname"].as_str().unwrap_or_default())
        })
        .collect()
}

#[test]
fn events_of_google_analytics_pass_ingest_as_what_they_were() {
    let (said, records) = play("ga4", "ga4.jsonl");
    assert_eq!(
        said,
        "5 events · 1 malformed · 1 derived · 1 no_visitor · 1 no_page · 1 invalid_url\n\
         left out of them: 5 geo · 1 items\n"
    );
    let expected = [
        ("page_viewed", "/shoes"),
        ("ping", "/shoes"),
        ("search_performed", "/s"),
        ("add_to_cart", "/shoes"),
        ("page_viewed", "/checkout"),
    ];
    assert_eq!(names_and_pages(&records), expected);
    assert_eq!(records[2]["webEvent"]["searchQuery"], "red shoes");
    assert_eq!(records[0]["customerId"], records[4]["customerId"]);
    assert_eq!(records[0]["webEvent"]["browser"]["lang"], "en-US");
    let campaign = &records[4]["webEvent"]["mktCampaign"];
    let said = ["source", "medium", "name"].map(|member| &campaign[member]);
    assert_eq!(said, ["newsletter", "email", "spring"]);
}

#[test]
fn events_of_snowplow_pass_ingest_as_what_they_were() {
    let (said, records) = play("snowplow", "snowplow.tsv");
    assert_eq!(
        said,
        "4 events · 1 malformed · 1 no_visitor · 1 invalid_url\nleft out of them: 4 geo\n"
    );
    let expected = [
        ("page_viewed", "/shoes"),
        ("ping", "/shoes"),
        ("add_to_basket", "/shoes"),
        ("page_viewed", "/checkout"),
    ];
    assert_eq!(names_and_pages(&records), expected);
    assert_eq!(
        records[0]["webEvent"]["mktCampaign"]["source"],
        "newsletter"
    );
}

#[test]
fn a_salt_that_could_be_guessed_is_refused() {
    let import = [
        "import",
        "access-log",
        "-",
        "--deployment",
        "shop",
        "--origin",
        "https://shop.example",
        "--salt",
        "short",
    ];
    let done = footfall(&import);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("openssl rand -hex 16"), "{}", done.err);
}

fn ga4(name: &str) -> (Scratch, String) {
    let scratch = Scratch::new(name);
    let file = format!("{}/tests/data/ga4.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).expect("the sample");
    (scratch, text)
}

#[test]
fn an_import_that_gives_nothing_fails_shows_the_first_line_and_writes_nothing() {
    let scratch = Scratch::new("vain");
    let kept = scratch.write("kept", "old");
    let import = ["import", "ga4", "-", "--deployment", "shop", "--to", &kept];
    let done = footfall_with(&import, b"\n[\n{}]\n");
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(
        done.err.contains("line 2, is malformed: [\n"),
        "{}",
        done.err
    );
    assert!(done.err.contains("jq -c '.[]'"), "{}", done.err);
    assert_eq!(std::fs::read_to_string(&kept).expect("kept"), "old");
    let done = footfall_with(&[&import[..], &["--output", "json"]].concat(), b"{}\n");
    assert_eq!(done.code, 1);
    let said: Value = serde_json::from_str(&done.err).expect("JSON");
    assert_eq!(said["firstSkipped"]["line"], "{}");
    footfall_with(&import, b"").with(0);
    let done = footfall(&["import", "ga4", "-", "--deployment", ""]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("write a name"), "{}", done.err);
}

#[test]
fn a_byte_order_mark_changes_no_event() {
    let (scratch, text) = ga4("mark");
    let history = scratch.write("marked", &format!("\u{feff}{text}"));
    let import = ["import", "ga4", &history, "--deployment", "shop"];
    let done = footfall(&import);
    assert!(
        done.err.starts_with("5 events · 1 malformed"),
        "{}",
        done.err
    );
    assert!(done.err.contains("--consent granted"), "{}", done.err);
    assert!(
        !footfall(&[&import[..], &["--consent", "granted"]].concat())
            .err
            .contains("consent")
    );
    let plain = footfall_with(
        &["import", "ga4", "-", "--deployment", "shop"],
        text.as_bytes(),
    );
    assert_eq!(done.out, plain.out);
}

#[test]
fn a_target_whose_name_says_gzip_is_packed() {
    let (scratch, text) = ga4("packed");
    let (history, packed) = (
        scratch.write("history", &text),
        format!("{}/events.gz", scratch.path()),
    );
    footfall(&[
        "import",
        "ga4",
        &history,
        "--deployment",
        "shop",
        "--to",
        &packed,
    ])
    .with(0);
    assert!(
        std::fs::read(&packed)
            .expect("there")
            .starts_with(&[0x1f, 0x8b])
    );
    assert!(footfall(&["run", &packed]).with(0).contains("they add up"));
}

#[test]
fn what_is_read_is_never_overwritten_and_what_fails_leaves_what_was_there() {
    let scratch = Scratch::new("overwritten");
    let (history, kept) = (scratch.write("log", LOG), scratch.write("kept", "old"));
    let import = |file: &str, to: &str| {
        let salt = "0123456789abcdef";
        footfall(&[
            "import",
            "access-log",
            file,
            "--deployment",
            "shop",
            "--origin",
            "https://shop.example",
            "--salt",
            salt,
            "--to",
            to,
        ])
    };
    let read = |file: &str| std::fs::read_to_string(file).expect(file);
    let done = import(&history, &history);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("is what is read"), "{}", done.err);
    assert_eq!(read(&history), LOG);
    let missing = format!("{}/missing", scratch.path());
    let done = import(&missing, &kept);
    assert_eq!(
        (done.code, read(&kept).as_str()),
        (1, "old"),
        "{}",
        done.err
    );
    let events = footfall(&["generate", "--visitors", "3", "--hours", "1"]).with(0);
    let events = scratch.write("events", &events);
    let before = read(&events);
    let done = footfall(&["run", &events, "--records", &events]);
    assert_eq!((done.code, read(&events)), (1, before));
    let done = footfall(&["run", &events, "--records", &kept, "--topics", "nowhere"]);
    assert_eq!(
        (done.code, read(&kept).as_str()),
        (1, "old"),
        "{}",
        done.err
    );
}

#[test]
fn what_the_snippet_sends_passes_ingest() {
    let collector = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/collector");
    let read = |name: &str| std::fs::read_to_string(format!("{collector}/{name}")).expect(name);
    let (snippet, sample) = (read("snippet.js"), read("sample.jsonl"));
    let mut members = 0;
    for line in sample.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        for name in event.as_object().expect("an object").keys() {
            assert!(snippet.contains(name.as_str()), "the snippet sends {name}");
            members += 1;
        }
    }
    assert!(members >= 20, "{members}");
    let file = format!("{collector}/sample.jsonl");
    let ran = footfall(&["run", &file, "--definitions", &demo_definitions()]).with(0);
    let words: Vec<&str> = ran.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("events in 2 they add up"), "{ran}");
    assert!(words.contains("forwarded 2"), "{ran}");
}
