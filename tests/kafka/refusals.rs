//! What a stage cannot work with: it says which and what to do, and exits non-zero. And the one that was replaced.

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::json;

use crate::{
    Kafka, auditor, block_on, kafka,
    lane::{INPUTS, Lane, WEB_RAW},
    stage::{PATIENCE, Stage},
    wait_until,
};

fn admin(kafka: &Kafka) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.brokers);
    config.create().expect("an administrator")
}

fn delete(kafka: &Kafka, lane: &Lane, topic: &str) {
    let name = lane.topic(topic);
    let deleted = block_on(admin(kafka).delete_topics(&[&name], &AdminOptions::new()));
    deleted.expect("asked")[0].as_ref().expect("deleted");
    until_seen(kafka, &name, None);
}

fn create(kafka: &Kafka, lane: &Lane, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let name = lane.topic(topic);
    let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let new = settings
        .iter()
        .fold(new, |new, (key, value)| new.set(key, value));
    let created = block_on(admin(kafka).create_topics([&new], &AdminOptions::new()));
    created.expect("asked")[0].as_ref().expect("created");
    until_seen(kafka, &name, Some(partitions as usize));
}

/// Until a newcomer sees the topic with so many partitions, or not at all.
fn until_seen(kafka: &Kafka, name: &str, partitions: Option<usize>) {
    let what = format!("{name} to be seen with {partitions:?} partitions");
    wait_until(&what, PATIENCE, || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &kafka.brokers);
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let metadata = consumer.fetch_metadata(None, PATIENCE).expect("metadata");
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        (topic.map(|topic| topic.partitions().len()) == partitions).then_some(())
    });
}

/// It must end by itself, not with success, and say all of this in one line.
fn refuses(mut stage: Stage, words: &[&str]) {
    let status = stage.until_ended();
    let printed = stage.printed();
    assert!(!status.success(), "{printed}");
    let prefix = format!("{}: ", stage.name);
    let said = printed.lines().filter(|line| line.starts_with(&prefix));
    let said = said.collect::<Vec<_>>().join("\n");
    println!("{said}");
    for word in words {
        assert!(
            said.contains(word),
            "{word:?} is not in what it says:\n{printed}"
        );
    }
}

#[test]
fn a_stage_that_cannot_work_says_which_topic_and_what_to_do() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::without_topics(&kafka, "refused", false);
    let topic = lane.topic(WEB_RAW);
    for (stage, inputs) in INPUTS {
        let input = lane.topic(inputs[0]);
        let says = [&*input, "missing", "footfall topics apply"];
        refuses(lane.start(stage, "a", &[]), &says);
    }

    lane.tool_ok(&["topics", "apply", "--partitions", "4", "--replication", "1"]);
    delete(&kafka, &lane, WEB_RAW);
    create(
        &kafka,
        &lane,
        WEB_RAW,
        4,
        &[("message.timestamp.type", "CreateTime")],
    );
    refuses(
        lane.start("ingest", "a", &[]),
        &[
            &topic,
            "message.timestamp.type",
            "CreateTime",
            "LogAppendTime",
        ],
    );

    delete(&kafka, &lane, "journey.visits");
    create(&kafka, &lane, "journey.visits", 3, &[]);
    let (events, visits) = (lane.topic("web.events"), lane.topic("journey.visits"));
    refuses(
        lane.start("sessionizer", "a", &[]),
        &[&events, &visits, "4 partitions", "has 3", "co-partitioned"],
    );

    delete(&kafka, &lane, WEB_RAW);
    create(
        &kafka,
        &lane,
        WEB_RAW,
        4,
        &[("message.timestamp.type", "LogAppendTime")],
    );
    // What a worker alone finds out: the process ends with it.
    let says = ["session.timeout.ms", "max.poll.interval.ms"];
    refuses(
        lane.start("ingest", "a", &["--session-timeout", "59m"]),
        &says,
    );
}

#[test]
fn a_broker_that_does_not_answer_is_named() {
    let Some(kafka) = kafka() else { return };
    // A port that is closed: the listener is dropped before anybody connects.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address");
    let nobody = Kafka {
        brokers: port.to_string(),
        ..kafka
    };
    let lane = Lane::without_topics(&nobody, "nobody", false);
    refuses(
        lane.start("sessionizer", "a", &[]),
        &[&port.to_string(), "no broker answers", "--brokers"],
    );
}

#[test]
fn a_schema_that_the_registry_refuses_stops_the_stage() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "schema", true);
    lane.define_demo();
    let subject = format!("{}-value", lane.topic("journey.visits"));
    let other = json!({"type": "record", "name": "VisitEvent", "namespace": "footfall", "fields": [
        {"name": "kind", "type": "long"}]});
    let level = json!({"compatibility": "BACKWARD_TRANSITIVE"}).to_string();
    let schema = json!({"schema": other.to_string()}).to_string();
    for (method, path, body) in [
        ("POST", format!("subjects/{subject}/versions"), schema),
        ("PUT", format!("config/{subject}"), level),
    ] {
        let url = format!("{}/{path}", kafka.registry);
        auditor::send(method, &url, &body).expect("the registry takes it");
    }
    let advice = "footfall schemas check";
    refuses(
        lane.start("sessionizer", "a", &[]),
        &[&subject, "compatib", advice],
    );
}

#[test]
fn a_schema_that_nobody_registered_is_named_with_the_command_that_does() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "unregistered", true);
    lane.define_demo();
    for (stage, output) in [
        ("ingest", "web.events"),
        ("sessionizer", "journey.visits"),
        ("segmenter", "journey.events"),
        ("staffing", "journey.staffing"),
    ] {
        let subject = format!("{}-value", lane.topic(output));
        let says = [&*subject, "footfall schemas register"];
        refuses(lane.start_registering_nothing(stage), &says);
    }
}

#[test]
fn of_two_processes_of_the_same_instance_the_first_is_fenced_and_says_so() {
    let Some(kafka) = kafka() else { return };
    let lane = Lane::new(&kafka, "zombie", false);
    lane.define_demo();
    let mut first = lane.start("ingest", "same", &[]);
    first.until_ready();
    let mut second = lane.start("ingest", "same", &[]);
    let mut loader = lane.producer();
    loader.send(WEB_RAW, Some("k"), b"{}", None);
    loader.flush();
    refuses(first, &["fenced", "--instance"]);
    second.until_ready();
    assert!(second.is_running(), "the one that took over works on");
}
