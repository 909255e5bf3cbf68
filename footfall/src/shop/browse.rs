//! How visitors move about: visits, pages, dwelling, leaving and coming back; and how their events are sent.

use journey::{Millis, Timestamp};

use super::{
    Fate, ShopConfig,
    random::Random,
    site::{
        ACCOUNT, ARTICLES, CATEGORIES, DOCS, HEALTH, PRODUCTS, Page, SCREENS, SEARCHES, SOURCES,
        SiteKind,
    },
    visitor::{Act, Nature, Origin, Place, Planned, Visitor},
};

/// The sorts of broken events, by the reason that `ingest` gives.
pub(crate) const BREAKAGES: [&str; 6] = [
    "not_json",
    "truncated",
    "missing_customer_cookie_id",
    "wrong_type",
    "attribute_too_long",
    "null_byte",
];

const PING_EVERY: Millis = Millis::from_secs(10);

/// One visitor on the way through its day, and the plan that comes of it.
pub(crate) struct Walk<'a> {
    pub(crate) config: &'a ShopConfig,
    pub(crate) random: Random,
    /// By the true clock.
    pub(crate) now: Timestamp,
    /// When the last event that the server learns of in time happened.
    pub(crate) last: Timestamp,
    visitor: &'a Visitor,
    place: Place,
    number: u32,
    plan: Vec<Planned>,
}

/// How an event is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    pub(crate) delay: Millis,
    pub(crate) stamped: bool,
    pub(crate) fate: Fate,
    pub(crate) joins_two: bool,
}

impl<'a> Walk<'a> {
    /// A visitor before its first event.
    pub(crate) fn new(
        config: &'a ShopConfig,
        visitor: &'a Visitor,
        random: Random,
        now: Timestamp,
    ) -> Walk<'a> {
        let place = Place {
            page: Page::Home,
            from: Origin::Source(0),
        };
        Walk {
            config,
            random,
            now,
            last: now,
            visitor,
            place,
            number: 0,
            plan: Vec::new(),
        }
    }

    /// All that was planned, not in order.
    pub(crate) fn into_plan(self) -> Vec<Planned> {
        self.plan
    }

    /// Everything that this visitor will do.
    pub(crate) fn day(&mut self) {
        match self.visitor.nature {
            Nature::Person => self.visits(),
            Nature::Robot => {
                let pages = 30 + self.random.below(90);
                self.crawl(pages, 1000, 5000);
            }
            Nature::FastRobot => self.crawl(1200, 20, 120),
        }
    }

    /// One visit after the other, until the visitor has had enough.
    fn visits(&mut self) {
        let end = self.config.start + self.config.duration;
        loop {
            self.visit();
            if self.random.chance(self.config.rates.withdrawn) {
                self.now = self.last + self.random.seconds(2, 9);
                self.record(Act::Withdraw);
                return;
            }
            let offline = self.random.chance(self.config.rates.offline);
            if offline {
                self.offline();
            }
            if !self.random.chance(0.5) {
                return;
            }
            self.come_back(offline);
            if self.now > end {
                return;
            }
        }
    }

    /// Chooses when the next visit is: now lies there.
    fn come_back(&mut self, offline: bool) {
        let timeout = self.config.visit_timeout;
        let exact = !offline
            && self.visitor.skew == Millis(0)
            && self.random.chance(self.config.rates.exact_returns);
        if exact {
            let past = self.random.chance(0.5);
            self.return_exactly(Millis(timeout.0 + i64::from(past)));
            return;
        }
        let gap = match self.random.below(10) {
            0..=2 if !offline => self.random.millis(61_000, timeout.0.max(61_000)),
            0..=6 => Millis(timeout.0 * 2 + self.random.minutes(10, 360).0),
            _ => self.random.minutes(18 * 60, 26 * 60),
        };
        self.now = self.last + gap;
    }

    /// Comes back after exactly this much silence. Neither side says `sentDate`, so that no delay blurs it.
    pub(crate) fn return_exactly(&mut self, gap: Millis) {
        let last = self.last;
        for before in self
            .plan
            .iter_mut()
            .filter(|planned| planned.occurred_at == last)
        {
            before.stamped = false;
        }
        self.now = self.last + gap;
        let delivery = Delivery {
            stamped: false,
            ..self.prompt()
        };
        self.land(Some(delivery));
        self.now = self.now + self.random.seconds(2, 30);
    }

    /// A visit by the way people behave, from landing to leaving.
    fn visit(&mut self) {
        self.land(None);
        let pages = (self.random.exponential(4.0) as u64).min(24);
        for _ in 0..pages {
            self.stay();
            self.step();
        }
        self.stay();
    }

    /// The first page, by a link from somewhere or by heart.
    pub(crate) fn land(&mut self, delivery: Option<Delivery>) {
        let page = match self.visitor.site.kind {
            SiteKind::Shop => match self.random.below(10) {
                0..=3 => Page::Home,
                4..=6 => Page::Product(self.random.small(PRODUCTS)),
                7 => Page::Category(self.random.small(CATEGORIES.len() as u8)),
                8 => Page::Pricing,
                _ => Page::Docs(self.random.small(DOCS.len() as u8)),
            },
            SiteKind::Blog => Page::Article(self.random.small(ARTICLES)),
            SiteKind::Kiosk => Page::Screen(0),
        };
        let source = match self.visitor.site.kind {
            SiteKind::Kiosk => 0,
            _ => self
                .random
                .weighted(SOURCES.iter().map(|source| source.weight)) as u8,
        };
        self.place = Place {
            page,
            from: Origin::Source(source),
        };
        match delivery {
            Some(delivery) => self.send(Act::View, delivery),
            None => self.record(Act::View),
        }
    }

    /// The next thing that a visitor of this site does.
    fn step(&mut self) {
        match self.visitor.site.kind {
            SiteKind::Shop => self.shop_step(),
            SiteKind::Blog => match self.random.below(20) {
                0 => self.fill("newsletter", Page::Newsletter, 0.6),
                1 | 2 => self.search(),
                3 => self.view(Page::Home),
                _ => {
                    let article = self.random.small(ARTICLES);
                    self.view(Page::Article(article));
                }
            },
            SiteKind::Kiosk => {
                let screen = self.random.small(SCREENS.len() as u8);
                self.view(Page::Screen(screen));
            }
        }
    }

    fn shop_step(&mut self) {
        let likely = self.random.share();
        match self.place.page {
            Page::Product(product) if likely < 0.25 => {
                self.pause(2, 20);
                self.record(Act::Add(product));
                self.pause(2, 10);
                self.view(Page::Cart);
            }
            Page::Cart if likely < 0.55 => self.view(Page::Checkout),
            Page::Checkout if likely < 0.65 => self.order(),
            Page::Checkout if likely < 0.9 => self.record(Act::Form {
                name: "checkout",
                submitted: false,
            }),
            _ => self.wander(),
        }
    }

    /// Anywhere in the shop.
    fn wander(&mut self) {
        let page = match self.random.below(100) {
            0..=34 => Page::Product(self.random.small(PRODUCTS)),
            35..=51 => Page::Category(self.random.small(CATEGORIES.len() as u8)),
            52..=63 => return self.search(),
            64..=76 => Page::Pricing,
            77..=84 => Page::Docs(self.random.small(DOCS.len() as u8)),
            85..=88 => return self.fill("contact", Page::Contact, 0.5),
            89..=92 => Page::Account(self.random.small(ACCOUNT.len() as u8)),
            93 | 94 => Page::Health(self.random.small(HEALTH.len() as u8)),
            95 if self.random.chance(0.2) => Page::Admin,
            _ => Page::Home,
        };
        self.view(page);
    }

    fn order(&mut self) {
        self.record(Act::Form {
            name: "checkout",
            submitted: true,
        });
        self.now = self.now + self.random.millis(150, 900);
        let cents = 1500 + self.random.exponential(12_000.0) as u32;
        self.record(Act::Order { cents });
        self.now = self.now + self.random.millis(100, 400);
        self.view(Page::Thanks);
    }

    fn search(&mut self) {
        let term = self.random.small(SEARCHES.len() as u8);
        self.view(Page::Search(term));
        self.now = self.now + self.random.millis(20, 300);
        self.record(Act::Search(term));
    }

    fn fill(&mut self, name: &'static str, page: Page, submitted: f64) {
        self.view(page);
        self.pause(8, 50);
        let submitted = self.random.chance(submitted);
        self.record(Act::Form { name, submitted });
    }

    /// Goes to another page of the site.
    pub(crate) fn view(&mut self, page: Page) {
        self.place = Place {
            page,
            from: Origin::Page(self.place.page),
        };
        self.record(Act::View);
    }

    fn pause(&mut self, from: i64, to: i64) {
        self.now = self.now + self.random.seconds(from, to);
    }

    /// Stays on the page for a while, with heartbeats as long as the tab is visible.
    fn stay(&mut self) {
        let rates = &self.config.rates;
        let lingers = self.place.page == Page::Pricing && self.random.chance(rates.lingering);
        let (dwell, visible) = if lingers {
            let dwell = self.random.seconds(330, 720);
            (
                dwell,
                if self.random.chance(0.7) {
                    dwell
                } else {
                    Millis::from_secs(90)
                },
            )
        } else if self.random.chance(rates.away) {
            (self.random.seconds(90, 840), self.random.seconds(5, 25))
        } else {
            let dwell = Millis((self.random.exponential(28_000.0) as i64).clamp(900, 300_000));
            (dwell, dwell)
        };
        let from = self.now;
        if self.visitor.pinging {
            let mut at = PING_EVERY;
            while at < visible && at < dwell {
                self.now = from + at;
                self.record(Act::Ping);
                at = Millis(at.0 + PING_EVERY.0);
            }
        }
        self.now = from + dwell;
    }

    /// Page after page, as a robot goes.
    fn crawl(&mut self, pages: u64, from: i64, to: i64) {
        self.land(None);
        for _ in 0..pages {
            self.now = self.now + self.random.millis(from, to);
            let at = self.random.bits() as u8;
            let page = match self.visitor.site.kind {
                SiteKind::Shop => Page::Product(at % PRODUCTS),
                SiteKind::Blog => Page::Article(at % ARTICLES),
                SiteKind::Kiosk => Page::Screen(at % SCREENS.len() as u8),
            };
            self.view(page);
        }
    }

    /// A last page from a phone that is offline, and sends it long after the visit has ended.
    pub(crate) fn offline(&mut self) {
        let last = self.last;
        let ended = Millis(self.config.visit_timeout.0 + self.config.grace.0);
        self.now = last + self.random.seconds(10, 40);
        let delay = Millis(ended.0 + self.random.minutes(20, 240).0);
        self.place.from = Origin::Page(self.place.page);
        self.send(
            Act::View,
            Delivery {
                delay,
                stamped: true,
                fate: Fate::Late,
                joins_two: false,
            },
        );
        self.last = last;
    }

    /// Sent at once, or nearly.
    pub(crate) fn prompt(&mut self) -> Delivery {
        let delay = self.random.millis(0, 250);
        Delivery {
            delay,
            stamped: self.visitor.stamped,
            fate: Fate::Joins,
            joins_two: false,
        }
    }

    /// Does something now, and sends it as things are sent: mostly at once, at times late, twice or broken.
    pub(crate) fn record(&mut self, act: Act) {
        let rates = &self.config.rates;
        let mut delivery = self.prompt();
        if self.random.chance(rates.delayed) {
            delivery.delay = self.random.millis(1000, 60_000);
        }
        if act == Act::Withdraw {
            delivery.fate = Fate::Withdraws;
        }
        self.send(act, delivery);
        let doubled = self.random.chance(rates.doubled);
        let broken = self.random.chance(rates.broken);
        if self.visitor.nature == Nature::Person && act != Act::Withdraw {
            if doubled {
                self.double();
            }
            if broken {
                self.send_broken();
            }
        }
    }

    /// Does something now, and sends it as told; what consent and page class forbid is forbidden all the same.
    pub(crate) fn send(&mut self, act: Act, delivery: Delivery) {
        let fate = match self.visitor.fate() {
            Fate::Joins if self.place.page == Page::Admin => Fate::Suppressed("page_blocked"),
            Fate::Joins => delivery.fate,
            other => other,
        };
        self.number += 1;
        self.plan.push(Planned {
            send_at: self.now + delivery.delay,
            occurred_at: self.now,
            number: self.number,
            stamped: delivery.stamped,
            fate,
            joins_two: delivery.joins_two && fate == Fate::Joins,
            place: self.place,
            act,
        });
        self.last = self.last.max(self.now);
    }

    /// Sends the last event once more.
    pub(crate) fn double(&mut self) {
        let Some(mut again) = self.plan.last().cloned() else {
            return;
        };
        again.send_at = again.send_at + self.random.millis(500, 120_000);
        if again.fate == Fate::Joins {
            again.fate = Fate::Duplicate;
        }
        self.plan.push(again);
    }

    /// Sends something broken beside the last event.
    fn send_broken(&mut self) {
        let (Some(last), Fate::Joins) = (self.plan.last(), self.visitor.fate()) else {
            return;
        };
        if last.place.page == Page::Admin {
            return;
        }
        self.number += 1;
        let reason = *self.random.pick(&BREAKAGES);
        let fate = Fate::DeadLettered(reason);
        let mut broken = Planned {
            fate,
            number: self.number,
            joins_two: false,
            ..last.clone()
        };
        broken.send_at = broken.send_at + self.random.millis(1, 2000);
        self.plan.push(broken);
    }
}
