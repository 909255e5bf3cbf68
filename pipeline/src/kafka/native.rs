//! The few librdkafka calls that the bindings do not wrap. The only `unsafe` of the workspace.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    marker::PhantomData,
    ptr,
    time::Duration,
};

use rdkafka::{
    bindings as sys,
    client::ClientContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    message::BorrowedMessage,
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

/// A record's headers, names and values as they came. Whoever may write to a topic names them as they like, and the bindings
/// panic at a name that is not UTF-8.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers<'m> {
    headers: *mut sys::rd_kafka_headers_t,
    next: usize,
    of: PhantomData<&'m ()>,
}

impl<'m> Headers<'m> {
    pub(super) fn of(message: &'m BorrowedMessage<'_>) -> Headers<'m> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message lives for 'm, and its headers with it. Without any the pointer stays null.
        unsafe { sys::rd_kafka_message_headers(message.ptr(), &raw mut headers) };
        Headers {
            headers,
            next: 0,
            of: PhantomData,
        }
    }
}

impl<'m> Iterator for Headers<'m> {
    type Item = (&'m [u8], Option<&'m [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the headers live for 'm, as do the name, which ends with a null byte, and the value, of so many bytes or null.
        unsafe {
            let error = sys::rd_kafka_header_get_all(
                self.headers,
                self.next,
                &raw mut name,
                &raw mut value,
                &raw mut size,
            );
            if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            self.next += 1;
            let value =
                (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size));
            Some((CStr::from_ptr(name).to_bytes(), value))
        }
    }
}

/// Lets what lingers be sent at once, and waits so long. Takes in no delivery report: until they are polled for, it never
/// knows that all is done.
pub(super) fn send_now<C: ProducerContext>(producer: &BaseProducer<C>, wait: Duration) {
    let millis = wait.as_millis().try_into().unwrap_or(i32::MAX);
    // SAFETY: the handle lives as long as `producer`.
    unsafe { sys::rd_kafka_flush(producer.client().native_ptr(), millis) };
}
