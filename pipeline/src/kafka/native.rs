//! The few librdkafka calls that the bindings do not wrap. The only `unsafe` of the workspace.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    time::Duration,
};

use rdkafka::{
    bindings as sys,
    client::ClientContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    producer::{BaseProducer, Producer, ProducerContext},
};

/// Who a consumer is in its group: generation and member id. `None` while it is no member.
pub(super) fn membership<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<(i32, String)> {
    // SAFETY: the handle lives as long as `consumer`; the metadata is ours to destroy, and the member id is copied before.
    unsafe {
        let metadata = sys::rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if metadata.is_null() {
            return None;
        }
        let generation = sys::rd_kafka_consumer_group_metadata_generation_id(metadata);
        let member = sys::rd_kafka_consumer_group_metadata_member_id(metadata);
        let member =
            (!member.is_null()).then(|| CStr::from_ptr(member).to_string_lossy().into_owned());
        sys::rd_kafka_consumer_group_metadata_destroy(metadata);
        member
            .filter(|member| !member.is_empty() && generation >= 0)
            .map(|member| (generation, member))
    }
}

/// The high watermark of a partition as the last fetch answer said it; `None` if none has come yet. Asks no broker.
pub(super) fn cached_high_watermark<C: ConsumerContext + ClientContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the handle lives as long as `consumer`; the topic and the two numbers outlive the call.
    let error = unsafe {
        sys::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Lets what lingers be sent at once, and waits so long. Takes in no delivery report: until they are polled for, it never
/// knows that all is done.
pub(super) fn send_now<C: ProducerContext>(producer: &BaseProducer<C>, wait: Duration) {
    let millis = wait.as_millis().try_into().unwrap_or(i32::MAX);
    // SAFETY: the handle lives as long as `producer`.
    unsafe { sys::rd_kafka_flush(producer.client().native_ptr(), millis) };
}
