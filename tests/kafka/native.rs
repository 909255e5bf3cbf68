//! What the bindings do not let anybody write or read, and other clients do: headers whose names are not UTF-8.
#![expect(
    unsafe_code,
    reason = "librdkafka itself takes any name, and gives any"
)]

use std::{
    ffi::{CStr, CString},
    ptr,
    time::Duration,
};

use rdkafka::{
    ClientConfig, bindings as sys,
    message::BorrowedMessage,
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

/// A record's headers; what is not UTF-8 of a name is told by a stand-in.
pub(crate) fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut headers = ptr::null_mut();
    // SAFETY: the message outlives all that is read of it, and what is read is copied.
    unsafe {
        sys::rd_kafka_message_headers(message.ptr(), &raw mut headers);
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        while !headers.is_null()
            && sys::rd_kafka_header_get_all(
                headers,
                found.len(),
                &raw mut name,
                &raw mut value,
                &raw mut size,
            ) == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            let value = match value.is_null() {
                true => Vec::new(),
                false => std::slice::from_raw_parts(value.cast::<u8>(), size).to_vec(),
            };
            found.push((CStr::from_ptr(name).to_string_lossy().into_owned(), value));
        }
    }
    found
}
