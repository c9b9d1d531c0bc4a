//! The commented file that `postdesk init` writes, and the value that has every key: the one source of what keys
//! there are.

use super::*;

/// `postdesk.toml` as `postdesk init` writes it, but for the key it makes: every key, commented.
pub const EXAMPLE: &str = include_str!("postdesk.toml");

/// Settings in which every key has a value.
pub fn every_key() -> Config {
    let text = |text: &str| Some(text.to_owned());
    let relay = Relay {
        tls: RelayTls::Starttls,
        username: text("postdesk"),
        password: text("secret"),
        access_token: text("secret"),
        access_token_file: Some("token".into()),
        ca_file: Some("ca.pem".into()),
        ..Relay::at("mx.shop.example", 587)
    };
    Config {
        smtp: Smtp {
            tls: Some(Tls { certificate: "fullchain.pem".into(), key: "privkey.pem".into() }),
            ..Smtp::default()
        },
        http: Http { public_url: text("https://desk.shop.example"), ..Http::default() },
        outbox: Outbox {
            relay: Some(relay.clone()),
            relays: vec![relay],
            direct: Direct { ca_file: Some("ca.pem".into()), ..Direct::default() },
            release_by: Some(ReleaseBy::Relay),
            ..Outbox::default()
        },
        intake: Intake {
            ack_unverified: Some(AckUnverified::None),
            honeypot_field: text("website"),
            captcha: Some(Captcha {
                verify_url: "https://challenges.example/siteverify".into(),
                secret: "secret".into(),
                field: "captcha".into(),
            }),
            ..Intake::default()
        },
        email: Email {
            templates_dir: Some("templates".into()),
            reply_marker: text("-- Please write above this line --"),
            ..Email::default()
        },
        keys: Keys { reply: vec!["0123456789abcdef0123456789abcdef".into()] },
        webhooks: Webhooks { ca_file: Some("ca.pem".into()), ..Webhooks::default() },
        dkim: vec![DkimKey {
            domain: "shop.example".into(),
            selector: "pd-rsa".into(),
            key: "dkim/shop.example.pd-rsa.pem".into(),
            sign: true,
        }],
        mailboxes: vec![MailboxConfig {
            address: "support@shop.example".into(),
            from_name: text("Shop"),
            default_category: text("general"),
            store_id: text("st_81"),
            locale: text("en"),
        }],
        agents: vec![AgentConfig {
            name: "Ada".into(),
            email: "ada@shop.example".into(),
            role: text("admin"),
        }],
        ..Config::default()
    }
}
