//! What comes in besides, while the others' latency is measured.

use ingest::VisitorKeys;

use crate::shop::LoadGenerator;

/// Who else sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beside {
    /// Nobody.
    Nobody,
    /// One visitor more, who sends this share of all events.
    HotKey(f64),
    /// A deployment whose snippet is broken, and a snippet that nobody knows: so many records to an event, none of which tells anything.
    Rubbish(u64),
}

impl Beside {
    /// The share of all events that one visitor more sends.
    pub(super) fn hot_share(self) -> f64 {
        match self {
            Beside::HotKey(share) => share,
            Beside::Nobody | Beside::Rubbish(_) => 0.0,
        }
    }

    /// How many records that tell nothing come with each event.
    pub(super) fn rubbish(self) -> u64 {
        match self {
            Beside::Rubbish(records) => records,
            Beside::Nobody | Beside::HotKey(_) => 0,
        }
    }
}

/// The record key of the visitor who is not measured, as a lane's ingest makes it.
pub(super) fn hot_key(generator: &LoadGenerator) -> Vec<u8> {
    let id = VisitorKeys::development().customer_id("shop", &generator.hot_cookie());
    id.as_str().as_bytes().to_vec()
}

/// Records that tell nothing, one after the other and from the beginning again: each is dead-lettered for a reason of its own.
#[derive(Debug)]
pub(super) struct Rubbish {
    records: Vec<Vec<u8>>,
    sent: usize,
}

/// Larger than an event may be.
const TOO_LARGE: usize = 40 << 10;

impl Rubbish {
    pub(super) fn new() -> Rubbish {
        let of = |deployment: &str, members: &str| {
            let event = r#""eventName":"page_viewed","createdDate":"2026-11-23T14:00:00.000Z","consent":{"state":"granted"}"#;
            format!(r#"{{"deploymentId":"{deployment}",{event},{members}}}"#)
        };
        let visitor = r#""customerCookieId":"6f1d2c3b-4a59-4687-9e0f-1a2b3c4d5e6f""#;
        let page = r#""page":{"url":"https://blog.example/2026/on-shoes","title":"On shoes"}"#;
        let whole = format!("{visitor},{page}");
        let title = "x".repeat(TOO_LARGE);
        let records = [
            of("nobodys", &whole),
            of("nobodys", &whole),
            of("blog", &whole).split_at(180).0.to_owned(),
            of("blog", page),
            of("blog", &format!(r#"{whole},"attributes":[1,2,3]"#)),
            of(
                "blog",
                &format!(r#"{visitor},"page":{{"url":"blog.example"}}"#),
            ),
            "<html><body>502 Bad Gateway</body></html>".to_owned(),
            of("blog", &format!(r#"{whole},"formName":"{title}""#)),
        ];
        Rubbish {
            records: records.map(String::into_bytes).into(),
            sent: 0,
        }
    }

    /// The next, and which partition of so many it goes to: all of them get all kinds.
    pub(super) fn next(&mut self, partitions: u32) -> (u32, &[u8]) {
        let (round, at) = (
            self.sent / self.records.len(),
            self.sent % self.records.len(),
        );
        self.sent += 1;
        let partition = (round + at) % partitions.max(1) as usize;
        (partition as u32, &self.records[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_gets_every_kind_of_rubbish() {
        let mut rubbish = Rubbish::new();
        let kinds = rubbish.records.len();
        let sent: std::collections::BTreeSet<_> = (0..kinds * 4)
            .map(|_| {
                let (partition, record) = rubbish.next(4);
                (partition, record.to_vec())
            })
            .collect();
        // Two of them are the same.
        assert_eq!(sent.len(), (kinds - 1) * 4);
    }
}
