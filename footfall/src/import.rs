//! `footfall import`: what others have recorded, as raw events for `footfall send --backfill`.
//!
//! The converters are pure. A line that gives no event, or one that `ingest` would refuse, is counted with its reason, and said.

pub mod access_log;
mod campaign;
mod escapes;
pub mod ga4;
mod judge;
pub mod raw_event;
mod report;
pub mod snowplow;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use hmac::Hmac;
use ingest::RejectReason;
use serde_json::Value;
use sha2::Sha256;

use self::{access_log::AccessLog, ga4::Ga4, judge::Judge, snowplow::Snowplow};
use crate::{
    say, source_file,
    target_file::{self, TargetFile},
};

/// Arguments of `footfall import`.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Page views of a combined access log, as Apache and nginx write it
    AccessLog(AccessLogArgs),
    /// Events of Google Analytics 4, as BigQuery exports them in JSON
    Ga4(Common),
    /// Enriched events of Snowplow, as tab-separated values
    Snowplow(Common),
}

/// What every history has.
#[derive(Debug, ClapArgs)]
struct Common {
    /// The history, gzip or not; `-` is standard input
    file: PathBuf,
    /// Whose events they are: a deployment's id
    #[arg(long, env = "FOOTFALL_DEPLOYMENT", value_parser = pipeline::config::name)]
    deployment: String,
    /// What the visitors had agreed to
    #[arg(long, env = "FOOTFALL_CONSENT", default_value = "unknown")]
    consent: Consent,
    /// Where to write the events; gzip if the name ends in .gz [default: standard output]
    #[arg(long, env = "FOOTFALL_OUTPUT_FILE")]
    to: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
struct AccessLogArgs {
    #[command(flatten)]
    common: Common,
    /// Where the paths of the log belong: https://shop.example
    #[arg(long, env = "FOOTFALL_ORIGIN", value_parser = access_log::origin)]
    origin: String,
    /// A secret that visitors are made with, of address and user agent: the same for files of the same visitors, kept nowhere
    #[arg(long, env = "FOOTFALL_SALT", hide_env_values = true, value_parser = access_log::salt)]
    salt: Hmac<Sha256>,
    /// Files that pages are made of count as pages, too
    #[arg(long, env = "FOOTFALL_ASSETS")]
    assets: bool,
}

/// A state of consent, as raw events say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Consent {
    Granted,
    Denied,
    Unknown,
}

/// Why a line gives no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// It is not of this format.
    Malformed,
    /// It is not UTF-8.
    InvalidUtf8,
    /// A request that fetches nothing.
    NotGet,
    /// It got no page: an error, or the address of another.
    Status,
    /// Its first field is no address.
    NoAddress,
    /// It asked for no path of this site.
    NoPath,
    /// A file that pages are made of.
    Asset,
    /// Nothing that a visitor did: whoever recorded the others added it.
    Derived,
    /// An event without a name.
    NoName,
    /// Of nobody.
    NoVisitor,
    /// Of no time that can be read.
    NoTime,
    /// Neither a page nor a screen.
    NoPage,
    /// `ingest` would dead-letter it, for this reason.
    Refused(&'static str),
}

impl Skip {
    /// A page whose address is longer than `ingest` takes.
    pub const URL_TOO_LONG: Skip = Skip::Refused(RejectReason::UrlTooLong.as_str());

    /// As it is said.
    pub fn as_str(self) -> &'static str {
        match self {
            Skip::Malformed => "malformed",
            Skip::InvalidUtf8 => "invalid_utf8",
            Skip::NotGet => "not_get",
            Skip::Status => "status",
            Skip::NoAddress => "no_address",
            Skip::NoPath => "no_path",
            Skip::Asset => "asset",
            Skip::Derived => "derived",
            Skip::NoName => "no_name",
            Skip::NoVisitor => "no_visitor",
            Skip::NoTime => "no_time",
            Skip::NoPage => "no_page",
            Skip::Refused(reason) => reason,
        }
    }
}

/// An event, and what of its line has no place in it.
pub type Converted = (Value, BTreeSet<&'static str>);

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lines that gave an event.
    pub events: u64,
    /// Lines that gave none, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// Events that say less than their lines, by what was left out.
    pub left_out: BTreeMap<&'static str, u64>,
    /// The first line that gave none.
    pub first_skipped: Option<Skipped>,
}

/// A line that gave no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Why.
    pub skip: Skip,
    /// What it says.
    pub line: Vec<u8>,
}

/// Converts line by line; blank lines are no lines.
pub fn import(
    lines: impl BufRead,
    mut out: impl Write,
    convert: impl Fn(&str) -> Result<Converted, Skip>,
) -> std::io::Result<Imported> {
    let mut imported = Imported::default();
    let mut judge = Judge::new();
    for (number, line) in (1..).zip(lines.split(b'\n')) {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let text = std::str::from_utf8(&line).map_err(|_| Skip::InvalidUtf8);
        let converted = text.and_then(|text| convert(text.trim_end_matches('\r')));
        let judged = converted.and_then(|(event, left_out)| {
            let event = event.to_string();
            let refused = judge.refuses(&event);
            refused.map_or(Ok((event, left_out)), |reason| Err(Skip::Refused(reason)))
        });
        match judged {
            Ok((event, left_out)) => {
                writeln!(out, "{event}")?;
                imported.events += 1;
                for what in left_out {
                    *imported.left_out.entry(what).or_insert(0) += 1;
                }
            }
            Err(skip) => {
                *imported.skipped.entry(skip).or_insert(0) += 1;
                imported
                    .first_skipped
                    .get_or_insert(Skipped { number, skip, line });
            }
        }
    }
    out.flush()?;
    Ok(imported)
}

/// Runs `footfall import`. Events go to standard output or the file, what became of the lines to standard error. Fails if
/// there were lines and not one gave an event.
pub fn command(args: &Args, as_json: bool) -> anyhow::Result<ExitCode> {
    let (common, imported) = match &args.command {
        Command::AccessLog(args) => {
            let log = AccessLog {
                origin: args.origin.clone(),
                deployment: args.common.deployment.clone(),
                consent: args.common.consent.as_str().to_owned(),
                assets: args.assets,
                salt: args.salt.clone(),
            };
            let imported = args.common.import(|line| log.convert(line))?;
            (&args.common, imported)
        }
        Command::Ga4(args) => {
            let ga4 = Ga4 {
                deployment: args.deployment.clone(),
                consent: args.consent.as_str().to_owned(),
            };
            (args, args.import(|line| ga4.convert(line))?)
        }
        Command::Snowplow(args) => {
            let snowplow = Snowplow::new(&args.deployment, args.consent.as_str());
            (args, args.import(|line| snowplow.convert(line))?)
        }
    };
    say(imported.report(common.consent, as_json));
    Ok(if imported.is_in_vain() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Common {
    fn import(
        &self,
        convert: impl Fn(&str) -> Result<Converted, Skip>,
    ) -> anyhow::Result<Imported> {
        let lines = source_file::open(&self.file)?;
        let Some(path) = &self.to else {
            let out = BufWriter::new(std::io::stdout().lock());
            return Ok(import(lines, out, convert)?);
        };
        target_file::refuse_same(&self.file, path)?;
        let mut target = TargetFile::create(path)?;
        let imported = import(lines, &mut target, convert)?;
        if !imported.is_in_vain() {
            target.finish()?;
        }
        Ok(imported)
    }
}

impl Consent {
    fn as_str(self) -> &'static str {
        match self {
            Consent::Granted => "granted",
            Consent::Denied => "denied",
            Consent::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_ingest_would_dead_letter_is_no_event_and_says_its_reason() {
        let url = |line: &str| {
            let event = json!({
                "deploymentId": "shop", "customerCookieId": "c", "eventName": "page_viewed",
                "createdDate": "2026-11-23T14:00:00.000Z", "page": {"url": line},
            });
            Ok((event, BTreeSet::new()))
        };
        let lines = "https://shop.example/\n/relative\nhttps://\nmailto:a@b.example\n";
        let mut out = Vec::new();
        let imported = import(lines.as_bytes(), &mut out, url).expect("memory");
        assert_eq!(
            imported.report(Consent::Granted, false),
            "1 events · 3 invalid_url"
        );
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
