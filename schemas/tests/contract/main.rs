//! The contract: what the schemas say, what the straight-line codec does, and that apache-avro agrees.

mod codec;
mod evolution;
mod framing;
mod generate;
mod json;
mod json_schema;
mod names;
mod rules;

/// Runs a function for each record that has a schema of its own.
macro_rules! for_each_record {
    ($function:ident $(, $argument:expr)*) => {{
        $function::<journey::WebEvent>($($argument),*);
        $function::<journey::VisitorTrait>($($argument),*);
        $function::<journey::IngestAccount>($($argument),*);
        $function::<journey::VisitEvent>($($argument),*);
        $function::<journey::JourneyEvent>($($argument),*);
        $function::<journey::Offer>($($argument),*);
        $function::<journey::demand::DemandSignal>($($argument),*);
        $function::<journey::staffing::StaffingInterval>($($argument),*);
    }};
}
pub(crate) use for_each_record;
