//! What a state and all that was told of it have in common.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// A value that is told by sharing it: what was told stays as it was, as a change is made to a copy while anybody else holds
/// the value.
#[derive(Clone, Debug, Default)]
pub struct Shared<T>(Arc<T>);

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Shared<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Shared<T> {
        Shared(Arc::new(value))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_stays_as_it_was() {
        let mut visit = Shared::from(vec![1]);
        let told = visit.clone();
        assert_eq!(told, visit);
        visit.push(2);
        assert_eq!((told.as_slice(), visit.as_slice()), (&[1][..], &[1, 2][..]));
        assert_ne!(told, visit);
    }
}
