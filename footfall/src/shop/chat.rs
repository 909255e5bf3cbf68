//! A simulated chat engine: shows offers, and reports what became of them (`contracts.md` §4).
//!
//! What becomes of an offer is a function of the seed and the offer's id alone, so that neither the order of arrival nor
//! a repeated offer changes it. As real engines do, this one at times reports twice, out of order, late or not at all.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use journey::{Millis, Offer, Text, Timestamp};
use serde::Serialize;

use super::{
    Raw, Sent,
    random::{Random, hash, mix, uuid},
};

/// How the chat engine and its customers are to be: shares between 0 and 1, mean times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChatConfig {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// Of offers: accepted.
    pub acceptance: f64,
    /// Of offers: turned down.
    pub rejection: f64,
    /// Of offers: closed without an answer.
    pub ignored: f64,
    /// Of offers: could not be shown.
    pub errored: f64,
    /// Of offers: the engine itself reports that nobody answered. For the rest it says nothing.
    pub timed_out: f64,
    /// From seeing an offer to showing it.
    pub display_delay: Millis,
    /// From showing an offer to the visitor's answer.
    pub answer_delay: Millis,
    /// From the conversation's start to an agent.
    pub wait: Millis,
    /// How long visitors wait for an agent before they leave.
    pub patience: Millis,
    /// An agent's time on a conversation.
    pub handle_time: Millis,
    /// Of reports: sent twice.
    pub doubled: f64,
    /// Of reports: held up for up to 30 s.
    pub delayed: f64,
    /// Of offers: all that follows the showing is reported only after half an hour or more.
    pub late: f64,
    /// Of conversations: their end is never reported.
    pub unfinished: f64,
    /// Of conversations: nobody reports that the offer was accepted.
    pub implied: f64,
}

impl ChatConfig {
    /// A plausible engine.
    pub fn plausible(seed: u64) -> ChatConfig {
        ChatConfig {
            seed,
            acceptance: 0.22,
            rejection: 0.3,
            ignored: 0.08,
            errored: 0.01,
            timed_out: 0.2,
            display_delay: Millis(400),
            answer_delay: Millis::from_secs(12),
            wait: Millis::from_secs(25),
            patience: Millis::from_mins(3),
            handle_time: Millis::from_mins(7),
            doubled: 0.03,
            delayed: 0.05,
            late: 0.02,
            unfinished: 0.03,
            implied: 0.02,
        }
    }
}

/// What the chat engine reads of an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferSeen {
    /// The offer: `actionId` in Genesys' words.
    pub offer_id: Text,
    /// The visit.
    pub session_id: Text,
    /// The visitor.
    pub customer_id: Text,
    /// The deployment.
    pub deployment_id: Text,
    /// Never shown at or after this.
    pub expires_date: Timestamp,
    /// `offered` or `withdrawn`.
    pub status: Text,
    /// Whether accepting it starts a conversation.
    pub conversation: bool,
}

impl From<&Offer> for OfferSeen {
    fn from(offer: &Offer) -> OfferSeen {
        OfferSeen {
            offer_id: offer.id.0.clone(),
            session_id: offer.journey_context.customer_session.id.clone(),
            customer_id: offer.journey_context.customer.id.clone(),
            deployment_id: offer.deployment_id.0.clone(),
            expires_date: offer.expires_date,
            status: offer.status.clone(),
            conversation: offer.route_path.is_some(),
        }
    }
}

/// One record of `engagement.events.raw`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    event_id: String,
    offer_id: &'a str,
    session_id: &'a str,
    customer_id: &'a str,
    deployment_id: &'a str,
    action_state: &'static str,
    created_date: String,
    sent_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle_time_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
}

/// Something that will have happened to an offer.
#[derive(Clone, Copy, Debug)]
struct Step {
    state: &'static str,
    at: Timestamp,
    handle: Option<Millis>,
}

/// A report's place in the order of sending: when, of which offer, its number.
type Place = (Timestamp, Text, u32);

/// A report that is to be sent.
#[derive(Debug)]
struct Due {
    /// When what it reports happens.
    at: Timestamp,
    sent: Sent,
}

/// The chat engine. Its clock is the `now` of each call, which never goes back.
#[derive(Debug)]
pub struct ChatEngine {
    config: ChatConfig,
    due: BTreeMap<Place, Due>,
    /// Offers that were seen, until they expire.
    seen: BTreeSet<Text>,
    expiring: BTreeSet<(Timestamp, Text)>,
    /// When the visitor answers: from then on nothing can be taken back.
    answers: BTreeMap<Text, Timestamp>,
}

impl ChatEngine {
    /// An engine that has seen nothing yet.
    pub fn new(config: ChatConfig) -> ChatEngine {
        ChatEngine {
            config,
            due: BTreeMap::new(),
            seen: BTreeSet::new(),
            expiring: BTreeSet::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Takes in a record of `journey.offers`. An offer seen before or expired is left alone; a withdrawal takes back
    /// what the visitor has not answered.
    pub fn offer(&mut self, now: Timestamp, offer: &OfferSeen) {
        self.forget(now);
        if offer.status != "offered" {
            return self.withdraw(now, &offer.offer_id);
        }
        if now >= offer.expires_date || !self.seen.insert(offer.offer_id.clone()) {
            return;
        }
        self.expiring
            .insert((offer.expires_date, offer.offer_id.clone()));
        let mut random = Random::new(self.config.seed, hash(self.config.seed, &offer.offer_id));
        let steps = self.steps(now, offer, &mut random);
        if let Some(answer) = steps.get(1) {
            self.answers.insert(offer.offer_id.clone(), answer.at);
        }
        self.schedule(offer, &steps, &mut random);
    }

    /// The reports that are sent up to and including `until`, in order of sending.
    pub fn due(&mut self, until: Timestamp) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(first) = self
            .due
            .first_entry()
            .filter(|first| first.key().0 <= until)
        {
            sent.push(first.remove().sent);
        }
        sent
    }

    /// When the next report is sent, if there is one.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|(key, _)| key.0)
    }

    fn forget(&mut self, now: Timestamp) {
        while self
            .expiring
            .first()
            .is_some_and(|(expires, _)| *expires < now)
        {
            if let Some((_, offer)) = self.expiring.pop_first() {
                self.seen.remove(&offer);
                self.answers.remove(&offer);
            }
        }
    }

    fn withdraw(&mut self, now: Timestamp, offer: &Text) {
        if self.answers.get(offer).is_some_and(|answer| *answer > now) {
            self.answers.remove(offer);
            self.due
                .retain(|(_, of, _), due| of != offer || due.at <= now);
        }
    }

    /// What will happen, by the true clock. The showing comes first, the visitor's answer second.
    fn steps(&self, now: Timestamp, offer: &OfferSeen, random: &mut Random) -> Vec<Step> {
        let config = &self.config;
        let after = |at: Timestamp, mean: Millis, random: &mut Random| {
            at + Millis(random.exponential(mean.0 as f64) as i64 + 1)
        };
        let step = |state, at| Step {
            state,
            at,
            handle: None,
        };
        let shown = after(now, config.display_delay, random);
        let answer = after(shown, config.answer_delay, random);
        if shown >= offer.expires_date {
            return Vec::new();
        }
        let mut steps = vec![step("offered", shown)];
        let shares = [
            config.acceptance,
            config.rejection,
            config.ignored,
            config.errored,
            config.timed_out,
        ];
        let silent = (1.0 - shares.iter().sum::<f64>()).max(0.0);
        let states = ["accepted", "rejected", "ignored", "errored", "timedout", ""];
        let state = states[random.weighted(shares.into_iter().chain([silent]))];
        match state {
            "timedout" => steps.push(step(state, offer.expires_date)),
            // Nobody answers an offer that is not shown any more.
            _ if state.is_empty() || answer >= offer.expires_date => {}
            "accepted" if offer.conversation => {
                steps.push(step(state, answer));
                steps.extend(self.conversation(answer, random));
                if random.chance(config.implied) {
                    steps.remove(1);
                }
            }
            _ => steps.push(step(state, answer)),
        }
        steps
    }

    fn conversation(&self, accepted: Timestamp, random: &mut Random) -> Vec<Step> {
        let config = &self.config;
        let started = accepted + random.millis(500, 4000);
        let wait = random.exponential(config.wait.0 as f64) as i64 + 1;
        let patience = random.exponential(config.patience.0 as f64) as i64 + 5000;
        let mut steps = vec![Step {
            state: "started",
            at: started,
            handle: None,
        }];
        if patience < wait {
            steps.push(Step {
                state: "abandoned",
                at: started + Millis(patience),
                handle: None,
            });
            return steps;
        }
        let engaged = started + Millis(wait);
        steps.push(Step {
            state: "engaged",
            at: engaged,
            handle: None,
        });
        // The mean of two draws: few conversations are very short.
        let draw = |random: &mut Random| random.exponential(config.handle_time.0 as f64 / 2.0);
        let handle = Millis((draw(random) + draw(random)) as i64 + 10_000);
        if !random.chance(config.unfinished) {
            steps.push(Step {
                state: "completed",
                at: engaged + handle,
                handle: Some(handle),
            });
        }
        steps
    }

    fn schedule(&mut self, offer: &OfferSeen, steps: &[Step], random: &mut Random) {
        let salt = hash(self.config.seed ^ 0xc0, &offer.offer_id);
        let conversation = uuid(mix(salt ^ 1), mix(salt ^ 2));
        let late = if random.chance(self.config.late) {
            random.minutes(30, 120)
        } else {
            Millis(0)
        };
        for (number, step) in steps.iter().enumerate() {
            let held = if random.chance(self.config.delayed) {
                random.seconds(1, 30)
            } else {
                random.millis(5, 80)
            };
            let late = if number == 0 { Millis(0) } else { late };
            let number = number as u32 * 2;
            let send_at = step.at + held + late;
            let event_id = uuid(mix(salt.wrapping_add(u64::from(number) + 16)), salt);
            self.put(offer, step, send_at, number, &event_id, &conversation);
            if random.chance(self.config.doubled) {
                let again = send_at + random.seconds(0, 60);
                self.put(offer, step, again, number + 1, &event_id, &conversation);
            }
        }
    }

    fn put(
        &mut self,
        offer: &OfferSeen,
        step: &Step,
        send_at: Timestamp,
        number: u32,
        id: &str,
        conversation: &str,
    ) {
        let talks = matches!(
            step.state,
            "started" | "engaged" | "abandoned" | "completed"
        );
        let failed = step.state == "errored";
        let report = Report {
            event_id: id.to_owned(),
            offer_id: &offer.offer_id,
            session_id: &offer.session_id,
            customer_id: &offer.customer_id,
            deployment_id: &offer.deployment_id,
            action_state: step.state,
            created_date: step.at.to_string(),
            sent_date: send_at.to_string(),
            conversation_id: talks.then_some(conversation),
            handle_time_seconds: step.handle.map(Millis::as_secs),
            error_code: failed.then_some("display_failed"),
            error_message: failed.then_some("the page was closed before the offer could be shown"),
        };
        let json = serde_json::to_string(&report).expect("texts and numbers are always JSON");
        let key = Some(offer.customer_id.to_string());
        let sent = Sent {
            send_at,
            topic: Raw::Engagement,
            key,
            json,
            truth: None,
        };
        self.due.insert(
            (send_at, offer.offer_id.clone(), number),
            Due { at: step.at, sent },
        );
    }
}
