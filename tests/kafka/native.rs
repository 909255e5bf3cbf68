//! What the bindings do not let anybody write, and other clients do.
#![expect(
    unsafe_code,
    reason = "a header's name that is not UTF-8 is given to librdkafka itself"
)]

use std::{ffi::CString, ptr, time::Duration};

use rdkafka::{
    ClientConfig, bindings as sys,
    producer::{BaseProducer, Producer},
};

use crate::Kafka;

/// Appends a record with one header whose name is any bytes.
pub(crate) fn produce_with_header(kafka: &Kafka, topic: &str, value: &[u8], at: i64, name: &[u8]) {
    let mut config = ClientConfig::new();
    let producer: BaseProducer = config
        .set("bootstrap.servers", &kafka.brokers)
        .create()
        .expect("a producer");
    let topic = CString::new(topic).expect("a name");
    // SAFETY: the producer outlives the call, everything else is copied by it, and the headers are librdkafka's once it took them.
    let error = unsafe {
        let headers = sys::rd_kafka_headers_new(1);
        let (name, length) = (name.as_ptr().cast(), name.len() as isize);
        sys::rd_kafka_header_add(headers, name, length, ptr::null(), 0);
        sys::rd_kafka_producev(
            producer.client().native_ptr(),
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
            0_i32,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
            sys::RD_KAFKA_MSG_F_COPY,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
            value.as_ptr(),
            value.len(),
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP,
            at,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
            headers,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(error, sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    let flushed = producer.flush(Duration::from_secs(30));
    flushed.expect("the broker takes any name");
}
