//! `footfall import`: what others have recorded, as raw events for `footfall send --backfill`.
//!
//! The converters are pure. A line that gives no event is counted with its reason, and said.

pub mod access_log;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufWriter, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use hmac::Hmac;
use serde_json::{Value, json};
use sha2::Sha256;

use self::access_log::AccessLog;
use crate::source_file;

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
}

#[derive(Debug, ClapArgs)]
struct AccessLogArgs {
    /// The log, gzip or not; `-` is standard input
    file: PathBuf,
    /// Whose events they are: a deployment's id
    #[arg(long, env = "FOOTFALL_DEPLOYMENT")]
    deployment: String,
    /// Where the paths of the log belong: https://shop.example
    #[arg(long, env = "FOOTFALL_ORIGIN")]
    origin: String,
    /// A secret that visitors are made with, of address and user agent: the same for files of the same visitors, kept nowhere
    #[arg(long, env = "FOOTFALL_SALT", hide_env_values = true, value_parser = access_log::salt)]
    salt: Hmac<Sha256>,
    /// What the visitors had agreed to
    #[arg(long, env = "FOOTFALL_CONSENT", default_value = "unknown")]
    consent: Consent,
    /// Files that pages are made of count as pages, too
    #[arg(long, env = "FOOTFALL_ASSETS")]
    assets: bool,
    /// Where to write the events [default: standard output]
    #[arg(long, env = "FOOTFALL_OUTPUT_FILE")]
    to: Option<PathBuf>,
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
    /// It did not get what it asked for.
    Status,
    /// It asked for no path of this site.
    NoPath,
    /// A file that pages are made of.
    Asset,
}

impl Skip {
    /// As it is said.
    pub fn as_str(self) -> &'static str {
        match self {
            Skip::Malformed => "malformed",
            Skip::InvalidUtf8 => "invalid_utf8",
            Skip::NotGet => "not_get",
            Skip::Status => "status",
            Skip::NoPath => "no_path",
            Skip::Asset => "asset",
        }
    }
}

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lines that gave an event.
    pub events: u64,
    /// Lines that gave none, by reason.
    pub skipped: BTreeMap<Skip, u64>,
}

/// Converts line by line; blank lines are no lines.
pub fn import(
    lines: impl BufRead,
    mut out: impl Write,
    convert: impl Fn(&str) -> Result<Value, Skip>,
) -> std::io::Result<Imported> {
    let mut imported = Imported::default();
    for line in lines.split(b'\n') {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let text = std::str::from_utf8(&line).map_err(|_| Skip::InvalidUtf8);
        match text.and_then(|text| convert(text.trim_end())) {
            Ok(event) => {
                writeln!(out, "{event}")?;
                imported.events += 1;
            }
            Err(skip) => *imported.skipped.entry(skip).or_insert(0) += 1,
        }
    }
    out.flush()?;
    Ok(imported)
}

/// Runs `footfall import`. Events go to standard output or the file, what became of the lines to standard error.
pub fn command(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let Command::AccessLog(args) = &args.command;
    let log = AccessLog {
        origin: args.origin.trim_end_matches('/').to_owned(),
        deployment: args.deployment.clone(),
        consent: format!("{:?}", args.consent).to_lowercase(),
        assets: args.assets,
        salt: args.salt.clone(),
    };
    let out: Box<dyn Write> = match &args.to {
        Some(path) => Box::new(
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))?,
        ),
        None => Box::new(std::io::stdout().lock()),
    };
    let lines = source_file::open(&args.file)?;
    let imported = import(lines, BufWriter::new(out), |line| log.convert(line))?;
    let skipped = imported.skipped.iter();
    if as_json {
        let skipped: BTreeMap<_, _> = skipped.map(|(s, n)| (s.as_str(), n)).collect();
        eprintln!("{}", json!({"events": imported.events, "skipped": skipped}));
    } else {
        let skipped: String = skipped
            .map(|(s, n)| format!(" · {n} {}", s.as_str()))
            .collect();
        eprintln!("{} events{skipped}", imported.events);
    }
    Ok(())
}
