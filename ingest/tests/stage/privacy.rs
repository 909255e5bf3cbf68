//! Consent, control records, traits and what must not be found in `web.events`.

use ingest::{Accepted, VisitorKeys};
use journey::Text;
use pipeline::Refusal;

use crate::{decode, event, outcome, stage};

fn accepted(members: &str) -> Accepted {
    *decode(&mut stage(0), event(members).as_bytes())
        .unwrap_or_else(|refusal| panic!("{members}: {refusal:?}"))
}

#[test]
fn consent_comes_before_everything_else_that_may_be_wrong() {
    for wrong in [
        r#""eventName":5"#,
        r#""page":null"#,
        r#""createdDate":"x""#,
        r#""customerCookieId":null"#,
    ] {
        let denied = event(&format!(r#"{wrong},"consent":{{"state":"denied"}}"#));
        assert_eq!(
            decode(&mut stage(0), denied.as_bytes()),
            Err(Refusal::Suppressed("consent_denied")),
            "{wrong}"
        );
    }
    let long = format!("https://shop.example/health/x?y={}", "z".repeat(3_000));
    for url in ["https://shop.example/health/x", &long] {
        let blocked = event(&format!(r#""eventName":5,"page":{{"url":"{url}"}}"#));
        assert_eq!(outcome(&mut stage(0), blocked.as_bytes()), "page_blocked");
    }
}

#[test]
fn the_consent_that_counts_travels_on_the_event() {
    let granted = r#""deploymentId":"strict","consent":
        {"state":"granted","purposes":["visits","staffing"],"source":"tcf","updatedDate":"2026-11-01T00:00:00Z"}"#;
    let consent = accepted(granted).event.consent;
    assert_eq!(
        (&*consent.state, consent.source.as_deref()),
        ("granted", Some("tcf"))
    );
    assert_eq!(
        consent
            .purposes
            .iter()
            .map(|p| p.as_str())
            .collect::<Vec<_>>(),
        ["visits", "staffing"]
    );
    assert_eq!(
        consent.updated_date,
        Some(crate::at("2026-11-01T00:00:00Z"))
    );
}

#[test]
fn a_site_s_own_purposes_decide_what_its_events_are_for() {
    let said = |state: &str, purposes: &str| {
        format!(
            r#""deploymentId":"tcf","consent":{{"state":"{state}","purposes":[{purposes}]}},
               "attributes":{{"CustomerEmail":{{"value":"a@b.example","dataType":"string"}}}}"#
        )
    };
    let for_all = accepted(&said("granted", r#""1","3","4","10""#));
    assert_eq!(
        for_all.event.consent.purposes[..3],
        ["visits", "personalisation", "contact"].map(Text::from)
    );
    assert_eq!(for_all.traits.len(), 1);
    let no_contact = accepted(&said("granted", r#""1","contact""#));
    assert_eq!(
        no_contact.event.consent.purposes,
        ["visits", "1"].map(Text::from)
    );
    assert!(no_contact.traits.is_empty());
    let withdrawn = accepted(&said("withdrawn", r#""10""#));
    let control = withdrawn.event.control.expect("a control record");
    assert_eq!(control.purposes, ["contact", "10"].map(Text::from));
    assert_eq!(withdrawn.forgotten, ["email"].map(Text::from));
    let refused = event(&said("granted", r#""3","4""#));
    assert_eq!(
        outcome(&mut stage(0), refused.as_bytes()),
        "consent_purpose"
    );
}

#[test]
fn a_withdrawal_becomes_a_control_record_and_takes_the_traits_along() {
    let withdrawn = accepted(
        r#""consent":{"state":"withdrawn"},"page":null,"createdDate":null,"eventName":null"#,
    );
    assert_eq!(withdrawn.event.kind, "control");
    assert_eq!(
        withdrawn.event.customer_id,
        VisitorKeys::development().customer_id("shop", "c1")
    );
    assert!(withdrawn.event.web_event.is_none());
    assert_eq!(
        withdrawn.event.control.expect("a control record").action,
        "consent_withdrawn"
    );
    assert_eq!(
        withdrawn
            .forgotten
            .iter()
            .map(|t| t.as_str())
            .collect::<Vec<_>>(),
        ["email", "givenName"]
    );
}

#[test]
fn a_withdrawal_is_believed_whatever_else_is_wrong_with_its_event() {
    // Byte by byte: a member may stand there twice.
    let withdrawal = |members: &str| format!(r#"{{{members},"consent":{{"state":"withdrawn"}}}}"#);
    let long = format!(r#""eventId":"{}""#, "x".repeat(300));
    for wrong in [
        r#""customerId":"4711""#,
        r#""customerId":5"#,
        r#""createdDate":1795442400000"#,
        r#""sentDate":"now""#,
        r#""gpc":true,"gpc":true"#,
        r#""consent":{"state":"withdrawn"}"#,
        &long,
    ] {
        let event = withdrawal(&format!(
            r#""deploymentId":"shop","customerCookieId":"c1",{wrong}"#
        ));
        let withdrawn = decode(&mut stage(0), event.as_bytes()).expect(wrong);
        assert_eq!(
            withdrawn.event.customer_id,
            VisitorKeys::development().customer_id("shop", "c1"),
            "{wrong}"
        );
        assert!(withdrawn.event.control.is_some(), "{wrong}");
    }
    for unclear in [
        r#""customerCookieId":"c1","customerCookieId":"c2""#,
        r#""customerCookieId":"c1","customerCookieId":"c2","gpc":true,"gpc":true"#,
        r#""gpc":true,"customerCookieId":"c1","gpc":true,"customerCookieId":"c2","createdDate":1,"createdDate":1"#,
        r#""customerId":"4711""#,
    ] {
        let event = withdrawal(&format!(r#""deploymentId":"shop",{unclear}"#));
        assert!(matches!(
            decode(&mut stage(0), event.as_bytes()),
            Err(Refusal::Rejected(_))
        ));
    }
}

#[test]
fn what_is_joined_to_no_person_takes_no_trait_and_no_address_to_reply_to() {
    let on = |path: &str| {
        accepted(&format!(
            r#""page":{{"url":"https://shop.example/{path}"}},"replyTo":"kiosk-7",
               "attributes":{{"CustomerEmail":{{"value":"a@b.example","dataType":"string"}}}}"#
        ))
    };
    for (path, joined) in [
        ("advice/1", false),
        ("clinic/1", false),
        ("account/1", true),
    ] {
        let on = on(path);
        assert_eq!(on.traits.len(), usize::from(joined), "{path}");
        assert_eq!(on.event.reply_to.is_some(), joined, "{path}");
    }
}

#[test]
fn what_is_only_counted_is_not_told_by_the_next_pages_referrer() {
    let referrer = |path: &str| {
        let from = format!("https://shop.example/{path}?q=test");
        let next = accepted(&format!(r#""referrerUrl":"{from}""#));
        let activity = next.event.web_event.expect("a page");
        activity.referrer.expect("a referrer").url
    };
    assert_eq!(referrer("clinic/hiv"), "https://shop.example/");
    assert_eq!(referrer("health/hiv"), "https://shop.example/");
    assert_eq!(referrer("pricing"), "https://shop.example/pricing?q=test");
}

#[test]
fn neither_a_host_nor_a_device_nor_a_dead_letters_header_tells_an_address() {
    for agent in [
        "Mozilla/5.0 (Linux; Android 9; jane@example.com Build/PPR1.180610.011) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/80.0.3987.99 Mobile Safari/537.36",
        "jane@example.com/1.0 CFNetwork/1406 Darwin/22",
    ] {
        let read = accepted(&format!(r#""userAgentString":"{agent}""#));
        let told = format!("{:?}", read.event);
        assert!(told.contains("[email]"), "{told}");
        assert!(!told.contains("jane@"), "{told}");
    }
    for url in [
        "app://jane%40example.com/x",
        "https://4111111111111111.example/",
    ] {
        let told = format!(
            "{:?}",
            accepted(&format!(r#""page":{{"url":"{url}"}}"#)).event
        );
        let kept = ["jane", "4111111111111111"]
            .iter()
            .any(|part| told.contains(part));
        assert!(!kept, "{told}");
    }
    let strange = event(r#""deploymentId":"jane@example.com""#);
    let Err(Refusal::Rejected(rejection)) = decode(&mut stage(0), strange.as_bytes()) else {
        panic!("nobody's deployment is taken")
    };
    assert!(!format!("{rejection:?}").contains("jane"), "{rejection:?}");
}

#[test]
fn a_withdrawal_of_other_purposes_than_contact_leaves_the_traits() {
    let withdrawn = accepted(r#""consent":{"state":"withdrawn","purposes":["staffing"]}"#);
    let control = withdrawn.event.control.expect("a control record");
    assert_eq!(
        control
            .purposes
            .iter()
            .map(|p| p.as_str())
            .collect::<Vec<_>>(),
        ["staffing"]
    );
    assert!(withdrawn.forgotten.is_empty());
}

#[test]
fn an_erasure_needs_no_consent_and_takes_a_customer_id_too() {
    let id = VisitorKeys::development().customer_id("strict", "c1");
    for who in [
        r#""customerCookieId":"c1""#.to_owned(),
        format!(r#""customerCookieId":null,"customerId":"{id}""#),
    ] {
        let members = format!(
            r#""deploymentId":"strict","eventName":"footfall_erase","gpc":true,"page":null,{who}"#
        );
        let erased = accepted(&members);
        assert_eq!(erased.event.customer_id, id);
        assert_eq!(
            erased.event.control.expect("a control record").action,
            "erase"
        );
    }
}

#[test]
fn a_customer_id_in_a_web_event_is_the_sites_own_affair() {
    let event = accepted(r#""customerId":"4711""#).event;
    assert_eq!(
        event.customer_id,
        VisitorKeys::development().customer_id("shop", "c1")
    );
}

#[test]
fn traits_go_to_visitors_alone_and_only_where_the_deployment_says_so() {
    let members = r#""attributes":{"CustomerEmail":"jane@example.com","plan":"gold"},
        "traits":{"givenName":{"dataType":"string","value":"Jane"},"shoeSize":"42"}"#;
    let got = accepted(members);
    let traits: Vec<String> = got
        .traits
        .iter()
        .map(|t| format!("{}={}", t.name, t.value))
        .collect();
    assert_eq!(traits, ["email=jane@example.com", "givenName=Jane"]);
    assert_eq!(got.traits[0].updated_date, got.event.occurred_at);
    assert_eq!(got.traits[0].event_id, got.event.event_id);
    let names: Vec<_> = got
        .event
        .web_event
        .expect("a web event")
        .attributes
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["plan"]);
    assert!(
        accepted(&format!(r#""deploymentId":"plain",{members}"#))
            .traits
            .is_empty()
    );
    let no_contact = format!(r#"{members},"consent":{{"state":"granted","purposes":["visits"]}}"#);
    assert!(accepted(&no_contact).traits.is_empty());
}

#[test]
fn an_identifier_is_held_to_its_type_or_dropped() {
    let said = |members: &str| {
        let got = accepted(&format!(r#""deploymentId":"known",{members}"#));
        let show = |t: &journey::VisitorTrait| {
            let kind = t.identifier_type.as_deref().unwrap_or("-");
            format!("{}:{kind}={}", t.name, t.value)
        };
        got.traits.iter().map(show).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        said(
            r#""traits":{"mail":"Jane@Example.com","cellPhone":"030 123 45 67"},"externalId":"K-1""#
        ),
        "cellPhone:phone=+49301234567 email:email=jane@example.com externalId:externalId=K-1"
    );
    assert_eq!(
        said(r#""traits":{"mail":"jane","cellPhone":"12"},"attributes":{"mail":"x@y"}"#),
        ""
    );
}

#[test]
fn nothing_personal_is_left_in_a_web_event() {
    let members = r#""ipAddress":"203.0.113.77","userAgentString":"Reader (jane@example.com)",
        "page":{"url":"https://jane:hunter2@shop.example/u/jane%40example.com?token=hunter2&m=jane@example.com#hunter2",
                "title":"Mail of jane@example.com","keywords":"+14155550100"},
        "referrerUrl":"https://mail.example.org/?to=jane%40example.com&token=hunter2","searchQuery":"4111 1111 1111 1111",
        "attributes":{"note":"call +14155550100 or DE89370400440532013000"},
        "traits":{"shoeSize":"hunter2"},"formName":"jane@example.com""#;
    let written = schemas::to_bytes(&accepted(members).event);
    let text = String::from_utf8_lossy(&written).into_owned();
    for personal in [
        "203.0.113.77",
        "jane",
        "hunter2",
        "4155550100",
        "4111 1111",
        "DE8937",
    ] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    for stand_in in ["[email]", "[phone]", "[card]", "[iban]"] {
        assert!(text.contains(stand_in), "{stand_in} in {text}");
    }
}

#[test]
fn a_page_class_travels_on_the_event() {
    let members = r#""page":{"url":"https://shop.example/account/orders"}"#;
    assert_eq!(accepted(members).event.page_class, "no_offer");
}

#[test]
fn robots_are_flagged_where_they_are_not_suppressed() {
    let robot = r#""userAgentString":"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)""#;
    assert!(accepted(robot).event.bot);
    let suppressed = event(&format!(r#""deploymentId":"plain",{robot}"#));
    assert_eq!(outcome(&mut stage(0), suppressed.as_bytes()), "bot");
}

#[test]
fn nothing_that_a_sender_writes_is_left_unscrubbed() {
    let members = r#""eventId":"jane@example.com/1","replyTo":"jane@example.com","eventName":"DE89370400440532013000",
        "page":{"url":"https://shop.example/?fbclid=jane%40example.com","title":"t","lang":"jane@example.com"},
        "browser":{"family":"jane@example.com","version":"jane@example.com","lang":"jane@example.com"},
        "device":{"category":"jane@example.com","type":"jane@example.com","osFamily":"jane@example.com",
                  "osVersion":"jane@example.com","manufacturer":"jane@example.com"},
        "consent":{"state":"granted","purposes":["contact","Jane@example.com"],"source":"jane@example.com"},
        "referrerUrl":"mailto:jane@example.com""#;
    let event = accepted(members).event;
    let text = format!("{event:?}").to_lowercase();
    assert!(!text.contains("jane") && !text.contains("de8937"), "{text}");
    let reported = crate::report(
        r#""eventId":"jane@example.com/1","sessionId":"jane@example.com","conversationId":"jane@example.com",
           "offerId":"jane@example.com","errorCode":"jane@example.com","errorMessage":"jane@example.com""#,
    );
    let report = decode(&mut stage(1), reported.as_bytes()).expect("a report");
    assert!(!format!("{:?}", report.event).contains("jane"));
}

#[test]
fn neither_a_plus_nor_a_sign_nor_wide_gaps_hide_a_number_anywhere() {
    let members = r#""page":{"url":"https://shop.example/call/%20+4915112345678?q=+4915112345678&utm_term=+4915112345678&fbclid=+4915112345678#+4915112345678",
                "title":"„jane@example.com“ ☎+4915112345678","keywords":"卡号4111111111111111，4111  1111  1111  1111"},
        "referrerUrl":"https://www.google.com/search?q=+4915112345678",
        "attributes":{"note":"IBAN „DE89  3704  0044  0532  0130  00“ \"jane.doe\"@example.com"}"#;
    let event = accepted(members).event;
    let text = format!("{event:?}");
    for personal in ["4915112345678", "jane", "1111", "3704"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    let activity = event.web_event.expect("a page");
    assert_eq!(activity.search_query.as_deref(), Some("[phone]"));
    assert_eq!(
        activity.page.breadcrumb,
        ["call", "%20[phone]"].map(Text::from)
    );
    let campaign = activity.mkt_campaign.expect("a campaign");
    let told = (campaign.term.as_deref(), campaign.click_id.as_deref());
    assert_eq!(told, (Some("[phone]"), Some("[phone]")));
    let referrer = activity.referrer.expect("a referrer");
    assert_eq!(referrer.keywords.as_deref(), Some("[phone]"));
}

#[test]
fn an_event_id_that_holds_an_address_still_tells_events_apart() {
    let event = |said: &str| accepted(&format!(r#""eventId":"{said}""#)).event;
    let id = |said: &str| event(said).event_id;
    assert_eq!(id("jane@example.com/1"), id("jane@example.com/1"));
    let visitor = event("jane@example.com").customer_id;
    let parts = [
        &b"event id"[..],
        visitor.as_str().as_bytes(),
        b"jane@example.com",
    ];
    assert_ne!(id("jane@example.com").0, journey::id::derive(&parts));
    assert_ne!(id("jane@example.com/1"), id("jane@example.com/2"));
    assert_eq!(id("4111111111111111").as_str(), "4111111111111111");
}

#[test]
fn a_refused_visitor_leaves_a_count_whatever_else_comes_twice() {
    for twice in [r#""gpc":true,"gpc":false"#, r#""gpc":false,"gpc":"1""#] {
        let granted = event(r#""deploymentId":"strict","consent":{"state":"granted"}"#);
        let doubled = granted.replacen('{', &format!("{{{twice},"), 1);
        assert_eq!(outcome(&mut stage(0), doubled.as_bytes()), "gpc", "{twice}");
    }
    let split = event(r#""deploymentId":"strict","consent":{"state":"granted"}"#);
    let split = split.replacen('{', r#"{"consent":{"purposes":["contact"]},"#, 1);
    assert_eq!(
        outcome(&mut stage(0), split.as_bytes()),
        "consent_unreadable"
    );
}
