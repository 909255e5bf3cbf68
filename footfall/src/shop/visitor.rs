//! One visitor: who it is, and its whole day planned ahead.

use journey::{Millis, Text, Timestamp, definitions::ConsentMode};

use super::{
    Fate, ShopConfig,
    agents::{AGENTS, Agent, ROBOTS},
    bite,
    browse::Walk,
    random::{Random, mix, uuid},
    site::{Page, SOURCES, Site, SiteKind, Source},
};

/// A person with a browser, or a robot.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) site: Site,
    pub(crate) cookie: Text,
    pub(crate) agent: &'static Agent,
    pub(crate) nature: Nature,
    /// Sends a heartbeat while the tab is visible.
    pub(crate) pinging: bool,
    /// What it says of consent.
    pub(crate) stance: Stance,
    /// Sends records with a key.
    pub(crate) keyed: bool,
    /// Sends `sentDate`.
    pub(crate) stamped: bool,
    /// How far its clock is ahead of the true one.
    pub(crate) skew: Millis,
    pub(crate) address: String,
    /// What the ids of its events are made of.
    pub(crate) salt: u64,
    /// The id of its clicks on advertisements.
    pub(crate) click_id: String,
}

/// What a visitor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    Person,
    Robot,
    /// Many pages a second, and says that it is a browser.
    FastRobot,
}

/// What a visitor says of consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    Granted,
    Denied,
    /// Never asked.
    Silent,
    /// Granted, but the browser signals Global Privacy Control.
    PrivacyControl,
}

/// What a visitor does, when, and when that is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Planned {
    /// By the true clock.
    pub(crate) send_at: Timestamp,
    /// By the true clock.
    pub(crate) occurred_at: Timestamp,
    /// The visitor's count of events; a doubled event has its original's.
    pub(crate) number: u32,
    /// Carries `sentDate`.
    pub(crate) stamped: bool,
    pub(crate) fate: Fate,
    /// What a case of `bite` made of it, for the tally.
    pub(crate) joins_two: bool,
    pub(crate) place: Place,
    pub(crate) act: Act,
}

/// Where a visitor is and came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) page: Page,
    pub(crate) from: Origin,
}

/// What the referrer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The first page of a visit: the source by its place in the list.
    Source(u8),
    /// Another page of the site.
    Page(Page),
}

/// What a visitor does on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    View,
    Search(u8),
    Form { name: &'static str, submitted: bool },
    Add(u8),
    Order { cents: u32 },
    Ping,
    Withdraw,
}

impl Act {
    /// The `eventName`.
    pub(crate) fn event_name(self) -> &'static str {
        match self {
            Act::View => "page_viewed",
            Act::Search(_) => "search_performed",
            Act::Form {
                submitted: true, ..
            } => "form_submitted",
            Act::Form {
                submitted: false, ..
            } => "form_abandoned",
            Act::Add(_) => "product_added",
            Act::Order { .. } => "order_placed",
            Act::Ping => "ping",
            Act::Withdraw => "consent_withdrawn",
        }
    }
}

impl Visitor {
    /// Who visitor `index` is.
    fn new(config: &ShopConfig, index: u32, random: &mut Random) -> Visitor {
        let rates = &config.rates;
        let salt = mix(config.seed ^ mix(u64::from(index) + 1));
        let nature = match index {
            7 if rates.robots > 0.0 => Nature::FastRobot,
            _ if random.chance(rates.robots) => Nature::Robot,
            _ => Nature::Person,
        };
        let unknown = random.chance(rates.unknown_deployment);
        let place = random.weighted(config.sites.iter().map(|site| site.weight));
        let site = if unknown {
            Site::unknown()
        } else {
            config.sites[place].clone()
        };
        let people = if site.kind == SiteKind::Kiosk {
            &AGENTS[AGENTS.len() - 1..]
        } else {
            &AGENTS[..AGENTS.len() - 1]
        };
        let stance = match random.share() {
            _ if unknown => Stance::Granted,
            share if share < rates.refused * 0.8 => Stance::Denied,
            share if share < rates.refused => Stance::Silent,
            share if share < rates.refused + rates.gpc => Stance::PrivacyControl,
            _ => Stance::Granted,
        };
        let skewed = random.chance(rates.skewed);
        let away = random.seconds(30, 600).0;
        let networks = ["192.0.2", "198.51.100", "203.0.113"];
        Visitor {
            cookie: Text::from(uuid(salt, mix(salt ^ 1))),
            agent: if nature == Nature::Robot {
                random.pick(&ROBOTS)
            } else {
                random.pick(people)
            },
            pinging: nature == Nature::Person && random.chance(rates.pinging),
            stance,
            keyed: !random.chance(rates.unkeyed),
            stamped: skewed || !random.chance(rates.unstamped),
            skew: if skewed {
                Millis(if random.chance(0.5) { away } else { -away })
            } else {
                Millis(0)
            },
            address: format!("{}.{}", random.pick(&networks), random.below(254) + 1),
            salt,
            click_id: format!("Cj0KCQ{:016x}EALw_wcB", mix(salt ^ 2)),
            site,
            nature,
        }
    }

    /// A visitor of whom everything counts: what the cases of `bite` need.
    pub(crate) fn steady(mut self, site: &Site) -> Visitor {
        if self.nature == Nature::Robot {
            self.agent = &AGENTS[0];
        }
        self.site = site.clone();
        self.nature = Nature::Person;
        self.stance = Stance::Granted;
        self.pinging = false;
        self.skew = Millis(0);
        self
    }

    /// What becomes of its events, broken and blocked ones aside.
    pub(crate) fn fate(&self) -> Fate {
        if !self.site.registered {
            return Fate::DeadLettered("unknown_deployment");
        }
        match (self.stance, self.site.consent) {
            (Stance::Denied, _) => Fate::Suppressed("consent_denied"),
            (Stance::Silent, ConsentMode::Required) => Fate::Suppressed("consent_missing"),
            (Stance::PrivacyControl, ConsentMode::Required | ConsentMode::Implied) => {
                Fate::Suppressed("gpc")
            }
            _ => Fate::Joins,
        }
    }

    /// The id of its event `number`.
    pub(crate) fn event_id(&self, number: u32) -> String {
        let high = mix(self.salt.wrapping_add(u64::from(number) << 8 | 3));
        uuid(high, mix(high ^ self.salt))
    }
}

/// The source at a place of the list.
pub(crate) fn source(place: u8) -> &'static Source {
    &SOURCES[usize::from(place) % SOURCES.len()]
}

/// When visitor `index` comes first. By day four times as many as by night.
pub(crate) fn arrival(config: &ShopConfig, index: u32) -> Timestamp {
    const BY_HOUR: [u8; 24] = [
        3, 2, 2, 2, 2, 3, 4, 6, 8, 9, 9, 9, 8, 8, 8, 8, 8, 8, 9, 10, 10, 8, 6, 4,
    ];
    let mut random = Random::new(config.seed ^ 0xa441, u64::from(index));
    let by_day = config.duration >= Millis::from_mins(12 * 60);
    loop {
        let at = config.start + random.millis(0, config.duration.0.max(0));
        let hour = at.0.div_euclid(3_600_000).rem_euclid(24) as usize;
        if !by_day || random.below(10) < u64::from(BY_HOUR[hour]) {
            return at;
        }
    }
}

/// Visitor `index` and all that it will ever do, not in order.
pub(crate) fn plan(config: &ShopConfig, index: u32, arrival: Timestamp) -> (Visitor, Vec<Planned>) {
    let mut random = Random::new(config.seed, u64::from(index));
    let visitor = Visitor::new(config, index, &mut random);
    match bite::case(config, index) {
        Some(case) => {
            let visitor = visitor.steady(&config.sites[0]);
            let mut walk = Walk::new(config, &visitor, random, arrival);
            bite::act_out(case, &mut walk);
            let plan = walk.into_plan();
            (visitor, plan)
        }
        None => {
            let mut walk = Walk::new(config, &visitor, random, arrival);
            walk.day();
            let plan = walk.into_plan();
            (visitor, plan)
        }
    }
}
