//! What tests share: the oracle that says what visits should be.

pub mod oracle;
