//! The forms that were submitted or abandoned in a visit.

use journey::{Text, Timestamp, visit::FormUse};
use schemas::{from_bytes, to_bytes};

use crate::{
    event::{Event, Form},
    sizes,
    so_far::{Part, VisitSoFar},
};

/// The most forms that a visit keeps: those that were used first.
const MOST: usize = 20;

/// When each form that a visit keeps was first used, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    pub(crate) firsts: Vec<Timestamp>,
}

impl Forms {
    /// `visit` hears what became of a form.
    pub(crate) fn hear_event(&mut self, visit: &mut VisitSoFar, event: &Event) {
        let (Some(form), Some(name)) = (event.form, event.form_name()) else {
            return;
        };
        let (name, cut) = sizes::fit_form(name);
        visit.truncated |= cut;
        let submitted = i64::from(form == Form::Submitted);
        visit.form_submitted_count += submitted;
        visit.form_abandoned_count += 1 - submitted;
        let used = FormUse {
            name: Text::from(name),
            submitted_count: submitted,
            abandoned_count: 1 - submitted,
        };
        self.add(visit, used, event.occurred_at);
    }

    /// `visit` hears of the forms of another visit.
    pub(crate) fn hear_visit(&mut self, visit: &mut VisitSoFar, other: &VisitSoFar, forms: &Forms) {
        visit.form_submitted_count += other.form_submitted_count;
        visit.form_abandoned_count += other.form_abandoned_count;
        for (used, at) in kept(other).into_iter().zip(&forms.firsts) {
            self.add(visit, used, *at);
        }
    }

    fn add(&mut self, visit: &mut VisitSoFar, mut used: FormUse, mut at: Timestamp) {
        let mut forms = kept(visit);
        if let Some(known) = forms.iter().position(|form| form.name == used.name) {
            let form = forms.remove(known);
            used.submitted_count += form.submitted_count;
            used.abandoned_count += form.abandoned_count;
            at = at.min(self.firsts.remove(known));
        }
        let earlier = |i: &usize| (self.firsts[*i], &forms[*i].name) < (at, &used.name);
        let place = (0..forms.len()).take_while(earlier).count();
        forms.insert(place, used);
        self.firsts.insert(place, at);
        forms.truncate(MOST);
        self.firsts.truncate(MOST);
        visit.keep(Part::Forms, &to_bytes(&forms));
    }
}

fn kept(visit: &VisitSoFar) -> Vec<FormUse> {
    from_bytes(visit.kept.get(Part::Forms)).unwrap_or_default()
}
