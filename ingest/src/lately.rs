//! What a task met lately: the same pages and referrers come again and again, and each is taken apart once.
//!
//! By deployment and text, as every deployment has its own rules. Kept is only what tells nothing of a visitor: no text in
//! which personal data was found, and no long one, which seldom comes twice. Memory is bounded by both limits.

use std::{fmt, sync::Arc};

use quick_cache::unsync::Cache;

use crate::{page::Place, referrer::Source};

/// How many pages and how many referrers a task keeps.
const KEPT: usize = 4_096;
/// The longest text that is kept, its deployment's id included.
const LONGEST: usize = 320;

/// The pages and the referrers that a task met lately.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    pub(crate) pages: Seen<Place>,
    pub(crate) sources: Seen<Source>,
}

/// What was made of texts.
pub(crate) struct Seen<V> {
    known: Option<Cache<Box<str>, Arc<V>>>,
    key: String,
}

impl<V> Default for Seen<V> {
    fn default() -> Self {
        Seen {
            known: None,
            key: String::new(),
        }
    }
}

impl<V> fmt::Debug for Seen<V> {
    /// How many: never what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("kept", &self.known.as_ref().map_or(0, Cache::len))
            .finish_non_exhaustive()
    }
}

impl<V> Seen<V> {
    /// What this text of a deployment says: as it was made before, or as `make` makes it, which also says whether it may be
    /// kept.
    pub(crate) fn read<E>(
        &mut self,
        deployment: &str,
        text: &str,
        make: impl FnOnce() -> Result<(V, bool), E>,
    ) -> Result<Arc<V>, E> {
        if deployment.len() + text.len() > LONGEST {
            return make().map(|(made, _)| Arc::new(made));
        }
        self.key.clear();
        self.key.push_str(deployment);
        // No deployment's id holds a space.
        self.key.push(' ');
        self.key.push_str(text);
        let known = self.known.get_or_insert_with(|| Cache::new(KEPT));
        if let Some(seen) = known.get(self.key.as_str()) {
            return Ok(Arc::clone(seen));
        }
        let (made, may_be_kept) = make()?;
        let made = Arc::new(made);
        if may_be_kept {
            known.insert(self.key.as_str().into(), Arc::clone(&made));
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads, and says whether it had to be made.
    fn is_made(seen: &mut Seen<String>, deployment: &str, text: &str, may_be_kept: bool) -> bool {
        let mut made = false;
        let read = seen.read(deployment, text, || {
            made = true;
            Ok::<_, ()>((text.to_uppercase(), may_be_kept))
        });
        assert_eq!(*read.expect("made"), text.to_uppercase());
        made
    }

    #[test]
    fn a_text_is_made_once_for_each_deployment() {
        let mut seen = Seen::default();
        assert!(is_made(&mut seen, "shop", "a", true));
        assert!(!is_made(&mut seen, "shop", "a", true));
        assert!(is_made(&mut seen, "blog", "a", true));
        assert!(is_made(&mut seen, "shop", "b", true));
    }

    #[test]
    fn what_may_not_be_kept_or_is_long_is_made_anew() {
        let mut seen = Seen::default();
        let long = "x".repeat(LONGEST);
        for _ in 0..2 {
            assert!(is_made(&mut seen, "shop", "jane", false));
            assert!(is_made(&mut seen, "shop", &long, true));
        }
        assert!(seen.read("shop", "a", || Err(())).is_err());
        assert!(is_made(&mut seen, "shop", "a", true));
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let mut seen = Seen::default();
        for i in 0..4 * KEPT {
            is_made(&mut seen, "shop", &i.to_string(), true);
        }
        assert!(seen.known.expect("some").len() <= KEPT);
    }
}
