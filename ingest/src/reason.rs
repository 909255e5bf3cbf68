//! Why an event is kept apart or left out: two closed lists, metric label and dead-letter header alike.

use std::fmt;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// As it stands in metrics and headers.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

reasons! {
    /// Why a raw record is dead-lettered: one reason per rule.
    RejectReason {
        /// No value, or one of no bytes.
        EmptyValue = "empty_value",
        /// More bytes than an event may have.
        TooLarge = "too_large",
        /// Not UTF-8.
        InvalidUtf8 = "invalid_utf8",
        /// A null byte, as it is or as `\u0000`.
        NullByte = "null_byte",
        /// Not JSON.
        NotJson = "not_json",
        /// JSON that ends too early.
        Truncated = "truncated",
        /// The same member twice: which one is meant cannot be known.
        DuplicateKey = "duplicate_key",
        /// A member of another JSON type than the contract says.
        WrongType = "wrong_type",
        /// A number out of its range.
        InvalidNumber = "invalid_number",
        /// No `deploymentId`.
        MissingDeploymentId = "missing_deployment_id",
        /// A `deploymentId` that cannot be one.
        InvalidDeploymentId = "invalid_deployment_id",
        /// A `deploymentId` that no definition knows.
        UnknownDeployment = "unknown_deployment",
        /// A page, or an `origin`, that the deployment does not allow.
        OriginNotAllowed = "origin_not_allowed",
        /// Nobody: no `customerCookieId` (nor, where it is allowed, `customerId`).
        MissingCustomerCookieId = "missing_customer_cookie_id",
        /// A `customerId` of another shape than `<keyId>.<hash>`.
        InvalidCustomerId = "invalid_customer_id",
        /// A `customerId` under a key that is not ours.
        UnknownVisitorKey = "unknown_visitor_key",
        /// `customerId` and `customerCookieId` name two visitors.
        VisitorMismatch = "visitor_mismatch",
        /// No `eventName`.
        MissingEventName = "missing_event_name",
        /// An `eventName` of other characters, or too long.
        InvalidEventName = "invalid_event_name",
        /// No `page`, or one without `url`.
        MissingPage = "missing_page",
        /// More bytes than a page's URL may have.
        UrlTooLong = "url_too_long",
        /// A page's URL that is none, or has no host.
        InvalidUrl = "invalid_url",
        /// More bytes than a referrer's URL may have.
        ReferrerTooLong = "referrer_too_long",
        /// No `createdDate`.
        MissingCreatedDate = "missing_created_date",
        /// A date that is not RFC 3339.
        InvalidDate = "invalid_date",
        /// More attributes (or traits) than an event may have.
        TooManyAttributes = "too_many_attributes",
        /// An attribute's name of other characters, or too long.
        AttributeName = "attribute_name",
        /// An attribute's `dataType` that is none of the four.
        AttributeType = "attribute_type",
        /// An attribute's value that is not of its declared type.
        AttributeValue = "attribute_value",
        /// More bytes than an attribute's value may have.
        AttributeTooLong = "attribute_too_long",
        /// More bytes than any other text may have.
        ValueTooLong = "value_too_long",
        /// A report without `offerId` (or `actionId`).
        MissingOfferId = "missing_offer_id",
        /// `offerId` and `actionId` name two offers.
        OfferMismatch = "offer_mismatch",
        /// A report without `actionState`.
        MissingActionState = "missing_action_state",
        /// An `actionState` that is none of the ten.
        InvalidActionState = "invalid_action_state",
    }
}

reasons! {
    /// Why a raw record is left out on purpose: a count and nothing more.
    SuppressReason {
        /// The visitor said no.
        ConsentDenied = "consent_denied",
        /// The deployment needs a yes, and there is none.
        ConsentMissing = "consent_missing",
        /// A yes, but not for a purpose that the deployment needs.
        ConsentPurpose = "consent_purpose",
        /// What the event says of consent cannot be read: that is not a yes.
        ConsentUnreadable = "consent_unreadable",
        /// Global Privacy Control.
        Gpc = "gpc",
        /// A page of class `block`.
        PageBlocked = "page_blocked",
        /// A robot, where the deployment wants none.
        Bot = "bot",
        /// An address that the deployment leaves out.
        IpExcluded = "ip_excluded",
        /// More events of a visitor than the deployment takes.
        QuotaVisitor = "quota_visitor",
        /// More events of a deployment than it may send.
        QuotaDeployment = "quota_deployment",
    }
}

/// What is wrong with a raw record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// To be kept apart, with what is wrong in words (names of fields, never their values).
    Rejected(RejectReason, String),
    /// To be left out.
    Suppressed(SuppressReason),
}

impl Flaw {
    /// A rejection with its words.
    pub(crate) fn new(reason: RejectReason, what: impl Into<String>) -> Flaw {
        Flaw::Rejected(reason, what.into())
    }
}

impl From<SuppressReason> for Flaw {
    fn from(reason: SuppressReason) -> Flaw {
        Flaw::Suppressed(reason)
    }
}
