//! Tickets of anybody: what a contact form may do, and what keeps robots and strangers from doing more.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use postdesk::config::{Captcha, Config};
use postdesk::mail::parse::parse;
use postdesk::outbox::Transport;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::api::call::{Answer, Client};
use crate::support::outgoing::{send_by, until_customers};
use crate::support::{App, Engine};

const HOUR_MS: i64 = 3_600_000;

async fn open_desk(engine: Engine, change: impl FnOnce(&mut Config)) -> App {
    App::start_with(engine, |config| {
        config.intake.public = true;
        config.http.public_url = Some("https://desk.test".into());
        change(config);
    })
    .await
}

fn form() -> Value {
    json!({"subject": "Secret lamp", "description": "It broke.", "customer_email": "jo@example.org", "customer_name": "Jo Doe"})
}

fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut form = form();
    form[member] = value.into();
    form
}

async fn send(app: &App, body: &Value) -> Answer {
    Client::anonymous(&app.desk).json("POST", "/tickets", body).await
}

/// What members a body has, and of what type.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

/// The first field that is wrong, and how.
fn field(answer: &Answer) -> (u16, String, String) {
    let error = &answer.json()["errors"][0];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (answer.problem().0, text("pointer"), text("code"))
}

/// The link in the newest mail to a customer, below the API's base, and all that the mail says.
async fn mailed_link(app: &App) -> (String, String) {
    let _worker = send_by(app, Transport::from_config(app.desk.config()).expect("it can work"));
    until_customers(app, "captured").await;
    let admin = Client::admin(&app.desk).await;
    let logs = admin.get("/email-logs?template=ticket_received_neutral").await.json();
    let raw =
        admin.get(&format!("/email-logs/{}/raw", logs["data"][0]["id"].as_str().expect("an id"))).await.body;
    let mail = parse(&raw);
    let base = "https://desk.test/api/support";
    let link = mail.text.lines().find_map(|line| line.trim().strip_prefix(base)).expect("a link").to_owned();
    (link, format!("{} {} {}", mail.subject, mail.text, mail.html.unwrap_or_default()))
}

/// What ALTCHA's widget would send for a puzzle.
fn solved(puzzle: &Value) -> String {
    let text = |name: &str| puzzle[name].as_str().expect("text").to_owned();
    let hash = |number: &u64| HEXLOWER.encode(&Sha256::digest(format!("{}{number}", text("salt"))));
    let most = puzzle["maxnumber"].as_u64().expect("a number");
    let number = (0..=most).find(|number| hash(number) == text("challenge")).expect("a solution");
    let solution = json!({"algorithm": "SHA-256", "challenge": text("challenge"), "number": number,
        "salt": text("salt"), "signature": text("signature")});
    STANDARD.encode(solution.to_string())
}

/// A service that answers so to everything, and where it is.
async fn service(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut read = vec![0; 4096];
            let _ = stream.read(&mut read).await;
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes()).await;
        }
    });
    format!("http://{address}/siteverify")
}

both_engines! {
    async fn an_unconfirmed_form_does_nothing_and_a_confirmed_one_is_a_ticket(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.require_confirmation = true).await;
        let admin = Client::admin(&app.desk).await;
        let sent = send(&app, &form()).await;
        assert_eq!((sent.status.as_u16(), sent.json()), (202, json!({"status": "verification_sent"})));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 0);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM outbox").await, 1);
        let (link, mail) = mailed_link(&app).await;
        assert!(!mail.contains("Secret") && !mail.contains("broke") && !mail.contains("Jo"), "{mail}");

        let browser = Client::anonymous(&app.desk);
        let page = browser.get(&link).await;
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(page.status.as_u16() == 200 && text.contains("jo@example.org") && !text.contains("Secret"), "{text}");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 0, "looking changes nothing");
        for _ in 0..2 {
            let done = browser.raw("POST", &link, "application/x-www-form-urlencoded", "").await;
            assert_eq!(done.status.as_u16(), 200, "{done:?}");
        }
        let tickets = admin.get("/tickets").await.json();
        assert_eq!(tickets["data"].as_array().map(Vec::len), Some(1), "{tickets}");
        let ticket = &tickets["data"][0];
        assert_eq!((&ticket["subject"], &ticket["channel"]), (&json!("Secret lamp"), &json!("web")));
        assert_eq!(ticket["requester"]["verified"], true);
        let logs = admin.get("/email-logs?template=agent_new_ticket").await.json();
        assert_eq!(logs["data"].as_array().map(Vec::len), Some(1), "{logs}");
    }

    async fn files_wait_with_their_form(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.require_confirmation = true).await;
        let body = format!("--x\r\nContent-Disposition: form-data; name=\"ticket\"\r\n\r\n{}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"files[]\"; filename=\"box.txt\"\r\n\r\nof cardboard\r\n--x--\r\n", form());
        let sent = Client::anonymous(&app.desk).raw("POST", "/tickets", "multipart/form-data; boundary=x", body).await;
        assert_eq!(sent.status.as_u16(), 202, "{sent:?}");
        let (link, _) = mailed_link(&app).await;
        Client::anonymous(&app.desk).raw("POST", &link, "application/x-www-form-urlencoded", "").await;
        let admin = Client::admin(&app.desk).await;
        let number = admin.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();
        let files = admin.get(&format!("/tickets/{number}?include=attachments")).await.json();
        let url = files["attachments"][0]["url"].as_str().expect("a path").replace("/api/support", "");
        assert_eq!(admin.get(&url).await.body, b"of cardboard");
    }

    async fn a_form_nobody_confirms_is_forgotten(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.require_confirmation = true).await;
        send(&app, &form()).await;
        let (link, _) = mailed_link(&app).await;
        app.clock.advance_ms(48 * HOUR_MS);
        let late = Client::anonymous(&app.desk).raw("POST", &link, "application/x-www-form-urlencoded", "").await;
        assert_eq!(late.status.as_u16(), 410, "also while it is still there");
        app.desk.do_chores().await.expect("they are done");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM pending_tickets").await, 0);
        let late = Client::anonymous(&app.desk).raw("POST", &link, "application/x-www-form-urlencoded", "").await;
        assert_eq!(late.status.as_u16(), 410);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 0);
    }

    /// "CHECKLIST §3, user enumeration" (CWE-204): the same status, and a body of the same shape.
    async fn nobody_learns_who_is_known_here(engine: Engine) {
        let app = open_desk(engine, |_| {}).await;
        let admin = Client::admin(&app.desk).await;
        let known = json!({"subject": "x", "description": "y", "customer_email": "jo@example.org",
            "customer_name": "Josephine Secret", "user_id": "u_312"});
        assert_eq!(admin.json("POST", "/tickets", &known).await.status.as_u16(), 201);
        let (of_known, of_new) = (send(&app, &form()).await, send(&app, &with("customer_email", "new@example.org")).await);
        assert_eq!((of_known.status, shape(&of_known.json())), (of_new.status, shape(&of_new.json())));
        let text = String::from_utf8(of_known.body).expect("text");
        assert!(!text.contains("Josephine") && !text.contains("u_312") && !text.contains("desk.test"), "{text}");
        for (member, value) in [("external_id", json!("e1")), ("attachment_ids", json!(["019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b"]))] {
            assert_eq!(field(&send(&app, &with(member, value)).await), (422, format!("/{member}"), "not_allowed".into()));
        }
    }

    /// The same where a mail must confirm it first, and where the address is one of ours or takes no mail any more.
    async fn nobody_learns_whose_address_it_is(engine: Engine) {
        let app = open_desk(engine, |config| {
            config.intake.require_confirmation = true;
            config.api.limits.enabled = false;
        }).await;
        let admin = Client::admin(&app.desk).await;
        let known = json!({"subject": "x", "description": "y", "customer_email": "jo@example.org"});
        assert_eq!(admin.json("POST", "/tickets", &known).await.status.as_u16(), 201);
        assert!(admin.json("PUT", "/suppressions/gone@example.org", &json!({})).await.status.is_success());
        let of_new = send(&app, &with("customer_email", "new@example.org")).await;
        for address in ["jo@example.org", "ada@desk.test", "gone@example.org"] {
            let answer = send(&app, &with("customer_email", address)).await;
            assert_eq!((answer.status, &answer.body), (of_new.status, &of_new.body), "{address}");
        }
    }

    /// "CHECKLIST §3, Host header in mailed links" (CWE-640): a mailed link leads to `http.public_url`, whatever host the
    /// request named.
    async fn a_mailed_link_leads_to_us(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.require_confirmation = true).await;
        let request = Client::anonymous(&app.desk).request("POST", "/tickets").header("content-type", "application/json");
        let named = ["host", "x-forwarded-host", "x-forwarded-server", "x-host", "origin", "referer"];
        let request = named.into_iter().fold(request, |request, name| request.header(name, "evil.test"));
        let request = request.header("forwarded", "host=evil.test;proto=http").header("x-original-url", "http://evil.test/");
        let sent = Client::anonymous(&app.desk).send(request.body(Body::from(form().to_string())).expect("a request")).await;
        assert_eq!(sent.status.as_u16(), 202, "{sent:?}");
        let (link, mail) = mailed_link(&app).await;
        assert!(link.starts_with("/confirm/") && !mail.contains("evil.test"), "{mail}");
    }

    async fn a_stranger_names_no_contact_by_the_shops_ids(engine: Engine) {
        let app = open_desk(engine, |_| {}).await;
        let claimed = send(&app, &with("user_id", "u_312")).await;
        assert_eq!(claimed.status.as_u16(), 201, "{claimed:?}");
        let admin = Client::admin(&app.desk).await;
        let by_id = json!({"subject": "x", "description": "y", "user_id": "u_312"});
        assert_eq!(field(&admin.json("POST", "/tickets", &by_id).await).1, "/customer_email");
        let path = format!("/tickets/{}", claimed.json()["number"].as_str().expect("a number"));
        let ticket = admin.get(&path).await.json();
        assert_eq!((&ticket["user_id"], &ticket["metadata"]["claimed_user_id"]), (&Value::Null, &json!("u_312")));
        assert_eq!(admin.get("/tickets?user_id=u_312").await.json()["data"], json!([]));
        assert_eq!(field(&send(&app, &by_id).await).1, "/customer_email", "nor can they write as one");
    }

    async fn a_confirmed_address_proves_no_id(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.require_confirmation = true).await;
        assert_eq!(send(&app, &with("user_id", "u_312")).await.status.as_u16(), 202);
        let (link, _) = mailed_link(&app).await;
        Client::anonymous(&app.desk).raw("POST", &link, "application/x-www-form-urlencoded", "").await;
        let admin = Client::admin(&app.desk).await;
        assert_eq!(admin.get("/tickets").await.json()["data"][0]["metadata"]["claimed_user_id"], "u_312");
        assert_eq!(admin.get("/contacts?user_id=u_312").await.json()["data"], json!([]));
    }

    async fn what_only_robots_fill_in_is_thrown_away_politely(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.honeypot_field = Some("website".into())).await;
        let robot = send(&app, &with("website", "https://spam.example")).await;
        assert_eq!(robot.status.as_u16(), 201);
        assert!(robot.json()["number"].as_str().expect("a number").starts_with("TKT-"));
        assert_eq!(robot.json()["dry_run"], Value::Null);
        for table in ["tickets", "contacts", "outbox", "attachments"] {
            assert_eq!(app.database.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        assert_eq!(send(&app, &with("website", "")).await.status.as_u16(), 201);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
    }

    async fn a_puzzle_counts_once_and_in_time(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.proof_of_work = true).await;
        let anybody = Client::anonymous(&app.desk);
        assert_eq!(field(&send(&app, &form()).await).1, "/altcha");
        assert_eq!(field(&send(&app, &with("altcha", "nonsense")).await).2, "bad_format");
        let puzzle = anybody.get("/tickets/challenge").await;
        assert_eq!((puzzle.status.as_u16(), puzzle.header("cache-control")), (200, "no-store"));
        let puzzle = puzzle.json();
        let solution = solved(&puzzle);
        assert_eq!(send(&app, &with("altcha", solution.as_str())).await.status.as_u16(), 201);
        assert_eq!(field(&send(&app, &with("altcha", solution)).await), (422, "/altcha".into(), "not_allowed".into()));
        app.clock.advance_ms(HOUR_MS);
        let late = solved(&puzzle);
        let other = open_desk(engine, |config| config.intake.proof_of_work = true).await;
        other.clock.advance_ms(HOUR_MS);
        assert_eq!(field(&send(&other, &with("altcha", late)).await).2, "out_of_range");
    }

    async fn a_repeated_form_is_one_ticket(engine: Engine) {
        let app = open_desk(engine, |config| config.intake.proof_of_work = true).await;
        let anybody = Client::anonymous(&app.desk);
        let solution = solved(&anybody.get("/tickets/challenge").await.json());
        let again = async || {
            let request = anybody.request("POST", "/tickets").header("content-type", "application/json");
            let body = Body::from(with("altcha", solution.as_str()).to_string());
            anybody.send(request.header("idempotency-key", "k1").body(body).expect("a request")).await
        };
        let (first, second) = (again().await, again().await);
        assert_eq!((first.status.as_u16(), second.header("idempotency-replayed")), (201, "true"));
        assert_eq!(first.body, second.body);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
    }

    /// A key is its caller's own (API.md §1.6), also where their address is all that is known of them.
    async fn two_visitors_may_have_the_same_key(engine: Engine) {
        let app = open_desk(engine, |_| {}).await;
        let anybody = Client::anonymous(&app.desk);
        let from = async |address: [u8; 4]| {
            let request = anybody.request("POST", "/tickets").header("content-type", "application/json");
            let request = request.extension(ConnectInfo(SocketAddr::from((address, 4000))));
            let body = Body::from(form().to_string());
            anybody.send(request.header("idempotency-key", "k1").body(body).expect("a request")).await
        };
        let (first, second) = (from([198, 51, 100, 1]).await, from([198, 51, 100, 2]).await);
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", second.json());
        assert_ne!(first.json()["number"], second.json()["number"]);
    }

    async fn a_captcha_is_asked_and_believed(engine: Engine) {
        let cases = [
            (service("200 OK", "{\"success\":true}").await, 201, ""),
            (service("200 OK", "{\"success\":false,\"error-codes\":[]}").await, 422, "not_allowed"),
            (service("500 Oops", "").await, 503, ""),
            ("http://127.0.0.1:1/".to_owned(), 503, ""),
        ];
        for (verify_url, status, code) in cases {
            let captcha = Captcha { verify_url, secret: "s".into(), field: "h-captcha-response".into() };
            let app = open_desk(engine, |config| config.intake.captcha = Some(captcha)).await;
            assert_eq!(field(&send(&app, &form()).await), (422, "/h-captcha-response".into(), "required".into()));
            let answer = send(&app, &with("h-captcha-response", "token")).await;
            assert_eq!(answer.status.as_u16(), status, "{answer:?}");
            assert_eq!(answer.json()["errors"][0]["code"].as_str().unwrap_or_default(), code);
            assert_eq!(answer.header("retry-after"), if status == 503 { "10" } else { "" });
        }
    }

    async fn metadata_says_what_the_server_saw(engine: Engine) {
        let app = open_desk(engine, |_| {}).await;
        let anybody = Client::anonymous(&app.desk);
        let body = with("metadata", json!({"ip_address": "1.1.1.1", "user_agent": "lies", "page_url": "javascript:alert(1)"}));
        let request = anybody.request("POST", "/tickets").header("content-type", "application/json")
            .header("user-agent", "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/141.0")
            .header("referer", "https://shop.example/contact").body(Body::from(body.to_string()));
        let sent = anybody.send(request.expect("a request")).await.json();
        let path = format!("/tickets/{}", sent["number"].as_str().expect("a number"));
        let metadata = Client::admin(&app.desk).await.get(&path).await.json()["metadata"].clone();
        assert_eq!(metadata["browser"], "Firefox 141");
        assert_eq!(metadata["page_url"], "https://shop.example/contact");
        assert!(metadata["user_agent"].as_str().expect("text").starts_with("Mozilla/5.0"));
        assert_ne!(metadata["ip_address"], "1.1.1.1");
    }

    async fn browsers_may_ask_for_a_puzzle_from_the_shops_pages(engine: Engine) {
        let app = open_desk(engine, |config| config.api.cors_origins = vec!["https://shop.example".into()]).await;
        let anybody = Client::anonymous(&app.desk);
        let from = |origin: &'static str| {
            anybody.request("GET", "/tickets/challenge").header("origin", origin).body(Body::empty()).expect("a request")
        };
        let shop = anybody.send(from("https://shop.example")).await;
        assert_eq!(shop.header("access-control-allow-origin"), "https://shop.example");
        let wrong = anybody.request("POST", "/tickets").header("origin", "https://shop.example")
            .header("content-type", "application/json").body(Body::from("{}")).expect("a request");
        let wrong = anybody.send(wrong).await;
        assert_eq!((wrong.status.as_u16(), wrong.header("access-control-allow-origin")), (422, "https://shop.example"));
        assert_eq!(anybody.send(from("https://evil.example")).await.header("access-control-allow-origin"), "");
        let closed = App::start(engine).await;
        assert_eq!(Client::anonymous(&closed.desk).get("/tickets/challenge").await.problem(), (403, "intake_closed".into()));
    }
}
