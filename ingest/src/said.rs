//! What an event says in words: checked, and scrubbed.

use journey::Text;

use crate::{
    field,
    json::Scalar,
    reason::Flaw,
    scrub::{Form, Hits, scrub},
};

/// Reads texts of one object of an event.
pub(crate) struct Said<'h> {
    /// The most bytes of a text.
    pub(crate) most: usize,
    pub(crate) hits: &'h mut Hits,
}

impl Said<'_> {
    /// A text of it.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
        scalar: &Scalar<'_>,
    ) -> Result<Option<Text>, Flaw> {
        let text = field::text(name, scalar, self.most)?;
        Ok(text.map(|text| Text::from(&*scrub(text, Form::Plain, self.hits))))
    }

    /// A text of it, in the place of what is known.
    pub(crate) fn put(
        &mut self,
        place: &mut Option<Text>,
        name: &'static str,
        scalar: &Scalar<'_>,
    ) -> Result<(), Flaw> {
        if let Some(text) = self.text(name, scalar)? {
            *place = Some(text);
        }
        Ok(())
    }
}
