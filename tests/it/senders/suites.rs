//! The suites that others wrote, run against our checks with their zones. `POSTDESK_CORPORA` names the directory.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use postdesk::config::Smtp;
use postdesk::model::Authority;
use postdesk::sender::{Checker, Client, Resolver, Zone, spf};
use serde_json::Value;

use crate::support::say;

fn collection(name: &str) -> Option<PathBuf> {
    let Some(corpora) = std::env::var_os("POSTDESK_CORPORA") else {
        say(&format!("not tested: {name} (POSTDESK_CORPORA names no directory)"));
        return None;
    };
    Some(PathBuf::from(corpora).join(name))
}

fn lines(directory: &std::path::Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(directory.join(file)).expect("the collection");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

/// A scenario's zone (its records are written as pyspf's suite has them).
fn zone(data: &Value) -> Zone {
    let mut zone = Zone::default();
    for (name, records) in data.as_object().expect("names") {
        zone = zone.empty(name);
        let records = records.as_array().expect("records");
        let has_txt = records.iter().any(|record| record.get("TXT").is_some());
        for record in records {
            if record == "TIMEOUT" {
                zone = zone.silent(name);
                continue;
            }
            for (kind, value) in record.as_object().expect("a record") {
                let word = || value.as_str().unwrap_or_default();
                let joined = || match value {
                    Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect::<String>(),
                    other => other.as_str().unwrap_or_default().to_owned(),
                };
                zone = match kind.as_str() {
                    _ if value == "NONE" => zone,
                    "A" | "AAAA" => zone.address(name, word().parse::<IpAddr>().expect("an address")),
                    "MX" => zone.mx(
                        name,
                        value[0].as_u64().expect("a preference") as u16,
                        value[1].as_str().expect("a host").trim_end_matches('.'),
                    ),
                    "PTR" => zone.pointer(name, word().trim_end_matches('.')),
                    "CNAME" => zone.alias(name, word().trim_end_matches('.')),
                    "SPF" if has_txt => zone,
                    "SPF" | "TXT" => zone.text(name, &joined()),
                    _ => zone,
                };
            }
        }
    }
    zone
}

/// The test suite of RFC 7208, and that of RFC 4408 where both agree.
#[tokio::test]
async fn spf_results_are_those_of_the_suite() {
    let Some(directory) = collection("spf-rfc7208") else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for scenario in lines(&directory, "items.jsonl") {
        let resolver = Resolver::Fixed(Arc::new(zone(&scenario["zonedata"])));
        for (name, test) in scenario["tests"].as_object().expect("tests") {
            let ip = text(test, "host").parse().expect("an address");
            let got = spf::check(&resolver, ip, text(test, "helo"), text(test, "mailfrom")).await.result;
            let want: Vec<_> = match &test["result"] {
                Value::Array(any) => any.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            if want.contains(&got.as_str()) {
                right += 1;
            } else {
                wrong.push(format!("{} {name}: {got}, not {want:?}", text(&scenario, "suite")));
            }
        }
    }
    say(&format!("SPF suite: {right} right, {} wrong", wrong.len()));
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a mail from nowhere in particular is found to be.
async fn checked(zone: Zone, raw: &[u8]) -> postdesk::model::Authentication {
    let resolver = Resolver::Fixed(Arc::new(zone));
    let checker = Checker::new(&Smtp::default(), "mx.desk.test", resolver).expect("it can be made");
    let client = Client {
        ip: "192.0.2.1".parse().expect("an address"),
        helo: "client.example".into(),
        mail_from: String::new(),
    };
    checker.check(&client, raw).await.authentication
}

fn with_crlf(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// ValiMail's suite for RFC 8617.
#[tokio::test]
async fn arc_chains_are_judged_as_the_suite_has_it() {
    let Some(directory) = collection("arc-suite") else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for item in lines(&directory, "items.jsonl") {
        let Some(want) = item["test"]["cv"].as_str().filter(|cv| !cv.is_empty()) else { continue };
        let mut zone = Zone::default();
        for records in [&item["scenario"]["txt-records"], &item["test"]["txt-records"]] {
            for (name, record) in records.as_object().into_iter().flatten() {
                let record: Vec<_> = record.as_str().unwrap_or_default().split_whitespace().collect();
                zone = zone.text(name, &record.join(" "));
            }
        }
        let got = checked(zone, &with_crlf(text(&item["test"], "message"))).await.arc;
        if got.as_str().eq_ignore_ascii_case(want) {
            right += 1;
        } else {
            wrong.push(format!("{}: {got}, not {want}", text(&item, "id")));
        }
    }
    say(&format!("ARC suite: {right} right, {} wrong: {wrong:#?}", wrong.len()));
    assert!(wrong.len() * 50 <= right, "{wrong:#?}");
}

/// The keys of Mail::DKIM's suite.
fn keys(text: &str) -> Zone {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(char::is_whitespace)).fold(
        Zone::default(),
        |zone, (name, value)| match value.trim() {
            "NXDOMAIN" => zone,
            value if value.starts_with('~') => zone.broken(name),
            value => zone.text(name, value.trim_matches('"')),
        },
    )
}

/// The keys of one of chasquid's mails.
fn own_keys(text: &str) -> Zone {
    let text = text.replace("\\\n", " ");
    text.lines().filter_map(|line| line.split_once(':')).fold(Zone::default(), |zone, (name, value)| {
        match value.trim() {
            "TEMPERROR" => zone.broken(name),
            "PERMERROR" => zone,
            value => zone.text(name, value),
        }
    })
}

/// RFC 6376, RFC 8463: signed mails of other people's test suites, with their keys. What was signed with SHA-1, or as
/// RFC 4870 had it, proved something to their makers, and to us nothing (RFC 8301 §3.1).
#[tokio::test]
async fn dkim_signatures_are_verified_as_their_makers_expect() {
    let Some(directory) = collection("dkim-messages") else { return };
    let zone = keys(&std::fs::read_to_string(directory.join("mail-dkim-FAKE_DNS.dat")).expect("the keys"));
    let (mut good, mut bad, mut wrong) = (0, 0, Vec::new());
    for case in lines(&directory, "cases.jsonl") {
        let expected = &case["expect"]["dkim"];
        let (zone, holds) = match (expected.as_str(), text(expected, "dns")) {
            (Some(word), _) => (zone.clone(), word == "pass"),
            (None, dns) if dns.contains('\n') => {
                (own_keys(dns), !text(expected, "result").contains("\"Valid\": 0"))
            }
            _ => continue,
        };
        let raw = std::fs::read(directory.join(text(&case, "file"))).expect("a mail");
        let raw = with_crlf(&String::from_utf8_lossy(&raw));
        let is_of_today = ["a=rsa-sha256", "a=ed25519-sha256"]
            .iter()
            .any(|algorithm| memchr::memmem::find(&raw, algorithm.as_bytes()).is_some());
        let want = holds && is_of_today;
        let got = checked(zone, &raw).await.dkim;
        match (got == Authority::Pass, want) {
            (true, true) => good += 1,
            (false, false) => bad += 1,
            _ => wrong.push(format!("{}: {got}, {want} wanted", text(&case, "id"))),
        }
    }
    say(&format!("DKIM mails: {good} hold, {bad} do not, {} are judged otherwise", wrong.len()));
    assert_eq!(wrong, Vec::<String>::new());
    assert!(good >= 3 && bad >= 26, "{good} and {bad}: some were not read");
}
