use super::*;
use crate::definitions::CALLING_CODES;

fn definitions(json: &str) -> Vec<Definition> {
    serde_json::from_str(json).expect("definitions")
}

/// Each mistake as `path: a part of what is said`, in order.
fn check(json: &str, expected: &[(&str, &str)]) {
    let found = validate(&definitions(json));
    let paths: Vec<_> = found.iter().map(|mistake| mistake.path.as_str()).collect();
    assert_eq!(
        paths,
        expected.iter().map(|(path, _)| *path).collect::<Vec<_>>(),
        "{json} gave {found:#?}"
    );
    for (mistake, (_, what)) in found.iter().zip(expected) {
        assert!(
            mistake.what.contains(what),
            "{mistake:?} should say {what:?}"
        );
    }
}

/// What every deployment must say.
const OWNED: &str = r#""owner":"o","purpose":"p","contact":"c@shop.example""#;

fn deployment(rest: &str) -> String {
    format!(r#"[{{"kind":"deployment","id":"d",{OWNED},{rest}}}]"#)
}

fn segment(rest: &str) -> String {
    format!(r#"[{{"kind":"segment","id":"s","displayName":"S",{rest}}}]"#)
}

fn pattern(pattern: &str) -> String {
    segment(&format!(r#""journey":{{"patterns":[{pattern}]}}"#))
}

fn action_map(rest: &str) -> String {
    format!(
        r#"[{{"kind":"actionMap","id":"m","displayName":"M","action":{{"mediaType":"webMessagingOffer"}},
             "triggerWithEventConditions":[{{"key":"page.url","operator":"containsAny","values":["a"]}}]{rest}}}]"#
    )
}

#[test]
fn what_is_right_has_no_mistake() {
    check(
        &pattern(
            r#"{"criteria":[{"key":"page.url","values":["pricing"],"operator":"containsAny"}],"dwellSeconds":300}"#,
        ),
        &[],
    );
    check(
        &pattern(
            r#"{"eventName":"bought","criteria":[{"key":"attributes.price.value","values":["10"],"operator":"greaterThan"}]}"#,
        ),
        &[],
    );
    check(
        &segment(
            r##""color":"#2F6fde","context":{"patterns":[{"criteria":[{"key":"device.category","values":["mobile"],"operator":"equal"}]}]}"##,
        ),
        &[],
    );
    check(
        &action_map(
            r#","weight":3,"startDate":"2026-11-23T14:00:00Z","endDate":"2027-01-01T00:00:00+01:00""#,
        ),
        &[],
    );
    check(&deployment(r#""visitTimeoutMinutes":30"#), &[]);
}

#[test]
fn a_key_is_one_that_is_collected_and_stands_where_it_belongs() {
    let criterion = |key: &str| {
        pattern(&format!(
            r#"{{"criteria":[{{"key":"{key}","values":["a"],"operator":"equal"}}]}}"#
        ))
    };
    let at = "segment/s.journey.patterns[0].criteria[0].key";
    check(&criterion("page.colour"), &[(at, "page.pathname")]);
    check(&criterion("device.category"), &[(at, "context.patterns")]);
    check(
        &criterion("attributes.9lives.value"),
        &[(at, "attributes.<name>.value")],
    );
    let context = r#""context":{"patterns":[{"criteria":[{"key":"page.url","values":["a"],"operator":"equal"}]}]}"#;
    check(
        &segment(context),
        &[(
            "segment/s.context.patterns[0].criteria[0].key",
            "journey.patterns",
        )],
    );
}

#[test]
fn values_fit_their_operator() {
    let values = |operator: &str, values: &str| {
        pattern(&format!(
            r#"{{"criteria":[{{"key":"page.url","values":{values},"operator":"{operator}"}}]}}"#
        ))
    };
    let at = "segment/s.journey.patterns[0].criteria[0].values";
    check(
        &values("greaterThan", r#"["1","2"]"#),
        &[(at, "exactly one number")],
    );
    check(
        &values("lessThan", r#"["many"]"#),
        &[(at, "exactly one number")],
    );
    check(&values("equal", "[]"), &[(at, "at least one")]);
    check(
        &values("containsAny", r#"["a",""]"#),
        &[(&format!("{at}[1]"), "empty")],
    );
}

#[test]
fn a_pattern_can_be_met() {
    let at = "segment/s.journey.patterns[0]";
    check(
        &segment(r#""isActive":true"#),
        &[("segment/s", "no pattern")],
    );
    check(&pattern("{}"), &[(at, "every event")]);
    check(
        &pattern(r#"{"eventName":"a","count":0}"#),
        &[(&format!("{at}.count"), "1 to")],
    );
    check(
        &pattern(r#"{"eventName":"ping"}"#),
        &[(&format!("{at}.eventName"), "presence")],
    );
    check(
        &pattern(r#"{"eventName":"a","streamType":"App"}"#),
        &[(&format!("{at}.streamType"), "Web")],
    );
    check(
        &pattern(r#"{"eventName":"a","dwellSeconds":0}"#),
        &[(&format!("{at}.dwellSeconds"), "1 to")],
    );
    check(
        &pattern(r#"{"eventName":"a","presence":true}"#),
        &[(&format!("{at}.presence"), "dwellSeconds")],
    );
}

#[test]
fn what_this_release_does_not_do_is_refused_in_words() {
    let event = r#""journey":{"patterns":[{"eventName":"a"}]}"#;
    check(
        &segment(&format!(r#""scope":"Customer",{event}"#)),
        &[("segment/s.scope", "Session")],
    );
    check(
        &segment(&format!(r#""assignmentExpirationDays":3,{event}"#)),
        &[("segment/s.assignmentExpirationDays", "remove")],
    );
    check(
        &action_map(r#","activation":{"type":"delay","delayInSeconds":3}"#),
        &[("actionMap/m.activation.type", "immediate")],
    );
}

#[test]
fn references_meet() {
    let map = |segments: &str, action: &str| {
        format!(
            r#"[{{"kind":"actionMap","id":"m","displayName":"M","triggerWithSegments":{segments},
                 "action":{{"mediaType":"x"{action}}}}},
                {{"kind":"segment","id":"s","displayName":"S","journey":{{"patterns":[{{"eventName":"a"}}]}}}},
                {{"kind":"routePath","id":"r","queueId":"q","mediaType":"message","timeZone":"Europe/London"}}]"#
        )
    };
    check(&map(r#"["s"]"#, r#","routePathId":"r""#), &[]);
    check(
        &map(r#"["s","t"]"#, ""),
        &[("actionMap/m.triggerWithSegments[1]", "no segment \"t\"")],
    );
    check(
        &map(r#"["s"]"#, r#","routePathId":"q""#),
        &[("actionMap/m.action.routePathId", "no route path \"q\"")],
    );
    check(&map("[]", ""), &[("actionMap/m", "no trigger")]);
    let class = r#"[{"kind":"pageClass","id":"c","deploymentId":"shop","patterns":["a/*"],"class":"no_offer"}]"#;
    check(
        class,
        &[("pageClass/c.deploymentId", "no deployment \"shop\"")],
    );
}

#[test]
fn numbers_and_dates_are_within_their_bounds() {
    check(
        &action_map(r#","weight":4"#),
        &[("actionMap/m.weight", "1 (low)")],
    );
    check(
        &action_map(r#","offerLifeSeconds":0"#),
        &[("actionMap/m.offerLifeSeconds", "5 to")],
    );
    check(
        &action_map(r#","startDate":"tomorrow""#),
        &[("actionMap/m.startDate", "2026-11-23T14:00:00Z")],
    );
    check(
        &action_map(r#","startDate":"2027-01-01T00:00:00Z","endDate":"2026-01-01T00:00:00Z""#),
        &[("actionMap/m.endDate", "after")],
    );
    check(
        &deployment(r#""visitTimeoutMinutes":121"#),
        &[("deployment/d.visitTimeoutMinutes", "1 to 120")],
    );
    check(
        &deployment(r#""awaySeconds":10"#),
        &[("deployment/d.awaySeconds", "idleSeconds")],
    );
    check(
        &deployment(r#""maxVisitEvents":0"#),
        &[("deployment/d.maxVisitEvents", "1 to")],
    );
    check(
        &deployment(r#""botRateEvents":-1,"botRateSeconds":0"#),
        &[
            ("deployment/d.botRateEvents", "0 (no such rule)"),
            ("deployment/d.botRateSeconds", "visit timeout"),
        ],
    );
    let color = r##""color":"blue","journey":{"patterns":[{"eventName":"a"}]}"##;
    check(&segment(color), &[("segment/s.color", "#2f6fde")]);
    let route =
        r#"[{"kind":"routePath","id":"r","queueId":"q","mediaType":"m","timeZone":"London"}]"#;
    check(route, &[("routePath/r.timeZone", "Europe/London")]);
}

#[test]
fn ids_are_unique_and_fit_a_topic_key() {
    let twice = r#"[{"kind":"scheduleGroup","id":"d"},{"kind":"scheduleGroup","id":"d"}]"#;
    check(twice, &[("scheduleGroup/d.id", "twice")]);
    check(
        r#"[{"kind":"scheduleGroup","id":"a/b"}]"#,
        &[("scheduleGroup/a/b.id", "without '/'")],
    );
    check(
        r#"[{"kind":"scheduleGroup","id":""}]"#,
        &[("scheduleGroup/.id", "1 to 128")],
    );
    check(
        r#"[{"kind":"scheduleGroup","id":"a","anything":{"b":1}}]"#,
        &[],
    );
}

#[test]
fn somebody_answers_for_every_deployment() {
    check(
        r#"[{"kind":"deployment","id":"d","owner":" ","purpose":"p"}]"#,
        &[
            ("deployment/d.owner", "who answers"),
            ("deployment/d.contact", "is reached"),
        ],
    );
}

#[test]
fn what_a_deployment_takes_can_be_read() {
    check(
        &deployment(
            r#""allowedOrigins":["https://shop.example","*.shop.example:8443"],"excludedIpAddresses":["192.0.2.0/24","::1"],
               "eventsPerSecond":500,"eventBurst":2000,"visitorEventsPerSecond":0.5"#,
        ),
        &[],
    );
    check(
        &deployment(r#""allowedOrigins":["https://shop.example/x"]"#),
        &[("deployment/d.allowedOrigins[0]", "more than an origin")],
    );
    check(
        &deployment(r#""excludedIpAddresses":["192.0.2.0/33"]"#),
        &[("deployment/d.excludedIpAddresses[0]", "192.0.2.0/24")],
    );
    check(
        &deployment(r#""eventsPerSecond":0,"eventBurst":0"#),
        &[
            ("deployment/d.eventsPerSecond", "0.001 to"),
            ("deployment/d.eventBurst", "1 to"),
        ],
    );
    check(
        &deployment(r#""visitorEventBurst":5"#),
        &[(
            "deployment/d.visitorEventBurst",
            "without visitorEventsPerSecond",
        )],
    );
}

#[test]
fn what_each_use_needs_is_named_or_refused() {
    check(
        &deployment(
            r#""consent":{"purposes":{"visits":["1",""],"personalisation":["3"," "],"staffing":[]}}"#,
        ),
        &[
            ("deployment/d.consent.purposes.visits[1]", "empty"),
            ("deployment/d.consent.purposes.personalisation[1]", "empty"),
        ],
    );
    let consent = |purposes: &str| {
        let json = deployment(&format!(r#""consent":{{"purposes":{purposes}}}"#));
        serde_json::from_str::<Vec<Definition>>(&json)
    };
    let read = |purposes: &str| consent(purposes).expect("definitions");
    assert_eq!(read(r#"["1"]"#), read(r#"{"visits":["1"]}"#));
    assert_eq!(
        read(r#"{"personalization":["3"]}"#),
        read(r#"{"personalisation":["3"]}"#)
    );
    let written = serde_json::to_string(&read(r#"{"contact":[]}"#)).expect("JSON");
    assert!(
        written.contains(r#""purposes":{"visits":[],"contact":[]}"#),
        "{written}"
    );
    for (purposes, said) in [
        (r#"{"marketing":["3"]}"#, "unknown field `marketing`"),
        (r#""visits""#, "a list of purposes that visits need"),
    ] {
        let error = consent(purposes).expect_err(purposes).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_page_pattern_that_can_never_be_met_is_a_mistake() {
    let class = |pattern: &str| {
        format!(r#"[{{"kind":"pageClass","id":"c","patterns":["{pattern}"],"class":"block"}}]"#)
    };
    check(&class("größe.example:8080/*"), &[]);
    check(
        &class("https://shop.example/x"),
        &[("pageClass/c.patterns[0]", "without a scheme")],
    );
    check(
        &class("shop.example/#/cart"),
        &[("pageClass/c.patterns[0]", "fragment")],
    );
}

#[test]
fn a_deployments_id_is_one_that_an_event_can_name() {
    for id in ["my shop", "größe"] {
        let json = deployment(r#""consent":{"mode":"implied"}"#);
        let json = json.replace(r#""id":"d""#, &format!(r#""id":"{id}""#));
        let path = format!("deployment/{id}.id");
        check(&json, &[(&path, "without spaces")]);
    }
}

#[test]
fn a_default_country_is_one_whose_numbers_are_known() {
    assert!(CALLING_CODES.is_sorted_by_key(|code| code.country));
    check(&deployment(r#""defaultCountry":"DE""#), &[]);
    for country in ["de", "XX", ""] {
        let json = deployment(&format!(r#""defaultCountry":"{country}""#));
        check(
            &json,
            &[("deployment/d.defaultCountry", "write one of AR, AT")],
        );
    }
}
