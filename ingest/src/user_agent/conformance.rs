//! uap-core's own cases (`vendor/uap-core/cases.tsv.gz`), read as `ingest` reads them.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

const CASES: &[u8] = include_bytes!("../../vendor/uap-core/cases.tsv.gz");

/// What a case expects, with nothing for what is not known.
fn known(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && *text != "Other")
}

/// What is read of a user agent, in a case's own columns.
fn read(kind: &str, user_agent: &str) -> [Option<String>; 3] {
    let agent = parse(user_agent);
    let text = |text: Option<&Text>| text.map(|text| text.to_string());
    let device = agent.device.expect("a device");
    match kind {
        "browser" => {
            let browser = agent.browser.as_ref();
            let version = browser.and_then(|browser| browser.version.as_ref());
            [
                text(browser.map(|browser| &browser.family)),
                text(version),
                None,
            ]
        }
        "system" => [
            text(device.os_family.as_ref()),
            text(device.os_version.as_ref()),
            None,
        ],
        _ => [
            None,
            text(device.manufacturer.as_ref()),
            text(device.kind.as_ref()),
        ],
    }
}

#[test]
fn every_case_of_uap_core_is_read_as_it_says() {
    let mut text = String::new();
    let mut unpacked = GzDecoder::new(CASES);
    unpacked.read_to_string(&mut text).expect("gzip of UTF-8");
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.splitn(5, '\t').collect();
        let [kind, family, second, model, user_agent] = columns[..] else {
            panic!("{line}")
        };
        let expected = match kind {
            "device" => [None, known(second), known(model).or(known(family))],
            _ => [
                known(family),
                Some(second).filter(|text| !text.is_empty()),
                None,
            ],
        };
        let got = read(kind, user_agent);
        let got = got.each_ref().map(|text| text.as_deref());
        cases += 1;
        if got != expected {
            wrong.push(format!("{got:?} for {line}"));
        }
    }
    assert!(cases > 31_000, "{cases} cases");
    assert_eq!(wrong, Vec::<String>::new());
}
