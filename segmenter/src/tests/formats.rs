//! Every format of a state that ever was, in bytes that were committed when it was new.

use journey::{Timestamp, VisitId};

use crate::state::{Memory, Stay, Visitor};

/// As it was written when the format was new: from its first release on never to be written again.
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-1.hex");

fn state() -> Visitor {
    let memory = |id: &str, sequence: i64| Memory {
        id: VisitId::from(id),
        sequence,
        ends_at: Timestamp(1_800_000_000_000 + sequence),
        stay: Stay {
            url: "https://shop.example/".into(),
            since: Some(Timestamp(1_800_000_000_000)),
            page_class: "none".into(),
        },
        qualified: vec!["chat".into()],
        active: vec![("sales".into(), Timestamp(1_800_000_000_000))],
        ..Memory::default()
    };
    Visitor {
        deployment_id: "shop".into(),
        visits: vec![memory("one", 3), memory("two", 70)],
    }
}

#[test]
fn the_first_format_is_read_and_written_as_it_was() {
    let fixture = std::fs::read_to_string(FIXTURE).expect("every format has a fixture");
    let bytes = schemas::to_bytes(&state());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, fixture.trim());
    assert_eq!(schemas::from_bytes::<Visitor>(&bytes), Ok(state()));
}
