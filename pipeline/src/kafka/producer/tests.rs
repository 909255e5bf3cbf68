use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use super::*;

/// A transaction that is begun, offsets to send in it, and a member of a group who sends them.
fn begun(settings: &Settings) -> (Transactions, TopicPartitionList, Arc<ConsumerGroupMetadata>) {
    let transactions = Transactions::open(settings, "stage", 0).expect("a producer");
    transactions.producer.begin_transaction().expect("begun");
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset("input", 0, Offset::Offset(5))
        .expect("an offset");
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer = config.set("group.id", "group").create().expect("a member");
    let metadata = consumer.group_metadata().expect("its group");
    (transactions, offsets, Arc::new(metadata))
}

#[test]
fn offsets_are_given_up_that_librdkafka_waits_with_for_ever() {
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic("input", 1, 1).expect("an input topic");
    let lane = journey::topics::Lane::default();
    let mut settings = Settings::new(&cluster.bootstrap_servers(), lane, "a");
    settings.transaction_timeout = Duration::from_secs(1);

    let (transactions, offsets, metadata) = begun(&settings);
    let sent = transactions.send_offsets(&offsets, &metadata);
    assert!(sent.is_ok(), "{sent:?}");

    let (transactions, offsets, metadata) = begun(&settings);
    // librdkafka asks three times who coordinates the group, and never again.
    let nobody = RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
    cluster.request_errors(RDKafkaApiKey::FindCoordinator, &[nobody; 20]);
    let sent = transactions.send_offsets(&offsets, &metadata);
    assert!(matches!(sent, Err(Failure::Unknown(_))), "{sent:?}");

    cluster.clear_request_errors(RDKafkaApiKey::FindCoordinator);
    let (transactions, offsets, metadata) = begun(&settings);
    let sent = transactions.send_offsets(&offsets, &metadata);
    assert!(sent.is_ok(), "{sent:?}");
}
