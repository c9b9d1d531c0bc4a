//! What types alone don't say: ranges, and keys that need each other.

use std::collections::HashSet;

use super::{Config, DkimKey, Outbox, Relay, RelayTls, ReleaseBy, TransportKind};
use crate::model::Category;

/// Shortest secret of `keys.reply`, characters.
const MIN_KEY: usize = 32;

/// Everything wrong with settings that could be read: key, and what would be right.
pub(super) fn problems(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sizes(config, &mut found);
    doors(config, &mut found);
    outbox(config, &mut found);
    email(config, &mut found);
    keys(config, &mut found);
    signing(config, &mut found);
    people(config, &mut found);
    found
}

type Found = Vec<(String, String)>;

fn say(found: &mut Found, wrong: bool, key: &str, detail: impl Into<String>) {
    if wrong {
        found.push((key.to_owned(), detail.into()));
    }
}

fn sizes(config: &Config, found: &mut Found) {
    let Config { smtp, http, store, outbox, bounces, notifications, tickets, api, limits, webhooks, .. } =
        config;
    for (key, value, least, most) in [
        ("smtp.max_message_mb", smtp.max_message_mb, 1, 1_024),
        ("smtp.max_recipients", smtp.max_recipients as u64, 1, 10_000),
        ("smtp.max_errors", smtp.max_errors.into(), 1, 1_000),
        ("smtp.max_messages", smtp.max_messages.into(), 1, 1_000_000),
        ("smtp.max_sessions", smtp.max_sessions as u64, 1, 100_000),
        ("smtp.max_sessions_per_ip", smtp.max_sessions_per_ip as u64, 1, 100_000),
        ("smtp.command_timeout_seconds", smtp.command_timeout_seconds, 1, 3_600),
        ("smtp.session_timeout_seconds", smtp.session_timeout_seconds, 1, 86_400),
        ("smtp.max_line", smtp.max_line as u64, 1_000, 16_777_216),
        ("smtp.max_memory_mb", smtp.max_memory_mb, 1, 65_536),
        ("smtp.max_spool_mb", smtp.max_spool_mb, 1, 1_048_576),
        ("smtp.max_hops", smtp.max_hops as u64, 1, 1_000),
        ("smtp.shutdown_seconds", smtp.shutdown_seconds, 0, 600),
        ("http.max_connections", http.max_connections as u64, 1, 100_000),
        ("http.head_timeout_seconds", http.head_timeout_seconds, 1, 3_600),
        ("http.body_timeout_seconds", http.body_timeout_seconds, 1, 3_600),
        ("http.shutdown_seconds", http.shutdown_seconds, 0, 600),
        ("store.max_connections", store.max_connections.into(), 1, 1_000),
        ("outbox.concurrency", outbox.concurrency as u64, 1, 1_000),
        ("outbox.per_domain", outbox.per_domain as u64, 1, 1_000),
        ("outbox.step_timeout_seconds", outbox.step_timeout_seconds, 1, 3_600),
        ("outbox.data_done_timeout_seconds", outbox.data_done_timeout_seconds, 1, 3_600),
        ("outbox.lease_seconds", outbox.lease_seconds, 20, Outbox::LONGEST_LEASE_SECONDS.unsigned_abs()),
        ("bounces.soft_limit", bounces.soft_limit.into(), 1, 1_000),
        ("bounces.soft_window_days", bounces.soft_window_days.into(), 1, 365),
        ("bounces.soft_suppress_days", bounces.soft_suppress_days.into(), 1, 365),
        ("outbox.give_up_hours", outbox.give_up_hours.into(), 1, 720),
        ("notifications.waiting_reminder_days", notifications.waiting_reminder_days.into(), 1, 365),
        ("notifications.bundle_minutes", notifications.bundle_minutes.into(), 0, 60),
        ("notifications.max_per_agent_day", notifications.max_per_agent_day.into(), 10, 100_000),
        ("limits.max_attachment_mb", limits.max_attachment_mb, 1, 1_024),
        ("limits.max_pending_uploads", limits.max_pending_uploads.into(), 1, 100_000),
        ("limits.max_pending_mb", limits.max_pending_mb, 1, 1_048_576),
        ("limits.max_mail_files_mb", limits.max_mail_files_mb, 0, 100),
        ("limits.file_link_days", limits.file_link_days.into(), 1, 365),
        ("tickets.auto_close_days", tickets.auto_close_days.into(), 1, 3_650),
        ("api.limits.token", api.limits.token.into(), 1, 1_000_000),
        ("api.limits.session", api.limits.session.into(), 1, 1_000_000),
        ("api.limits.login", api.limits.login.into(), 1, 1_000_000),
        ("api.limits.anonymous", api.limits.anonymous.into(), 1, 1_000_000),
        ("webhooks.timeout_seconds", webhooks.timeout_seconds, 1, 60),
        ("webhooks.concurrency", webhooks.concurrency as u64, 1, 1_000),
        ("webhooks.per_host", webhooks.per_host as u64, 1, 1_000),
    ] {
        let wrong = !(least..=most).contains(&value);
        say(found, wrong, key, format!("{value} is out of range; expected {least} to {most}"));
    }
    let small = smtp.max_spool_mb < smtp.max_message_mb;
    say(
        found,
        small,
        "smtp.max_spool_mb",
        "less than smtp.max_message_mb: no mail of that size could come in",
    );
}

fn doors(config: &Config, found: &mut Found) {
    let Config { smtp, http, store, .. } = config;
    let needs_tls = !smtp.listen_tls.is_empty() && smtp.tls.is_none();
    say(found, needs_tls, "smtp.listen_tls", "needs smtp.tls.certificate and smtp.tls.key");
    let no_listener = smtp.listen.is_empty() && smtp.listen_tls.is_empty() && smtp.lmtp_listen.is_empty();
    let closed = smtp.enabled && no_listener;
    say(found, closed, "smtp.listen", "no address at all; expected one, or smtp.enabled = false");
    let closed = http.enabled && http.listen.is_empty();
    say(found, closed, "http.listen", "no address at all; expected one, or http.enabled = false");
    form(config, found);
    for (i, listen) in smtp.lmtp_listen.iter().enumerate() {
        let right = listen.starts_with("unix:/") || listen.parse::<std::net::SocketAddr>().is_ok();
        let detail = format!("{listen:?}: expected 127.0.0.1:2424 or unix:/run/postdesk/lmtp.sock");
        say(found, !right, &format!("smtp.lmtp_listen[{i}]"), detail);
        let smtps = listen.parse::<std::net::SocketAddr>().is_ok_and(|address| address.port() == 25);
        let detail = "port 25 is for SMTP (RFC 2033 §5); expected another, such as 2424";
        say(found, smtps, &format!("smtp.lmtp_listen[{i}]"), detail);
    }
    let host_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let wrong = !smtp.hostname.chars().all(host_name);
    say(found, wrong, "smtp.hostname", format!("{:?}: expected a name like mx.shop.example", smtp.hostname));
    if let Some(url) = &http.public_url {
        let right =
            ["https://", "http://"].iter().any(|s| url.strip_prefix(s).is_some_and(|rest| !rest.is_empty()));
        say(found, !right, "http.public_url", format!("{url:?}: expected https://desk.shop.example"));
    }
    let right = match store.url.strip_prefix("sqlite:") {
        Some(path) => !["", "//"].contains(&path) && !path.starts_with(':') && !path.contains('?'),
        None => ["postgres://", "postgresql://"].iter().any(|scheme| store.url.starts_with(scheme)),
    };
    say(
        found,
        !right,
        "store.url",
        "expected sqlite:PATH (of a file, without options) or postgres://user@host/database",
    );
}

/// What a contact form needs.
fn form(config: &Config, found: &mut Found) {
    let intake = &config.intake;
    let mute = intake.require_confirmation && config.http.public_url.is_none();
    say(
        found,
        mute,
        "intake.require_confirmation",
        "needs http.public_url, which the link in the mail begins with",
    );
    let member = |name: &str| !name.is_empty() && name.len() <= 64 && !name.chars().any(char::is_control);
    let honeypot = intake.honeypot_field.as_deref();
    let wrong = honeypot.is_some_and(|name| !member(name));
    say(found, wrong, "intake.honeypot_field", "expected a name like website");
    let Some(captcha) = &intake.captcha else { return };
    let right = ["https://", "http://"].iter().any(|scheme| captcha.verify_url.starts_with(scheme));
    say(
        found,
        !right,
        "intake.captcha.verify_url",
        "expected https://challenges.cloudflare.com/turnstile/v0/siteverify",
    );
    say(found, captcha.secret.is_empty(), "intake.captcha.secret", "is empty");
    say(found, !member(&captcha.field), "intake.captcha.field", "expected a name like cf-turnstile-response");
}

fn outbox(config: &Config, found: &mut Found) {
    let outbox = &config.outbox;
    let none = outbox.relays_in_order().next().is_none();
    let detail = "relay needs outbox.relay.host, or [[outbox.relays]]";
    say(found, none && outbox.transport == TransportKind::Relay, "outbox.transport", detail);
    say(found, none && outbox.release_by == Some(ReleaseBy::Relay), "outbox.release_by", detail);
    retries(&outbox.retry_minutes, found);
    for (key, one) in outbox.relays_in_order() {
        relay(one, &key, found);
    }
}

fn relay(relay: &Relay, key: &str, found: &mut Found) {
    let at = |field: &str| format!("{key}.{field}");
    let empty = relay.host.trim().is_empty();
    say(found, empty, &at("host"), "is empty; expected a name or an address");
    let secret =
        relay.password.is_some() || relay.access_token.is_some() || relay.access_token_file.is_some();
    let half = relay.username.is_some() != secret;
    let detail = "user name and password (or access token) go together: one is missing";
    say(found, half, &at("username"), detail);
    let clear = relay.username.is_some() && relay.tls == RelayTls::None;
    let detail = "none, but a password is never sent in the clear; expected starttls or tls";
    say(found, clear, &at("tls"), detail);
}

/// A wait of none would have mails go round at once; one of days is no retry.
fn retries(minutes: &[u32], found: &mut Found) {
    let key = "outbox.retry_minutes";
    let count = !(1..=20).contains(&minutes.len());
    say(found, count, key, "expected 1 to 20 waits in minutes, such as [1, 5, 15, 30, 60, 120, 240]");
    for (i, wait) in minutes.iter().enumerate().filter(|(_, wait)| !(1..=1_440).contains(*wait)) {
        let detail = format!("{wait} is out of range; expected 1 to 1440 minutes");
        say(found, true, &format!("{key}[{i}]"), detail);
    }
}

fn email(config: &Config, found: &mut Found) {
    let delimiter = config.email.recipient_delimiter;
    let right = "+-=._".contains(delimiter);
    say(found, !right, "email.recipient_delimiter", format!("{delimiter:?}: expected one of + - = . _"));
    let zone = &config.email.timezone;
    let right = zone.parse::<chrono_tz::Tz>().is_ok();
    say(found, !right, "email.timezone", format!("{zone:?}: expected a name like Europe/Berlin, or UTC"));
    let marker = config.email.reply_marker.as_deref().unwrap_or("-");
    let wrong = marker.trim().is_empty() || marker.contains(['\r', '\n']);
    say(
        found,
        wrong,
        "email.reply_marker",
        "expected one line, such as \"-- Please write above this line --\"",
    );
}

fn keys(config: &Config, found: &mut Found) {
    let keys = &config.keys.reply;
    let detail = "no key; expected at least one secret of 32 characters or more (`postdesk init` makes one)";
    say(found, keys.is_empty(), "keys.reply", detail);
    let short = keys.iter().any(|key| key.chars().count() < MIN_KEY);
    say(found, short, "keys.reply", "a key is too short; expected 32 characters or more");
}

fn signing(config: &Config, found: &mut Found) {
    let mut seen = HashSet::new();
    for (i, key) in config.dkim.iter().enumerate() {
        let at = |field: &str| format!("dkim[{i}].{field}");
        found.extend(key.problems().into_iter().map(|(field, detail)| (at(field), detail)));
        let twice = !seen.insert((key.domain.to_lowercase(), key.selector.to_lowercase()));
        say(found, twice, &at("selector"), format!("{:?} is named twice for {}", key.selector, key.domain));
    }
}

impl DkimKey {
    /// What is wrong with it by itself: field, and what would be right. (Its file is looked at when it is loaded.)
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let name = |text: &str| text.split('.').all(|label| !label.is_empty() && label.chars().all(word));
        let mut problems = Vec::new();
        if !name(&self.domain) {
            problems.push(("domain", format!("{:?}: expected a domain like shop.example", self.domain)));
        }
        if !name(&self.selector) {
            problems.push(("selector", format!("{:?}: expected a word like pd-rsa", self.selector)));
        }
        if self.key.as_os_str().is_empty() {
            problems.push(("key", "is empty; expected a PEM file".into()));
        }
        problems
    }
}

fn people(config: &Config, found: &mut Found) {
    let mut seen = HashSet::new();
    for (i, mailbox) in config.mailboxes.iter().enumerate() {
        let at = |field: &str| format!("mailboxes[{i}].{field}");
        address(found, &at("address"), &mailbox.address);
        let twice = !seen.insert(mailbox.address.to_lowercase());
        say(found, twice, &at("address"), format!("{:?} is named twice", mailbox.address));
        if let Some(category) = &mailbox.default_category {
            let words: Vec<_> = Category::ALL.iter().map(|category| category.as_str()).collect();
            let detail = format!("{category:?}: expected one of {}", words.join(", "));
            say(found, Category::from_input(category).is_none(), &at("default_category"), detail);
        }
    }
    seen.clear();
    for (i, agent) in config.agents.iter().enumerate() {
        let at = |field: &str| format!("agents[{i}].{field}");
        address(found, &at("email"), &agent.email);
        let twice = !seen.insert(agent.email.to_lowercase());
        say(found, twice, &at("email"), format!("{:?} is named twice", agent.email));
        let role = agent.role.as_deref().unwrap_or("agent");
        let right = matches!(role, "agent" | "admin");
        say(found, !right, &at("role"), format!("{role:?}: expected agent or admin"));
    }
}

fn address(found: &mut Found, key: &str, address: &str) {
    let right = address.parse::<lettre::Address>().is_ok();
    let detail = format!("{address:?} is no mail address; expected one like support@shop.example");
    say(found, !right, key, detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of `[[outbox.relays]]`, changed.
    fn with(config: &mut Config, change: impl FnOnce(&mut Relay)) {
        let mut relay = Relay::at("mx.example", 25);
        change(&mut relay);
        config.outbox.relays = vec![relay];
    }

    #[test]
    fn each_rule_names_its_key() {
        type Break = fn(&mut Config);
        let cases: &[(&str, Break)] = &[
            ("smtp.max_message_mb", |c| c.smtp.max_message_mb = 0),
            ("smtp.max_spool_mb", |c| c.smtp.max_spool_mb = 1),
            ("smtp.listen_tls", |c| c.smtp.listen_tls = vec!["127.0.0.1:465".parse().unwrap()]),
            ("smtp.listen", |c| c.smtp.listen.clear()),
            ("smtp.lmtp_listen[0]", |c| c.smtp.lmtp_listen = vec!["lmtp.sock".into()]),
            ("smtp.hostname", |c| c.smtp.hostname = "mx shop".into()),
            ("http.listen", |c| c.http.listen.clear()),
            ("http.public_url", |c| c.http.public_url = Some("desk.example".into())),
            ("store.url", |c| c.store.url = "mysql://x".into()),
            ("store.url", |c| c.store.url = "sqlite::memory:".into()),
            ("store.url", |c| c.store.url = "sqlite:".into()),
            ("store.url", |c| c.store.url = "sqlite:desk.db?mode=ro".into()),
            ("outbox.transport", |c| c.outbox.transport = TransportKind::Relay),
            ("outbox.per_domain", |c| c.outbox.per_domain = 0),
            ("webhooks.timeout_seconds", |c| c.webhooks.timeout_seconds = 0),
            ("outbox.retry_minutes", |c| c.outbox.retry_minutes.clear()),
            ("outbox.retry_minutes[1]", |c| c.outbox.retry_minutes = vec![1, 0]),
            ("outbox.release_by", |c| c.outbox.release_by = Some(ReleaseBy::Relay)),
            ("outbox.relay.host", |c| c.outbox.relay = Some(Relay::at(" ", 25))),
            ("outbox.relays[0].username", |c| with(c, |relay| relay.password = Some("x".into()))),
            ("outbox.relays[0].username", |c| with(c, |relay| relay.username = Some("x".into()))),
            ("outbox.relays[0].tls", |c| {
                with(c, |relay| {
                    (relay.username, relay.password) = (Some("x".into()), Some("x".into()));
                    relay.tls = RelayTls::None;
                });
            }),
            ("keys.reply", |c| c.keys.reply = vec!["short".into()]),
            ("email.recipient_delimiter", |c| c.email.recipient_delimiter = '@'),
            ("dkim[0].domain", |c| c.dkim[0].domain = "shop..example".into()),
            ("dkim[0].selector", |c| c.dkim[0].selector = "pd rsa".into()),
            ("dkim[1].selector", |c| c.dkim.push(c.dkim[0].clone())),
            ("dkim[0].key", |c| c.dkim[0].key = "".into()),
            ("email.timezone", |c| c.email.timezone = "Berlin".into()),
            ("email.reply_marker", |c| c.email.reply_marker = Some("a\nb".into())),
            ("mailboxes[0].address", |c| c.mailboxes[0].address = "x".into()),
            ("agents[0].role", |c| c.agents[0].role = Some("boss".into())),
        ];
        let mut good = super::super::every_key();
        (good.outbox.relay, good.outbox.relays, good.outbox.release_by) = (None, Vec::new(), None);
        assert_eq!(problems(&good), [], "the example is right");
        for (key, break_it) in cases.iter().copied() {
            let mut config = good.clone();
            config.smtp.tls = None;
            config.smtp.listen_tls.clear();
            config.smtp.lmtp_listen.clear();
            break_it(&mut config);
            let keys: Vec<_> = problems(&config).into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, [key]);
        }
    }
}
