//! The few librdkafka calls that the bindings do not wrap. The only `unsafe` of the workspace.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    marker::PhantomData,
    ptr,
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    bindings as sys,
    client::ClientContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::RDKafkaErrorCode,
    message::BorrowedMessage,
    producer::{BaseProducer, Producer, ProducerContext},
    util::IntoOpaque,
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

/// Records for one partition, none with headers.
#[derive(Default)]
pub(super) struct Run<'b> {
    messages: Vec<sys::rd_kafka_message_t>,
    of: PhantomData<&'b [u8]>,
}

impl<'b> Run<'b> {
    /// Appends a record, with what its delivery report is to say.
    pub(super) fn push<O: IntoOpaque>(
        &mut self,
        key: Option<&'b [u8]>,
        value: Option<&'b [u8]>,
        opaque: O,
    ) {
        let pointer = |bytes: Option<&[u8]>| {
            bytes.map_or(ptr::null_mut(), |bytes| bytes.as_ptr().cast_mut().cast())
        };
        self.messages.push(sys::rd_kafka_message_t {
            err: sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            rkt: ptr::null_mut(),
            partition: 0,
            payload: pointer(value),
            len: value.map_or(0, <[u8]>::len),
            key: pointer(key),
            key_len: key.map_or(0, <[u8]>::len),
            offset: 0,
            _private: opaque.into_ptr(),
        });
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
}

/// A topic that a producer writes to: looked up once, not for every record.
pub(super) struct Topic<C: ProducerContext + 'static> {
    handle: *mut sys::rd_kafka_topic_t,
    /// It must go after the handle.
    _producer: Arc<BaseProducer<C>>,
}

// SAFETY: librdkafka's handles may be used by any thread.
unsafe impl<C: ProducerContext> Send for Topic<C> {}

impl<C: ProducerContext> Topic<C> {
    /// `None`, if librdkafka takes the name for none.
    pub(super) fn of(producer: &Arc<BaseProducer<C>>, name: &str) -> Option<Topic<C>> {
        let name = CString::new(name).ok()?;
        // SAFETY: the producer's handle is alive, the name outlives the call, and without a configuration the producer's holds.
        let handle = unsafe {
            sys::rd_kafka_topic_new(
                producer.client().native_ptr(),
                name.as_ptr(),
                ptr::null_mut(),
            )
        };
        (!handle.is_null()).then(|| Topic {
            handle,
            _producer: Arc::clone(producer),
        })
    }

    /// Hands a run over, which leaves it empty. After an error it holds what was not taken: the first of it is at fault, and
    /// where the queue was full, nothing behind it was taken either.
    pub(super) fn produce(
        &self,
        partition: i32,
        run: &mut Run<'_>,
    ) -> Result<(), RDKafkaErrorCode> {
        let messages = &mut run.messages;
        // SAFETY: the handle is alive, the run borrows every key and value, and all of them are copied before the call is over.
        unsafe {
            sys::rd_kafka_produce_batch(
                self.handle,
                partition,
                sys::RD_KAFKA_MSG_F_COPY,
                messages.as_mut_ptr(),
                messages.len() as i32,
            )
        };
        let taken = |message: &sys::rd_kafka_message_t| {
            message.err == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        };
        messages.retain(|message| !taken(message));
        match messages.first() {
            None => Ok(()),
            Some(message) => Err(message.err.into()),
        }
    }
}

impl<C: ProducerContext> Drop for Topic<C> {
    fn drop(&mut self) {
        // SAFETY: made once, and destroyed once.
        unsafe { sys::rd_kafka_topic_destroy(self.handle) };
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{ClientConfig, producer::DefaultProducerContext};

    use super::*;

    /// A producer whose broker is not there: what it takes it keeps.
    fn producer(property: &str, value: &str) -> Arc<BaseProducer> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1");
        let producer = config.set(property, value).create();
        Arc::new(producer.expect("a producer"))
    }

    fn topic(producer: &Arc<BaseProducer>) -> Topic<DefaultProducerContext> {
        Topic::of(producer, "t").expect("a topic")
    }

    #[test]
    fn of_a_run_that_the_queue_has_no_room_for_the_end_is_left() {
        let producer = producer("queue.buffering.max.messages", "3");
        let values = [b"0", b"1", b"2", b"3", b"4"];
        let mut run = Run::default();
        for value in values {
            run.push(None, Some(value), ());
        }
        let full = topic(&producer).produce(0, &mut run);
        assert_eq!(full, Err(RDKafkaErrorCode::QueueFull));
        let left: Vec<_> = run.messages.iter().map(|left| left.payload).collect();
        assert_eq!(
            left,
            [
                values[3].as_ptr().cast_mut().cast(),
                values[4].as_ptr().cast_mut().cast()
            ]
        );
    }

    #[test]
    fn a_record_that_is_too_large_is_an_error() {
        let producer = producer("message.max.bytes", "2000");
        let large = [0; 3000];
        let mut run = Run::default();
        run.push(Some(b"k"), None, ());
        run.push(Some(b"k"), Some(&large), ());
        let refused = topic(&producer).produce(0, &mut run);
        assert_eq!(refused, Err(RDKafkaErrorCode::MessageSizeTooLarge));
        assert_eq!(run.len(), 1);
    }
}
