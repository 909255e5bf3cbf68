//! Why an attempt at a transaction did not stand, by what rdkafka said of it.

use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode};

/// Why an attempt did not stand.
#[derive(Debug)]
pub(super) enum Failure {
    /// Clean: nothing of it stands, and the same bytes may be sent again.
    Abortable(String),
    /// Clean, and the tasks are somebody else's.
    Lost(String),
    /// Nobody can say.
    Unknown(String),
    /// The process must end.
    Fatal(String),
}

/// rdkafka's own classes, and no others.
pub(super) fn classify(error: KafkaError) -> Failure {
    match &error {
        KafkaError::Transaction(e) if e.is_fatal() => Failure::Fatal(fatal(e)),
        KafkaError::Transaction(e) if e.txn_requires_abort() => match e.code() {
            RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::RebalanceInProgress
            | RDKafkaErrorCode::FencedInstanceId => Failure::Lost(e.string()),
            _ => Failure::Abortable(e.string()),
        },
        KafkaError::Transaction(e) if e.is_retriable() => Failure::Unknown(e.string()),
        KafkaError::MessageProduction(RDKafkaErrorCode::State) => {
            Failure::Abortable(error.to_string())
        }
        _ => Failure::Fatal(error.to_string()),
    }
}

pub(super) fn fatal(error: &RDKafkaError) -> String {
    match error.code() {
        RDKafkaErrorCode::Fenced
        | RDKafkaErrorCode::ProducerFenced
        | RDKafkaErrorCode::InvalidProducerEpoch => format!(
            "fenced: another process with the same --instance has taken over, or this one stood still for longer than \
             --transaction-timeout ({}); give every process its own",
            error.string()
        ),
        RDKafkaErrorCode::InvalidTransactionalState => format!(
            "the broker has ended a transaction of ours: this process, or its way to the broker, stood still for longer than \
             --transaction-timeout ({}); the last committed batch stands, start again",
            error.string()
        ),
        _ => error.string(),
    }
}
