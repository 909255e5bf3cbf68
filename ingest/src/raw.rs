//! What comes in, as it comes: Genesys' `WebEventRequest` and `actionevent`, and what Footfall adds to them.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
use serde_json::error::Category;

use crate::{
    consent::Signal,
    control::ERASE,
    json::{Into, Names, Scalar, Take, Texts, object},
    reason::{Flaw, RejectReason},
    surrogates,
};

object! {
    /// One record of `web.events.raw`. An `ipAddress` is compared with those that a deployment excludes, and looked up; no more.
    RawEvent {
        event_id: Scalar<'a> = "eventId",
        deployment_id: Scalar<'a> = "deploymentId",
        customer_cookie_id: Scalar<'a> = "customerCookieId",
        customer_id: Scalar<'a> = "customerId",
        event_name: Scalar<'a> = "eventName",
        page: RawPage<'a> = "page",
        screen_name: Scalar<'a> = "screenName",
        app: RawApp<'a> = "app",
        sdk_library: RawSdk<'a> = "sdkLibrary",
        network: RawNetwork<'a> = "networkConnectivity",
        created_date: Scalar<'a> = "createdDate",
        sent_date: Scalar<'a> = "sentDate",
        user_agent_string: Scalar<'a> = "userAgentString",
        browser: RawBrowser<'a> = "browser",
        device: RawDevice<'a> = "device",
        search_query: Scalar<'a> = "searchQuery",
        referrer_url: Scalar<'a> = "referrerUrl",
        attributes: Attributes<'a> = "attributes",
        traits: Attributes<'a> = "traits",
        external_id: Scalar<'a> = "externalId",
        form_name: Scalar<'a> = "formName",
        authenticated: Scalar<'a> = "authenticated",
        consent: RawConsent<'a> = "consent",
        gpc: Signal = "gpc",
        reply_to: Scalar<'a> = "replyTo",
        ip_address: Scalar<'a> = "ipAddress",
        origin: Scalar<'a> = "origin",
        user_agent_data: RawHints<'a> = "userAgentData",
    }
}

impl RawEvent<'_> {
    /// Its Global Privacy Control signal, wherever it says it.
    pub(crate) fn signal(&self) -> Signal {
        self.gpc.max(self.consent.gpc)
    }

    /// Whether it asks that the visitor be erased.
    pub(crate) fn asks_to_erase(&self) -> bool {
        matches!(&self.event_name, Scalar::Text(name) if name == ERASE)
    }
}

object! {
    /// `page`.
    RawPage {
        url: Scalar<'a> = "url",
        title: Scalar<'a> = "title",
        keywords: Scalar<'a> = "keywords",
        lang: Scalar<'a> = "lang",
    }
}

object! {
    /// `app`, of an app event.
    RawApp {
        name: Scalar<'a> = "name",
        namespace: Scalar<'a> = "namespace",
        version: Scalar<'a> = "version",
        build_number: Scalar<'a> = "buildNumber",
    }
}

object! {
    /// `sdkLibrary`, of an app event.
    RawSdk {
        name: Scalar<'a> = "name",
        version: Scalar<'a> = "version",
    }
}

object! {
    /// `networkConnectivity`, of an app event.
    RawNetwork {
        carrier: Scalar<'a> = "carrier",
        bluetooth: Scalar<'a> = "bluetoothEnabled",
        cellular: Scalar<'a> = "cellularEnabled",
        wifi: Scalar<'a> = "wifiEnabled",
    }
}

object! {
    /// `browser`.
    RawBrowser {
        family: Scalar<'a> = "family",
        version: Scalar<'a> = "version",
        lang: Scalar<'a> = "lang",
    }
}

object! {
    /// `device`.
    RawDevice {
        category: Scalar<'a> = "category",
        kind: Scalar<'a> = "type",
        is_mobile: Scalar<'a> = "isMobile",
        screen_height: Scalar<'a> = "screenHeight",
        screen_width: Scalar<'a> = "screenWidth",
        screen_density: Scalar<'a> = "screenDensity",
        os_family: Scalar<'a> = "osFamily",
        os_version: Scalar<'a> = "osVersion",
        manufacturer: Scalar<'a> = "manufacturer",
    }
}

object! {
    /// `userAgentData`: client hints, as browsers write them.
    RawHints {
        brands: Brands<'a> = "brands",
        full_version_list: Brands<'a> = "fullVersionList",
        mobile: Scalar<'a> = "mobile",
        platform: Scalar<'a> = "platform",
        platform_version: Scalar<'a> = "platformVersion",
        model: Scalar<'a> = "model",
    }
}

object! {
    /// One of `brands`.
    RawBrand {
        brand: Scalar<'a> = "brand",
        version: Scalar<'a> = "version",
    }
}

/// A list of brands; those beyond the first few are passed over: browsers write three.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brands<'a> {
    pub(crate) items: Vec<RawBrand<'a>>,
    present: bool,
}

/// The most brands that are looked at.
const BRANDS: usize = 16;

impl<'de> Take<'de> for Brands<'de> {
    fn wrong(&mut self, _: &'static str) {
        self.present = true;
    }

    fn is_absent(&self) -> bool {
        !self.present
    }

    fn list<A: SeqAccess<'de>>(&mut self, mut items: A) -> Result<(), A::Error> {
        self.present = true;
        loop {
            let mut brand = RawBrand::default();
            if items.next_element_seed(Into(&mut brand))?.is_none() {
                return Ok(());
            }
            if self.items.len() < BRANDS {
                self.items.push(brand);
            }
        }
    }
}

object! {
    /// `consent`.
    RawConsent {
        state: Scalar<'a> = "state",
        purposes: Texts<'a> = "purposes",
        source: Scalar<'a> = "source",
        updated_date: Scalar<'a> = "updatedDate",
        gpc: Signal = "gpc",
    }
}

impl RawConsent<'_> {
    /// Whether it says something, and no state: it may be a no in other words, as `{"status": "denied"}`.
    pub(crate) fn says_nothing_that_is_known(&self) -> bool {
        self.state.is_blank() && self.unknown > 0
    }
}

object! {
    /// One record of `engagement.events.raw`.
    RawReport {
        event_id: Scalar<'a> = "eventId",
        offer_id: Scalar<'a> = "offerId",
        action_id: Scalar<'a> = "actionId",
        session_id: Scalar<'a> = "sessionId",
        customer_id: Scalar<'a> = "customerId",
        customer_cookie_id: Scalar<'a> = "customerCookieId",
        deployment_id: Scalar<'a> = "deploymentId",
        action_state: Scalar<'a> = "actionState",
        created_date: Scalar<'a> = "createdDate",
        sent_date: Scalar<'a> = "sentDate",
        conversation_id: Scalar<'a> = "conversationId",
        handle_time_seconds: Scalar<'a> = "handleTimeSeconds",
        error_code: Scalar<'a> = "errorCode",
        error_message: Scalar<'a> = "errorMessage",
    }
}

/// `attributes` or `traits`: by name, in order. Beyond what any limit allows they are only counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) items: Vec<(Cow<'a, str>, RawAttribute<'a>)>,
    pub(crate) count: usize,
    pub(crate) present: bool,
    pub(crate) wrong: Option<&'static str>,
}

/// The most attributes that are kept while reading, and so the highest limit.
pub(crate) const MOST_ATTRIBUTES: usize = 1000;

impl<'de> Take<'de> for Attributes<'de> {
    fn wrong(&mut self, kind: &'static str) {
        self.present = true;
        self.wrong = Some(kind);
    }

    fn is_absent(&self) -> bool {
        !self.present
    }

    fn object<A: MapAccess<'de>>(&mut self, mut members: A) -> Result<(), A::Error> {
        self.present = true;
        while let Some(name) = members.next_key_seed(Names::new())? {
            self.count += 1;
            let mut attribute = RawAttribute::default();
            members.next_value_seed(Into(&mut attribute))?;
            if self.items.len() < MOST_ATTRIBUTES {
                self.items.push((name.0, attribute));
            }
        }
        Ok(())
    }
}

object! {
    /// `{"dataType": …, "value": …}`.
    Typed {
        data_type: Scalar<'a> = "dataType",
        value: Scalar<'a> = "value",
    }
}

/// An attribute: with its type, or a bare text, number or boolean as the JavaScript SDK sends it.
#[derive(Clone, Debug)]
pub(crate) enum RawAttribute<'a> {
    Bare(Scalar<'a>),
    Typed(Box<Typed<'a>>),
}

impl Default for RawAttribute<'_> {
    fn default() -> Self {
        RawAttribute::Bare(Scalar::Absent)
    }
}

impl<'de> RawAttribute<'de> {
    fn bare(&mut self, take: impl FnOnce(&mut Scalar<'de>)) {
        let mut scalar = Scalar::Absent;
        take(&mut scalar);
        *self = RawAttribute::Bare(scalar);
    }
}

impl<'de> Take<'de> for RawAttribute<'de> {
    fn wrong(&mut self, kind: &'static str) {
        self.bare(|scalar| scalar.wrong(kind));
    }

    fn is_absent(&self) -> bool {
        matches!(self, RawAttribute::Bare(Scalar::Absent))
    }

    fn null(&mut self) {
        self.bare(|scalar| scalar.null());
    }

    fn text(&mut self, text: Cow<'de, str>) {
        self.bare(|scalar| scalar.text(text));
    }

    fn boolean(&mut self, value: bool) {
        self.bare(|scalar| scalar.boolean(value));
    }

    fn integer(&mut self, value: i64) {
        self.bare(|scalar| scalar.integer(value));
    }

    fn number(&mut self, value: f64) {
        self.bare(|scalar| scalar.number(value));
    }

    fn object<A: MapAccess<'de>>(&mut self, members: A) -> Result<(), A::Error> {
        let mut typed = Box::<Typed<'de>>::default();
        typed.object(members)?;
        *self = RawAttribute::Typed(typed);
        Ok(())
    }
}

/// Reads one JSON object into `raw`. What was read before a mistake stays there: it says whose mistake it is.
pub(crate) fn read<'de, T: Take<'de>>(
    bytes: &'de [u8],
    most: usize,
    raw: &mut T,
) -> Result<(), Flaw> {
    if bytes.is_empty() {
        return Err(Flaw::new(
            RejectReason::EmptyValue,
            "the record has no value",
        ));
    }
    if bytes.len() > most {
        let what = format!("the event has {} bytes, {most} are allowed", bytes.len());
        return Err(Flaw::new(RejectReason::TooLarge, what));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Flaw::new(
            RejectReason::InvalidUtf8,
            format!("byte {} is not UTF-8", e.valid_up_to()),
        )
    })?;
    if text.starts_with('\u{feff}') {
        return Err(Flaw::new(
            RejectReason::NotJson,
            "the event starts with a byte order mark",
        ));
    }
    let mut from = serde_json::Deserializer::from_str(text);
    Into(raw)
        .deserialize(&mut from)
        .and_then(|()| from.end())
        .map_err(|e| unreadable(bytes, &e))
}

/// As [`read`]; where halves of characters are all that is wrong, what is read is `mended`.
pub(crate) fn read_mended<'de, T: Take<'de> + Default>(
    bytes: &'de [u8],
    mended: &'de mut Option<Vec<u8>>,
    most: usize,
    raw: &mut T,
) -> Result<(), Flaw> {
    let read_as_it_is = read(bytes, most, raw);
    let Err(Flaw::Rejected(RejectReason::NotJson, _)) = read_as_it_is else {
        return read_as_it_is;
    };
    let Some(text) = surrogates::mended(bytes) else {
        return read_as_it_is;
    };
    *raw = T::default();
    read(mended.insert(text), most, raw)
}

fn unreadable(bytes: &[u8], error: &serde_json::Error) -> Flaw {
    if bytes.contains(&0) {
        return Flaw::new(RejectReason::NullByte, "the event has a null byte");
    }
    let at = format!("at line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => Flaw::new(
            RejectReason::Truncated,
            format!("the JSON ends too early, {at}"),
        ),
        // All that tells it from what is no number.
        _ if error.to_string().starts_with("number out of range") => Flaw::new(
            RejectReason::InvalidNumber,
            format!("a number is out of range {at}"),
        ),
        _ => Flaw::new(RejectReason::NotJson, format!("not JSON {at}")),
    }
}
