//! What is typed in: every limit a flag and an environment variable, checked into a [`Config`].
//!
//! The one place of this library that reads files: the visitor keys and the referrers, once, before anything runs.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use pipeline::config::duration;

use crate::{
    config::{Believed, Config, Limits, UnknownDeployments},
    json::MOST_TEXTS,
    raw::MOST_ATTRIBUTES,
    referrer::{BadLine, Referrers},
    visitor_key::{KeyError, VisitorKeys},
};

/// The options of `ingest`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// File with the keys that visitors' ids are made with: {"current": "k1", "keys": {"k1": "HEX-OR-BASE64"}}
    #[arg(long, env = "FOOTFALL_VISITOR_KEYS_FILE", value_name = "FILE")]
    pub visitor_keys_file: Option<PathBuf>,
    /// Use the well-known development key instead of a file: anybody can undo the ids. For demos and tests
    #[arg(long, env = "FOOTFALL_DEVELOPMENT_VISITOR_KEY")]
    pub development_visitor_key: bool,
    /// What to do with events of a deployment that no definition knows
    #[arg(
        long,
        env = "FOOTFALL_UNKNOWN_DEPLOYMENTS",
        value_enum,
        default_value = "refuse"
    )]
    pub unknown_deployments: UnknownDeployments,
    /// The largest event
    #[arg(long, env = "FOOTFALL_MAX_EVENT_SIZE", value_name = "SIZE", value_parser = size, default_value = "32KiB")]
    pub max_event_size: usize,
    /// The longest URL of a page or a referrer
    #[arg(long, env = "FOOTFALL_MAX_URL_SIZE", value_name = "SIZE", value_parser = size, default_value = "2KiB")]
    pub max_url_size: usize,
    /// The most attributes (and the most traits) of an event, 1000 at most
    #[arg(
        long,
        env = "FOOTFALL_MAX_ATTRIBUTES",
        value_name = "COUNT",
        default_value_t = 50
    )]
    pub max_attributes: usize,
    /// The longest name of an event or an attribute
    #[arg(long, env = "FOOTFALL_MAX_NAME_SIZE", value_name = "SIZE", value_parser = size, default_value = "64")]
    pub max_name_size: usize,
    /// The longest value of an attribute
    #[arg(long, env = "FOOTFALL_MAX_VALUE_SIZE", value_name = "SIZE", value_parser = size, default_value = "1KiB")]
    pub max_value_size: usize,
    /// The longest id
    #[arg(long, env = "FOOTFALL_MAX_ID_SIZE", value_name = "SIZE", value_parser = size, default_value = "255")]
    pub max_id_size: usize,
    /// The longest title, search text or other text
    #[arg(long, env = "FOOTFALL_MAX_TEXT_SIZE", value_name = "SIZE", value_parser = size, default_value = "4KiB")]
    pub max_text_size: usize,
    /// The longest id of a deployment
    #[arg(long, env = "FOOTFALL_MAX_DEPLOYMENT_ID_SIZE", value_name = "SIZE", value_parser = size, default_value = "128")]
    pub max_deployment_id_size: usize,
    /// How much of a user agent is looked at and kept; the rest is cut off
    #[arg(long, env = "FOOTFALL_MAX_USER_AGENT_SIZE", value_name = "SIZE", value_parser = size, default_value = "1KiB")]
    pub max_user_agent_size: usize,
    /// The most purposes of consent, 1000 at most
    #[arg(
        long,
        env = "FOOTFALL_MAX_PURPOSES",
        value_name = "COUNT",
        default_value_t = 64
    )]
    pub max_purposes: usize,
    /// The longest state, source or purpose of consent
    #[arg(long, env = "FOOTFALL_MAX_CONSENT_SIZE", value_name = "SIZE", value_parser = size, default_value = "128")]
    pub max_consent_size: usize,
    /// More referrers, a line each: host, medium, name and search parameters between tabs; they stand above the built-in ones
    #[arg(long, env = "FOOTFALL_REFERRERS", value_name = "FILE")]
    pub referrers: Option<PathBuf>,
    /// A database in the MaxMind DB format that says where addresses are; it is read again when it changes
    #[arg(long, env = "FOOTFALL_GEOIP_DB", value_name = "FILE")]
    pub geoip_db: Option<PathBuf>,
    /// How many user agents each partition's task remembers
    #[arg(
        long,
        env = "FOOTFALL_USER_AGENT_CACHE",
        value_name = "COUNT",
        default_value_t = 10_000
    )]
    pub user_agent_cache: usize,
    /// The longest that an event may say it waited between createdDate and sentDate
    #[arg(long, env = "FOOTFALL_MAX_EVENT_AGE", value_parser = duration, default_value = "720h")]
    pub max_event_age: Duration,
    /// The oldest createdDate that is believed of an event without sentDate
    #[arg(long, env = "FOOTFALL_MAX_UNSENT_EVENT_AGE", value_parser = duration, default_value = "1h")]
    pub max_unsent_event_age: Duration,
}

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// No key at all.
    #[error(
        "name the keys that visitors' ids are made with by --visitor-keys-file FILE (or --development-visitor-key for a demo)"
    )]
    NoKeys,
    /// Two answers to one question.
    #[error("--visitor-keys-file and --development-visitor-key exclude each other")]
    TwoKeys,
    /// The file cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no keys file.
    #[error("the visitor keys in {file} cannot be used")]
    Keys {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The file of referrers cannot be used.
    #[error("the referrers in {file} cannot be used")]
    Referrers {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: BadLine,
    },
    /// A limit beyond what a record may have.
    #[error("--{option} is {value}, at most {most} is possible")]
    TooHigh {
        /// Which option.
        option: &'static str,
        /// What was asked for.
        value: usize,
        /// What is possible.
        most: usize,
    },
}

/// So large an event makes a record of less than the 256 KiB that an output may have.
const MOST_EVENT_BYTES: usize = 64 * 1024;

impl TryFrom<Args> for Config {
    type Error = ArgsError;

    fn try_from(args: Args) -> Result<Config, ArgsError> {
        let visitor_keys = match (&args.visitor_keys_file, args.development_visitor_key) {
            (None, false) => return Err(ArgsError::NoKeys),
            (Some(_), true) => return Err(ArgsError::TwoKeys),
            (None, true) => VisitorKeys::development(),
            (Some(file), false) => read_keys(file)?,
        };
        for (option, value, most) in [
            ("max-event-size", args.max_event_size, MOST_EVENT_BYTES),
            ("max-attributes", args.max_attributes, MOST_ATTRIBUTES),
            ("max-purposes", args.max_purposes, MOST_TEXTS),
        ] {
            if value > most {
                return Err(ArgsError::TooHigh {
                    option,
                    value,
                    most,
                });
            }
        }
        let limits = Limits {
            event_bytes: args.max_event_size,
            url_bytes: args.max_url_size,
            attributes: args.max_attributes,
            name_bytes: args.max_name_size,
            value_bytes: args.max_value_size,
            id_bytes: args.max_id_size,
            text_bytes: args.max_text_size,
            deployment_id_bytes: args.max_deployment_id_size,
            user_agent_bytes: args.max_user_agent_size,
            purposes: args.max_purposes,
            consent_bytes: args.max_consent_size,
        };
        let referrers = match &args.referrers {
            None => Arc::default(),
            Some(file) => Arc::new(read_referrers(file)?),
        };
        let unknown_deployments = args.unknown_deployments;
        Ok(Config {
            limits,
            visitor_keys,
            unknown_deployments,
            user_agents: args.user_agent_cache,
            referrers,
            geo: None,
            believed: Believed {
                sent: args.max_event_age.into(),
                unsent: args.max_unsent_event_age.into(),
            },
        })
    }
}

fn read_text(file: &PathBuf) -> Result<String, ArgsError> {
    std::fs::read_to_string(file).map_err(|source| ArgsError::Read {
        file: file.clone(),
        source,
    })
}

fn read_referrers(file: &PathBuf) -> Result<Referrers, ArgsError> {
    Referrers::with(&read_text(file)?).map_err(|source| ArgsError::Referrers {
        file: file.clone(),
        source,
    })
}

fn read_keys(file: &PathBuf) -> Result<VisitorKeys, ArgsError> {
    let text = read_text(file)?;
    VisitorKeys::from_json(&text).map_err(|source| ArgsError::Keys {
        file: file.clone(),
        source,
    })
}

/// `2048`, `32KiB`, `1MiB`.
fn size(text: &str) -> Result<usize, String> {
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return Err("a size is written 2048, 32KiB or 1MiB".to_owned()),
    };
    let number: usize = digits
        .parse()
        .map_err(|_| "a size begins with a number".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "the size is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use journey::Millis;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        ingest: Args,
    }

    fn config(arguments: &[&str]) -> Result<Config, ArgsError> {
        let typed = Program::try_parse_from([&["ingest"], arguments].concat())
            .expect("arguments that parse");
        Config::try_from(typed.ingest)
    }

    #[test]
    fn the_defaults_are_the_designs_limits() {
        let config = config(&["--development-visitor-key"]).expect("valid");
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.unknown_deployments, UnknownDeployments::Refuse);
        let same = Config::new(VisitorKeys::development(), UnknownDeployments::Refuse);
        assert_eq!(config.user_agents, same.user_agents);
        assert_eq!(config.believed, same.believed);
    }

    #[test]
    fn every_limit_is_an_option() {
        let config = config(&[
            "--development-visitor-key",
            "--unknown-deployments=accept",
            "--max-event-size=8KiB",
            "--max-url-size=100",
            "--max-attributes=1",
            "--max-name-size=2",
            "--max-value-size=3",
            "--max-id-size=4",
            "--max-text-size=5",
            "--user-agent-cache=6",
            "--max-deployment-id-size=9",
            "--max-user-agent-size=10",
            "--max-purposes=11",
            "--max-consent-size=12",
            "--max-event-age=7s",
            "--max-unsent-event-age=8s",
        ])
        .expect("valid");
        let limits = Limits {
            event_bytes: 8192,
            url_bytes: 100,
            attributes: 1,
            name_bytes: 2,
            value_bytes: 3,
            id_bytes: 4,
            text_bytes: 5,
            deployment_id_bytes: 9,
            user_agent_bytes: 10,
            purposes: 11,
            consent_bytes: 12,
        };
        assert_eq!((config.limits, config.user_agents), (limits, 6));
        let believed = [config.believed.sent, config.believed.unsent];
        assert_eq!(believed.map(Millis::as_secs), [7, 8]);
        assert_eq!(config.unknown_deployments, UnknownDeployments::Accept);
    }

    #[test]
    fn what_cannot_work_is_said_in_words() {
        let says = |arguments: &[&str], words: &str| {
            let error = config(arguments).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        };
        says(&[], "--visitor-keys-file FILE");
        says(
            &["--development-visitor-key", "--visitor-keys-file=x"],
            "exclude each other",
        );
        says(
            &["--visitor-keys-file=/no/such/file"],
            "cannot read /no/such/file",
        );
        says(
            &["--development-visitor-key", "--max-attributes=1001"],
            "--max-attributes is 1001, at most 1000",
        );
        says(
            &["--development-visitor-key", "--max-event-size=1MiB"],
            "at most 65536",
        );
        assert!(Program::try_parse_from(["ingest", "--max-event-size=1GB"]).is_err());
    }
}
