//! Real traffic goes through whole: nothing refused, no time changed, nothing taken for personal data that is none.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use flate2::read::GzDecoder;
use ingest::{Config, UnknownDeployments, VisitorKeys};
use journey::Timestamp;

use crate::{at, decode_at, stage_with};

const FILE: &str = "../../shared/data/semicomplete-2015.web-events.jsonl.gz";

/// The file's lines, if it is there.
fn lines() -> Option<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let file = File::open(&path).ok()?;
    let mut text = String::new();
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("gzip");
    Some(text.lines().map(str::to_owned).collect())
}

#[test]
fn real_traffic_passes_whole_with_its_own_times() {
    let Some(lines) = lines() else {
        println!("skipped: {FILE} is not there");
        return;
    };
    let mut ingest = stage_with(
        0,
        Config::new(VisitorKeys::development(), UnknownDeployments::Accept),
    );
    let mut received_at = Timestamp::MIN;
    let (mut bots, mut media, mut stand_ins) = (0, BTreeMap::<String, u32>::new(), Vec::new());
    for line in &lines {
        let raw: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let created = at(raw["createdDate"].as_str().expect("a date"));
        received_at = received_at.max(created);
        let accepted = decode_at(&mut ingest, line.as_bytes(), received_at)
            .unwrap_or_else(|e| panic!("{line}: {e:?}"));
        let event = &accepted.event;
        assert_eq!(event.occurred_at, created);
        assert!(!event.time_corrected);
        bots += u32::from(event.bot);
        let activity = event.web_event.as_ref().expect("a web event");
        let urls = [
            Some(&activity.page.url),
            activity.referrer.as_ref().map(|referrer| &referrer.url),
        ];
        stand_ins.extend(
            urls.into_iter()
                .flatten()
                .filter(|url| url.contains('['))
                .map(|url| url.to_string()),
        );
        if let Some(referrer) = &activity.referrer {
            *media.entry(referrer.medium.to_string()).or_default() += 1;
        }
    }
    assert_eq!(lines.len(), 4107);
    assert_eq!(stand_ins, Vec::<String>::new(), "false alarms");
    assert!((1800..2400).contains(&bots), "{bots} robots");
    assert_eq!(media.values().sum::<u32>(), 1503);
    println!("{bots} robots, referrers {media:?}");
}
