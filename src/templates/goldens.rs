//! Every built-in mail as its reader gets it, and rules that hold for all of them.

use std::collections::BTreeMap;

use super::{Rendered, Templates, files, sample};
use crate::model::{
    ActorType, Audience, BodyFormat, Look, Looks, NotificationTemplate, OutgoingMail, Response, Timestamp,
};

fn all() -> impl Iterator<Item = (NotificationTemplate, String)> {
    let locales = Templates::load(None).locales();
    NotificationTemplate::ALL
        .iter()
        .flat_map(move |key| locales.clone().into_iter().map(move |locale| (*key, locale)))
}

fn snapshot(name: String, text: &str) {
    insta::with_settings!({ snapshot_path => "../../tests/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// HTML behind its head, which is the layout's and has a golden file of its own.
fn body(html: &str) -> &str {
    &html[html.find("<body").expect("a body")..]
}

/// Text of each variant, HTML of the fullest.
#[test]
fn every_mail_is_as_it_was_read_last() {
    let templates = Templates::load(None);
    for (key, locale) in all() {
        let mut golden = String::new();
        let mut html = String::new();
        for (name, mail) in sample::named_variants(key, &locale) {
            let Rendered { subject, text, html: last, .. } = templates.render(&mail).unwrap();
            golden += &format!("==== {name}\nSubject: {subject}\n\n{text}\n");
            html = last;
        }
        golden += &format!("==== HTML\n{}", body(&html));
        snapshot(format!("{key}.{locale}"), &golden);
    }
}

#[test]
fn layouts_are_as_they_were_read_last() {
    let templates = Templates::load(None);
    for (look, name) in [(Look::Plain, "plain"), (Look::Branded, "branded")] {
        for locale in ["en", "ar"] {
            let mut mail = sample::mail(NotificationTemplate::TicketReply, locale, true);
            mail.look = look;
            let html = templates.render(&mail).unwrap().html;
            snapshot(format!("layout_{name}.{locale}"), html.split("<body").next().unwrap());
        }
    }
}

#[test]
fn every_mail_reads_in_both_looks_and_keeps_the_rules() {
    let templates = Templates::load(None);
    for (key, locale) in all().filter(|(_, locale)| ["en", "ar"].contains(&locale.as_str())) {
        for (name, mail) in sample::named_variants(key, &locale) {
            for look in [Look::Plain, Look::Branded] {
                let html = templates.render(&OutgoingMail { look, ..mail.clone() }).unwrap().html;
                let what = format!("{key}.{locale}, {name}, {look:?}");
                assert!(html.len() < 20_000, "{what}: {}", html.len());
                for banned in ["<img", "<script", "src=", "url(", "@import", "@font-face", "http:"] {
                    assert!(!html.contains(banned), "{what} has {banned}");
                }
                let tables = html.matches("<table").count();
                let facts = html.matches("class=\"facts\"").count();
                assert_eq!(html.matches("role=\"presentation\"").count() + facts, tables, "{what}");
                assert_eq!(html.matches("<th ").count(), html.matches("scope=\"row\"").count(), "{what}");
                let headings =
                    usize::from(!key.is_from_person() && key != NotificationTemplate::RateLimitedNotice);
                assert_eq!(html.matches("<h1").count(), headings, "{what}");
                for needed in ["prefers-color-scheme", "[data-ogsc]", "charset", "max-width: 600px"] {
                    assert!(html.contains(needed), "{what} lacks {needed}");
                }
            }
        }
    }
}

#[test]
fn agents_read_first_who_is_answered() {
    let templates = Templates::load(None);
    for key in NotificationTemplate::ALL.iter().filter(|key| key.audience() == Audience::Agent) {
        use NotificationTemplate::{AgentCommandResult, AgentDeliveryFailed, AgentReplyRefused};
        let text = templates.render(&sample::mail(*key, "en", true)).unwrap().text;
        let first = text.lines().next().unwrap();
        match key {
            AgentCommandResult | AgentDeliveryFailed | AgentReplyRefused => {}
            _ if key.is_about_a_note() => {
                assert_eq!(first, "Your reply to this mail stays internal. The customer does not see it.");
            }
            _ => assert_eq!(first, "Your reply to this mail is sent to Jo Doe <jo@example.org>", "{key}"),
        }
    }
}

/// Strings that a caller chose, in every field that one can fill.
fn filled_by_a_caller(mail: &OutgoingMail, secret: &str) -> OutgoingMail {
    let mut mail = mail.clone();
    mail.requester_name = Some(secret.into());
    mail.entry.to_name = Some(secret.into());
    mail.file_names = vec![secret.into()];
    if let Some(ticket) = &mut mail.ticket {
        (ticket.subject, ticket.mail_subject, ticket.preview) = (secret.into(), secret.into(), secret.into());
        (ticket.order_id, ticket.user_id) = (Some(secret.into()), Some(secret.into()));
        (ticket.seller_id, ticket.store_id) = (Some(secret.into()), Some(secret.into()));
        (ticket.external_id, ticket.tags) = (Some(secret.into()), vec![secret.into()]);
        ticket.custom_fields = serde_json::json!({ "a": secret });
        ticket.metadata = serde_json::json!({ "a": secret });
    }
    let theirs = mail.response.as_mut().filter(|response| response.author_type != ActorType::Agent);
    if let Some(response) = theirs {
        mark(response, secret);
        mail.response_html = Some(secret.into());
    }
    mail.quoted = mail.quoted.map(|mut response| {
        mark(&mut response, secret);
        response
    });
    let mut slipped_in = mail.quoted.clone().or(mail.response.clone());
    if let Some(response) = &mut slipped_in {
        response.author_type = ActorType::Customer;
        mark(response, secret);
        mail.history = vec![response.clone()];
        mail.bundled = vec![(response.clone(), Some(secret.into()))];
    }
    if let Some(open) = mail.entry.context.get_mut("open") {
        *open = serde_json::json!([{ "number": secret, "subject": secret }]);
    }
    mail
}

fn mark(response: &mut Response, secret: &str) {
    response.body_text = secret.into();
    response.body_html = Some(secret.into());
    response.body_format = BodyFormat::Html;
    response.author_name = Some(secret.into());
    response.quoted_text = secret.into();
}

#[test]
fn not_a_word_of_a_caller_reaches_an_unverified_address() {
    let templates = Templates::load(None);
    let secret = "xyzzy-4711";
    let customers = all().filter(|(key, _)| key.audience() == Audience::Customer);
    for (key, locale) in customers.filter(|(_, locale)| ["en", "ar"].contains(&locale.as_str())) {
        for (name, mail) in sample::named_variants(key, &locale) {
            let mut mail = filled_by_a_caller(&mail, secret);
            mail.entry.verified = false;
            mail.entry.subject = "[TKT-2026-K7Q4ZP]".into();
            for look in [Look::Plain, Look::Branded] {
                mail.look = look;
                match templates.render(&mail) {
                    Ok(rendered) => {
                        assert!(!format!("{rendered:?}").contains(secret), "{key}.{locale}, {name}")
                    }
                    Err(error) => assert!(key.is_for_verified_only(), "{key}.{locale}, {name}: {error}"),
                }
            }
            let context = templates.pen.context(&mail, &locale, "x");
            let told = format!("{context:?}");
            assert!(!told.contains(secret), "{key}.{locale}, {name}: {told}");
        }
    }
}

#[test]
fn what_people_write_is_escaped_and_never_run() {
    let templates = Templates::load(None);
    let attack = "{{ 7*7 }}{% for %}<script>alert(1)</script>\"'&{name}\u{202e}";
    for (key, locale) in all() {
        let mut mail = filled_by_a_caller(&sample::mail(key, &locale, true), attack);
        // HTML of messages is sanitised when it comes in; here it is the desk's own.
        (mail.response_html, mail.bundled) = (Some("<p>safe</p>".into()), Vec::new());
        mail.brand = attack.into();
        for name in ["by", "from_number", "words", "address"] {
            if let Some(value) = mail.entry.context.get_mut(name) {
                *value = attack.into();
            }
        }
        let Rendered { text, html, .. } = templates.render(&mail).unwrap();
        assert!(!html.contains("<script"), "{key}.{locale}: {html}");
        assert!(!format!("{text}{html}").contains("49{%"), "{key}.{locale}");
    }
}

/// Colours of one selector, in the light and in the dark.
#[derive(Default, Clone)]
struct Paint {
    text: [Option<String>; 2],
    ground: [Option<String>; 2],
}

/// Text and ground of each selector of a layout.
fn paints(css: &str) -> BTreeMap<String, Paint> {
    let mut paints: BTreeMap<String, Paint> = BTreeMap::new();
    let (light, dark) = css.split_once("@media").expect("dark rules");
    for (shade, rules) in [light, dark].into_iter().enumerate() {
        for rule in rules.lines().filter(|line| line.contains('{') && line.contains('}')) {
            let (selectors, declarations) = rule.split_once('{').unwrap();
            for selector in selectors.split(',').map(str::trim) {
                let paint = paints.entry(selector.to_owned()).or_default();
                for declaration in declarations.split([';', '}']) {
                    let Some((name, value)) = declaration.split_once(':') else { continue };
                    let colour = value.replace("!important", "").trim().to_owned();
                    match name.trim() {
                        "color" => paint.text[shade] = Some(colour),
                        "background-color" => paint.ground[shade] = Some(colour),
                        _ => {}
                    }
                }
            }
        }
    }
    paints
}

/// WCAG 2.2 relative luminance.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("#rrggbb")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(text: &str, ground: &str) -> f64 {
    let (a, b) = (luminance(text), luminance(ground));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_stands_out_from_its_ground() {
    let plain: &[(&str, &str)] = &[
        ("body", "body"),
        ("h1", "body"),
        (".marker", "body"),
        (".told", "body"),
        (".who", "body"),
        (".sign", "body"),
        (".quoted", "body"),
        ("blockquote", "body"),
        (".facts th", "body"),
        (".hint", "body"),
        (".foot", "body"),
        ("a", "body"),
    ];
    let branded: &[(&str, &str)] = &[
        ("body", "body"),
        ("h1", ".card"),
        (".marker", "body"),
        (".brand", ".card"),
        (".facts th", ".card"),
        (".told", ".told"),
        (".who", ".card"),
        (".sign", ".card"),
        (".quoted", ".card"),
        ("blockquote", ".card"),
        (".hint", ".card"),
        (".foot", "body"),
        (".foot a", "body"),
        ("a", ".card"),
        ("a", ".words"),
        ("body", ".words"),
        (".button a", ".button td"),
    ];
    for (layout, pairs) in [("mail/layout.html", plain), ("mail/layout_branded.html", branded)] {
        let paints = paints(&files::built_in()[layout]);
        let of = |selector: &str, shade: usize, is_text: bool| {
            let pick =
                |paint: &Paint| if is_text { paint.text[shade].clone() } else { paint.ground[shade].clone() };
            let own = paints.get(selector).and_then(pick);
            // Links have their dark colour by where they stand.
            own.or_else(|| (selector == "a").then(|| paints.get(".words a").and_then(pick)).flatten())
                .or_else(|| {
                    let light = paints.get(selector)?;
                    if is_text { light.text[0].clone() } else { light.ground[0].clone() }
                })
        };
        for (text, ground) in pairs {
            for (shade, name) in ["light", "dark"].into_iter().enumerate() {
                let (over, under) =
                    (of(text, shade, true).expect(text), of(ground, shade, false).expect(ground));
                let found = contrast(&over, &under);
                assert!(found >= 4.5, "{layout}, {name}: {text} {over} on {ground} {under} is {found:.2}");
            }
        }
    }
}

#[test]
fn people_may_choose_the_look() {
    let looks = Looks { reply: Look::Branded, machine: Look::Plain };
    assert_eq!(NotificationTemplate::TicketReply.look(looks), Look::Branded);
    assert_eq!(NotificationTemplate::TicketReceived.look(looks), Look::Plain);
    assert_eq!(NotificationTemplate::TicketReply.look(Looks::default()), Look::Plain);
    assert_eq!(NotificationTemplate::AdminQueueStuck.look(Looks::default()), Look::Branded);
}

#[test]
fn a_long_history_is_cut() {
    let templates = Templates::load(None);
    let mut mail = sample::mail(NotificationTemplate::TicketReply, "en", true);
    let long = Response { body_text: "word ".repeat(4_000), ..mail.quoted.clone().unwrap() };
    let newest = Timestamp(1_794_990_000_000);
    mail.history = (0..50).map(|_| Response { created_at: newest, ..long.clone() }).collect();
    let rendered = templates.render(&mail).unwrap();
    assert!(rendered.text.len() < 40_000, "{}", rendered.text.len());
    assert!(rendered.html.len() < super::MAX_HTML, "{}", rendered.html.len());
}

#[test]
fn every_mail_is_in_the_manual() {
    let manual = include_str!("../../docs/mails.md");
    for key in NotificationTemplate::ALL {
        assert!(manual.contains(&format!("| `{key}` |")), "docs/mails.md lacks {key}");
    }
    let templates = Templates::load(None);
    let mail = sample::mail(NotificationTemplate::TicketReply, "en", true);
    let context = templates.pen.context(&mail, "en", "x");
    for name in context.try_iter().unwrap() {
        assert!(manual.contains(&format!("`{name}`")), "docs/mails.md lacks the variable {name}");
    }
}
