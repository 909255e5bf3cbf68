//! `footfall generate`: the simulated shop's web events as JSON lines.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use journey::{Millis, Timestamp};

use crate::{
    shop::{Rates, Shop, ShopConfig, Tally},
    target_file::TargetFile,
};

/// Simulated traffic of a web shop, as JSON lines in order of sending: visitors who browse, search, linger, sleep and
/// return, robots, and events out of order, doubled, late and broken. The same options give the same bytes.
///
/// Clocks are right here: who reads a file has no other time of sending than what the events say.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many visitors.
    #[arg(long, env = "FOOTFALL_VISITORS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub visitors: u32,
    /// For how many hours new visits start.
    #[arg(long, env = "FOOTFALL_HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=24 * 366))]
    pub hours: u32,
    /// Another seed gives other visitors.
    #[arg(long, env = "FOOTFALL_SEED", default_value_t = 1)]
    pub seed: u64,
    /// When the first visitor may come, RFC 3339.
    #[arg(long, env = "FOOTFALL_START", default_value = "2026-11-23T00:00:00Z", value_parser = parse_time)]
    pub start: Timestamp,
    /// Full of merges, late events, duplicates and visitors who return at exactly the visit timeout.
    #[arg(long, env = "FOOTFALL_BITING")]
    pub biting: bool,
    /// Where to write; gzip if the name ends in .gz. Standard output if absent.
    #[arg(long, env = "FOOTFALL_OUT", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| format!("{text:?} is not an RFC 3339 time such as 2026-11-23T00:00:00Z"))
}

impl Args {
    /// The shop that the options describe.
    pub fn shop_config(&self) -> ShopConfig {
        let duration = Millis::from_mins(i64::from(self.hours) * 60);
        let plausible = ShopConfig::plausible(self.seed, self.visitors, self.start, duration);
        let biting = ShopConfig::biting(self.seed, self.visitors);
        let config = if self.biting {
            ShopConfig {
                start: self.start,
                duration,
                ..biting
            }
        } else {
            plausible
        };
        ShopConfig {
            rates: Rates {
                skewed: 0.0,
                ..config.rates
            },
            ..config
        }
    }
}

/// Writes the events and says on standard error how many of what there are.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let tally = match &args.out {
        None => write_events(args.shop_config(), BufWriter::new(io::stdout().lock())),
        Some(path) => write_file(args.shop_config(), path),
    };
    match tally {
        Ok(tally) => crate::say(tally.to_string().trim_end()),
        // Who reads only the first lines has what was asked for.
        Err(error) if is_broken_pipe(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn write_file(config: ShopConfig, path: &Path) -> anyhow::Result<Tally> {
    let mut file = TargetFile::create(path)?;
    let tally = write_events(config, &mut file)?;
    file.finish()?;
    Ok(tally)
}

fn write_events(config: ShopConfig, mut out: impl Write) -> anyhow::Result<Tally> {
    let mut shop = Shop::new(config);
    for sent in &mut shop {
        out.write_all(sent.json.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(shop.tally().clone())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn lines(options: &[&str]) -> Vec<u8> {
        let cli = Cli::try_parse_from([&["generate"], options].concat()).expect("valid options");
        let mut out = Vec::new();
        write_events(cli.args.shop_config(), &mut out).expect("memory takes everything");
        out
    }

    #[test]
    fn the_same_options_give_the_same_bytes() {
        let once = lines(&["--visitors", "50", "--seed", "3"]);
        assert!(once == lines(&["--visitors", "50", "--seed", "3"]));
        assert!(once != lines(&["--visitors", "50", "--seed", "4"]));
    }

    #[test]
    fn one_event_is_one_line_even_when_broken() {
        let config = Cli::parse_from(["generate", "--visitors", "300", "--biting"])
            .args
            .shop_config();
        let text = String::from_utf8(lines(&["--visitors", "300", "--biting"])).expect("UTF-8");
        assert_eq!(text.lines().count(), Shop::new(config).count());
    }

    /// A loader knows no time of sending but what the events say: the greatest so far is a record's receive time.
    #[test]
    fn a_loader_of_the_file_finds_the_true_times() {
        let config = Cli::parse_from(["generate", "--visitors", "800", "--biting"])
            .args
            .shop_config();
        let mut received_at = Timestamp::MIN;
        for sent in Shop::new(config) {
            let Ok(json) = serde_json::from_str::<serde_json::Value>(&sent.json) else {
                continue;
            };
            let date = |name: &str| json[name].as_str().and_then(Timestamp::parse);
            let created = date("createdDate").expect("always there");
            received_at = received_at.max(date("sentDate").unwrap_or(created));
            let occurred_at =
                date("sentDate").map_or(created, |sent| received_at - (sent - created));
            assert_eq!(Some(occurred_at), sent.truth.map(|truth| truth.occurred_at));
            assert!(
                received_at <= sent.send_at && received_at - created <= Millis::from_mins(60)
                    || json["sentDate"].is_string()
            );
        }
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        assert!(Cli::try_parse_from(["generate", "--start", "yesterday"]).is_err());
    }
}
