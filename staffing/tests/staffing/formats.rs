//! Every format of a state that ever was, in bytes that were committed when it was new.

use journey::{TaskTime, Timestamp, demand::DemandSignal};
use staffing::Interval;

/// As it was written when the format was new: never to be written again.
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-1.hex");

fn state() -> Interval {
    let signal = |field: &str, delta| DemandSignal {
        id: field.into(),
        route_path_id: "sales".into(),
        interval_start: Timestamp(1_800_000_000_000),
        field: field.into(),
        delta,
        time: Timestamp(1_800_000_001_000),
        received_date: Timestamp(1_800_000_002_000),
        ..DemandSignal::default()
    };
    let signals = [signal("qualified", 2), signal("accepted", 1)];
    let counted = signals.iter().fold(None, |interval, signal| {
        Some(Interval::count(interval, signal, &TaskTime::UNKNOWN))
    });
    counted.expect("two signals")
}

#[test]
fn the_first_format_is_read_and_written_as_it_was() {
    let fixture = std::fs::read_to_string(FIXTURE).expect("every format has a fixture");
    let bytes = schemas::to_bytes(&state());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, fixture.trim());
    assert_eq!(schemas::from_bytes::<Interval>(&bytes), Ok(state()));
}
