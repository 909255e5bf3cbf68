//! A visitor's story, told to the segmenter by hand as the sessionizer would tell it, and what the segmenter says of it.

mod said;

use std::{convert::Infallible, sync::Arc};

use journey::{
    CustomerId, EventId, Millis, TaskTime, Text, Timestamp, Visit, VisitEvent, VisitId, WebEvent,
    definitions::{Definition, DefinitionSet},
    visit::{in_cause, kind, presence},
    web_event::{Activity, Attribute, Control, Device, Engagement, Page},
};
use pipeline::{Fold, Processor, Stage, TaskContext};
use schemas::{from_bytes, to_bytes};

use crate::{Happening, Output, Segmenter, Visitor};

/// Seconds of the story.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

pub(super) fn set(version: i64, json: &str) -> Arc<DefinitionSet> {
    let definitions: Vec<Definition> = serde_json::from_str(json).expect("definitions");
    let definitions = definitions
        .into_iter()
        .map(|definition| definition.at_version(version));
    Arc::new(DefinitionSet::new(version, Timestamp(0), definitions))
}

pub(super) fn segmenter(set: &Arc<DefinitionSet>) -> Segmenter {
    let mut segmenter = Segmenter::new(TaskContext {
        input: 0,
        partition: 0,
        partition_count: 1,
    });
    segmenter.adopt(set);
    segmenter
}

/// Leaves out of an activity's visit what its event says as well.
fn lean(event: &mut VisitEvent) {
    let (Some(visit), Some(cause)) = (&mut event.visit, &event.cause) else {
        return;
    };
    let Some(activity) = &cause.web_event else {
        return;
    };
    macro_rules! leave_out {
        ($($bit:ident $part:ident == $theirs:expr;)*) => {$(
            if visit.$part == $theirs {
                visit.$part = Default::default();
                event.in_cause |= in_cause::$bit;
            }
        )*};
    }
    leave_out! {
        POLICY policy == cause.policy;
        FIRST_PAGE first_page == activity.page;
        LAST_PAGE last_page == activity.page;
        BROWSER browser == activity.browser;
        DEVICE device == activity.device;
        GEOLOCATION geolocation == activity.geolocation;
        IP_ORGANIZATION ip_organization == activity.ip_organization;
        REFERRER referrer == activity.referrer;
        MKT_CAMPAIGN mkt_campaign == activity.mkt_campaign;
        CONSENT consent == cause.consent;
        REPLY_TO reply_to == cause.reply_to;
    }
}

/// One visitor's story.
pub(super) struct Story {
    fold: Fold<Segmenter>,
    pub(super) visit: Visit,
    pub(super) since: Option<Timestamp>,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) page_class: Text,
    pub(super) out: Vec<Output>,
    /// Whether the state is written and read back after every step.
    pub(super) restores: bool,
    /// Whether an activity says what it brings about, and leaves out what its event says, as the sessionizer does.
    pub(super) condenses: bool,
    opening: Option<Text>,
    set: Arc<DefinitionSet>,
    started: bool,
    time: Timestamp,
    events: usize,
}

impl Story {
    pub(super) fn new(json: &str) -> Story {
        let set = set(1, json);
        let device = Device {
            category: "desktop".into(),
            ..Device::default()
        };
        let visit = Visit {
            id: VisitId::from("visit"),
            device: Some(device),
            ..Visit::default()
        };
        Story {
            fold: Fold::new(segmenter(&set)),
            visit,
            since: None,
            attributes: Vec::new(),
            page_class: "none".into(),
            out: Vec::new(),
            restores: false,
            condenses: false,
            opening: None,
            set,
            started: false,
            time: Timestamp::MIN,
            events: 0,
        }
    }

    /// Other definitions are in force from here on.
    pub(super) fn adopt(&mut self, version: i64, json: &str) {
        self.set = set(version, json);
        let set = Arc::clone(&self.set);
        self.fold.processor_mut().adopt(&set);
    }

    pub(super) fn state(&self) -> Option<&Visitor> {
        self.fold.state(&CustomerId::from("visitor"))
    }

    /// How many offers are shown as open.
    pub(super) fn open_offers(&self) -> Option<f64> {
        let stage = self.fold.processor();
        stage.gauge(&self.fold.time(), self.fold.open())
    }

    /// Tells a record. The visit is shown as it is now.
    pub(super) fn tell(&mut self, kind: &str, seconds: i64, change: impl FnOnce(&mut VisitEvent)) {
        let mut event = VisitEvent {
            kind: kind.into(),
            time: at(seconds),
            received_date: at(seconds) + Millis(100),
            customer_id: "visitor".into(),
            deployment_id: "shop".into(),
            visit: Some(self.visit.clone()),
            last_page_date: self.since,
            ..VisitEvent::default()
        };
        change(&mut event);
        if self.condenses {
            if [kind::STARTED, kind::RESUMED].contains(&kind) {
                self.opening = Some(kind.into());
                return;
            }
            event.opens = self.opening.take();
            lean(&mut event);
        }
        self.fold.apply(Happening::from(&event), &mut self.out);
        self.restore();
    }

    /// The task remembers too many visitors, and lets this one go.
    pub(super) fn evict(&mut self) {
        self.out.clear();
        self.fold.set_time(TaskTime::new(at(1), Millis(0)));
        self.fold.evict(&CustomerId::from("visitor"), &mut self.out);
    }

    fn restore(&mut self) {
        if !self.restores {
            return;
        }
        let key = CustomerId::from("visitor");
        let bytes = self.state().map(to_bytes);
        self.fold = Fold::new(segmenter(&self.set));
        self.fold.set_time(TaskTime::new(self.time, Millis(0)));
        if let Some(bytes) = bytes {
            let state: Visitor = from_bytes(&bytes).expect("our own bytes");
            assert_eq!(to_bytes(&state), bytes);
            let restored: Result<(), Infallible> = self.fold.restore([Ok((key, state))]);
            restored.expect("infallible");
        }
    }

    pub(super) fn cause(&mut self, seconds: i64) -> WebEvent {
        self.events += 1;
        WebEvent {
            event_id: EventId::from(format!("e{}", self.events)),
            customer_id: "visitor".into(),
            deployment_id: "shop".into(),
            occurred_at: at(seconds),
            received_at: at(seconds) + Millis(100),
            page_class: self.page_class.clone(),
            consent: self.visit.consent.clone(),
            ..WebEvent::default()
        }
    }

    /// A page view.
    pub(super) fn page(&mut self, seconds: i64, path: &str) -> &mut Self {
        self.event(seconds, "page_viewed", path)
    }

    /// An event on a page, as the visit's newest.
    pub(super) fn event(&mut self, seconds: i64, name: &str, path: &str) -> &mut Self {
        let url = Text::from(format!("https://shop.example{path}"));
        if self.visit.last_page.url != url {
            self.since = Some(at(seconds));
        }
        let page = Page {
            url,
            pathname: path.into(),
            hostname: "shop.example".into(),
            ..Page::default()
        };
        let attribute = |value: &String| Attribute {
            data_type: "string".into(),
            value: value.as_str().into(),
        };
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| ((*name).into(), attribute(value)))
            .collect();
        let activity = Activity {
            event_name: name.into(),
            page: page.clone(),
            attributes,
            ..Activity::default()
        };
        let ping = name == "ping";
        if ping {
            self.visit.ping_count += 1;
        } else {
            self.visit.event_count += 1;
            self.visit.last_page = page;
        }
        self.active(seconds);
        let activity = Activity {
            device: self.visit.device.clone(),
            ..activity
        };
        let cause = WebEvent {
            web_event: Some(activity),
            ..self.cause(seconds)
        };
        self.tell(kind::ACTIVITY, seconds, |event| {
            event.cause = Some(cause);
            event.ping = ping;
        });
        self
    }

    fn active(&mut self, seconds: i64) {
        self.visit.last_event_date = at(seconds);
        self.visit.last_activity_date = at(seconds);
        let was = std::mem::replace(&mut self.visit.presence, presence::ACTIVE.into());
        if !self.started {
            self.started = true;
            self.visit.created_date = at(seconds);
            self.tell(kind::STARTED, seconds, |_| {});
        } else if was != presence::ACTIVE {
            self.tell(kind::RESUMED, seconds, |_| {});
        }
    }

    pub(super) fn ping(&mut self, seconds: i64) -> &mut Self {
        let path = self.visit.last_page.pathname.clone();
        self.event(seconds, "ping", &path)
    }

    pub(super) fn away(&mut self, seconds: i64) -> &mut Self {
        self.visit.presence = presence::AWAY.into();
        self.tell(kind::AWAY, seconds, |_| {});
        self
    }

    pub(super) fn end(&mut self, seconds: i64) -> &mut Self {
        self.visit.ended_date = Some(at(seconds));
        self.visit.end_reason = Some("timeout".into());
        self.tell(kind::ENDED, seconds, |event| {
            event.reason = Some("timeout".into())
        });
        self
    }

    /// Whether the visit is open.
    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    /// What follows is another visit.
    pub(super) fn next_visit(&mut self, id: &str) {
        self.visit = Visit {
            id: id.into(),
            device: self.visit.device.clone(),
            ..Visit::default()
        };
        self.since = None;
        self.started = false;
    }

    /// What follows is of a visit that was begun before.
    pub(super) fn go_on_in(&mut self, visit: Visit) {
        self.visit = visit;
        self.since = None;
        self.started = true;
    }

    pub(super) fn merged_into(&mut self, seconds: i64, visit: &str) -> &mut Self {
        self.tell(kind::MERGED, seconds, |event| {
            event.merged_into = Some(visit.into())
        });
        self
    }

    pub(super) fn control(&mut self, seconds: i64, action: &str) -> &mut Self {
        self.control_of(seconds, action, &[])
    }

    pub(super) fn control_of(
        &mut self,
        seconds: i64,
        action: &str,
        purposes: &[&str],
    ) -> &mut Self {
        let purposes = texts(purposes);
        let control = Control {
            action: action.into(),
            purposes,
        };
        let cause = WebEvent {
            control: Some(control),
            ..self.cause(seconds)
        };
        self.tell(kind::CONTROL, seconds, |event| event.cause = Some(cause));
        self
    }

    /// A report on the newest offer.
    pub(super) fn report(&mut self, seconds: i64, state: &str) -> &mut Self {
        let offer = self
            .offers()
            .last()
            .map(|offer| offer.id.0.clone())
            .unwrap_or_default();
        self.report_on(seconds, state, &offer)
    }

    pub(super) fn report_on(&mut self, seconds: i64, state: &str, offer: &str) -> &mut Self {
        let engagement = Engagement {
            offer_id: offer.into(),
            action_state: state.into(),
            handle_time_seconds: (state == "completed").then_some(240),
            ..Engagement::default()
        };
        let cause = WebEvent {
            engagement: Some(engagement),
            ..self.cause(seconds)
        };
        self.tell(kind::ENGAGEMENT, seconds, |event| {
            event.visit = None;
            event.cause = Some(cause);
        });
        self
    }

    /// A mark: all that is due before fires.
    pub(super) fn mark(&mut self, seconds: i64) -> &mut Self {
        self.time = self.time.max(at(seconds));
        self.fold.set_time(TaskTime::new(self.time, Millis(0)));
        while self.fold.fire_next(&mut self.out).is_some() {}
        self.restore();
        self
    }
}

pub(super) fn texts(words: &[&str]) -> Vec<Text> {
    words.iter().copied().map(Text::from).collect()
}
