//! Values of topics as records of ours, whatever version of its schema wrote them.

use pipeline::{log::LogError, registry::Registry};
use schemas::{DecodeError, Decoder, Record};

/// Decodes the values of one kind of record; asks the registry for each schema once.
#[derive(Debug)]
pub(crate) struct Records<T> {
    registry: Registry,
    decoder: Decoder<T>,
}

impl<T: Record> Records<T> {
    /// With the schemas of this registry.
    pub(crate) fn new(registry: Registry) -> Records<T> {
        Records {
            registry,
            decoder: Decoder::default(),
        }
    }

    /// The record that a value is; `None` if it is none. An error only where a schema cannot be had or not be read.
    pub(crate) fn read(&mut self, value: &[u8]) -> Result<Option<T>, LogError> {
        match self.decoder.decode(value) {
            Ok(record) => Ok(Some(record)),
            Err(DecodeError::NotFramed | DecodeError::Malformed { .. }) => Ok(None),
            Err(DecodeError::UnknownSchema(id)) => {
                let schema = self.registry.schema(id)?;
                let learnt = self.decoder.learn(id, &schema);
                learnt.map_err(|e| LogError::new(e.to_string()))?;
                Ok(self.decoder.decode(value).ok())
            }
        }
    }
}
