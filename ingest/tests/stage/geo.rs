//! Where a visitor is, and what is left of the address.

use std::{fs, path::PathBuf, sync::Arc};

use ingest::{
    Config, UnknownDeployments, VisitorKeys,
    geo::{GeoDatabase, GeoFile},
};
use journey::web_event::{Activity, Geolocation};

use crate::{
    decode, event,
    mmdb::{database, place},
    stage_with,
};

fn munich(name: &'static str, city: &'static str) -> Vec<u8> {
    let place = |city| place(["DE", "Germany"], ["BY", "Bavaria"], city, "Europe/Berlin");
    database(
        name,
        &[
            ("203.0.113.0", 24, place(city)),
            ("2001:db8:1::", 48, place(city)),
        ],
    )
}

fn config(database: Arc<GeoDatabase>) -> Config {
    let mut config = Config::new(VisitorKeys::development(), UnknownDeployments::Refuse);
    config.geo = Some(database);
    config
}

fn activity(config: Config, members: &str) -> Activity {
    let accepted = decode(&mut stage_with(0, config), event(members).as_bytes()).expect("an event");
    accepted.event.web_event.expect("a web event")
}

#[test]
fn an_address_is_looked_up_and_dropped() {
    let known = Arc::new(GeoDatabase::new(munich("Test-City", "Munich")).expect("a database"));
    for address in ["203.0.113.77", "2001:db8:1:2:3::77", "::ffff:203.0.113.77"] {
        let members = format!(r#""ipAddress":"{address}""#);
        let found = activity(config(Arc::clone(&known)), &members);
        let text = |text: &str| Some(journey::Text::from(text));
        let expected = Geolocation {
            country: text("DE"),
            country_name: text("Germany"),
            region: text("DE-BY"),
            region_name: text("Bavaria"),
            locality: text("Munich"),
            postal_code: None,
            timezone: text("Europe/Berlin"),
            source: text("Test-City"),
        };
        assert_eq!(found.geolocation, Some(expected), "{address}");
        assert!(!format!("{found:?}").contains("77"), "{address}");
    }
    for nowhere in [r#""192.0.2.1""#, r#""x""#, "7", "null"] {
        let members = format!(r#""ipAddress":{nowhere}"#);
        assert_eq!(
            activity(config(Arc::clone(&known)), &members).geolocation,
            None
        );
    }
}

#[test]
fn the_network_is_kept_where_the_deployment_says_so() {
    let known = Arc::new(GeoDatabase::new(munich("Test-City", "Munich")).expect("a database"));
    let members = r#""deploymentId":"known","ipAddress":"203.0.113.77""#;
    let kept = activity(config(known), members).attributes;
    let kept: Vec<_> = kept
        .iter()
        .map(|(name, a)| format!("{name}={}", a.value))
        .collect();
    assert_eq!(kept, ["ipAddress=203.0.113.0"]);
}

#[test]
fn a_database_is_read_again_when_it_changes_and_kept_when_the_new_one_is_none() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("changing.mmdb");
    fs::write(&path, munich("Test-City", "Munich")).expect("written");
    let mut file = GeoFile::open(path.clone()).expect("a database");
    let city = |file: &GeoFile| {
        let found = activity(config(file.database()), r#""ipAddress":"203.0.113.77""#).geolocation;
        found
            .and_then(|place| place.locality)
            .map(|city| city.to_string())
    };
    assert!(!file.reload_if_changed().expect("unchanged"));
    fs::write(&path, munich("Test-City", "Nuremberg")).expect("written");
    assert!(file.reload_if_changed().expect("changed"));
    assert_eq!(city(&file).as_deref(), Some("Nuremberg"));
    fs::write(&path, "no database").expect("written");
    assert!(file.reload_if_changed().is_err());
    assert_eq!(city(&file).as_deref(), Some("Nuremberg"));
    assert!(GeoFile::open(path).is_err());
}
