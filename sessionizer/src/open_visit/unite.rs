//! One visit of two: as if all events had come to the one.

use std::mem;

use super::{OpenVisit, note_class};
use crate::{sizes, so_far::Part};

impl OpenVisit {
    /// Takes another visit of the visitor in, all but its presence. Id, policy and transitions stay this one's.
    pub(crate) fn unite(&mut self, other: OpenVisit) {
        for (term, at) in other.search_terms().into_iter().zip(&other.searched) {
            self.search(term, *at);
        }
        self.unite_consent(&other);
        let theirs = &other.visit;
        let visit = &mut *self.visit;
        if theirs.created_date < visit.created_date {
            self.floor = other.floor;
        } else {
            self.sealed = other.sealed;
        }
        visit.created_date = visit.created_date.min(theirs.created_date);
        visit.last_activity_date = visit.last_activity_date.max(theirs.last_activity_date);
        visit.last_event_date = visit.last_event_date.max(theirs.last_event_date);
        visit.event_count += theirs.event_count;
        visit.pageview_count += theirs.pageview_count;
        visit.ping_count += theirs.ping_count;
        visit.late_count += theirs.late_count;
        visit.search_count += theirs.search_count;
        visit.engaged.0 += theirs.engaged.0;
        self.forms.hear_visit(visit, theirs, &other.forms);
        visit.bot |= theirs.bot;
        visit.authenticated |= theirs.authenticated;
        visit.truncated |= theirs.truncated;
        note_class(visit, &theirs.page_class);
        let same_page = !sizes::is_another_page(visit, theirs.kept.get(Part::LastPage));
        let mut take = |part: Part| visit.keep(part, theirs.kept.get(part));
        if other.first.before(&self.first) {
            take(Part::FirstPage);
            take(Part::Referrer);
            self.first = other.first;
        }
        let (mut earlier, mut stay) = (other.last, other.stay);
        if earlier.after(&self.last) {
            take(Part::LastPage);
            mem::swap(&mut self.last, &mut earlier);
            mem::swap(&mut self.stay, &mut stay);
        }
        if earlier.ping == self.last.ping {
            if same_page {
                self.stay.unite(&stay);
            } else {
                self.stay.elsewhere(earlier.at);
            }
        }
        visit.last_page_date = self.stay.since(self.last.at);
        self.told.hear_visit(visit, theirs, &other.told);
        self.seen.unite(other.seen);
    }
}
