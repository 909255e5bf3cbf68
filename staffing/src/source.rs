//! Where a lane's facts come from: what its intervals say of themselves, and why one of them is corrected.

/// Where the facts of a lane come from. The log does not say it: whoever starts the stage does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The site's visitors, as they come.
    #[default]
    Live,
    /// History that is loaded or replayed into a lane of its own.
    Backfill,
}

impl Source {
    /// Every source, as the option takes them.
    pub const ALL: [Source; 2] = [Source::Live, Source::Backfill];

    /// As the record's `source` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Live => "live",
            Source::Backfill => "backfill",
        }
    }

    /// As the `cause` of a correction says it.
    pub fn cause(self) -> &'static str {
        match self {
            Source::Live => "late_report",
            Source::Backfill => "backfill",
        }
    }

    /// Reads [`Source::as_str`].
    pub fn parse(text: &str) -> Result<Source, String> {
        let found = Source::ALL
            .into_iter()
            .find(|source| source.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no source: write live or backfill"))
    }
}
