//! Files: sent ahead, used once, read again, and what becomes of them in mails.

use axum::body::Body;
use postdesk::desk::NewToken;
use postdesk::mail::parse::parse;
use postdesk::model::Scope;
use postdesk::outbox::Transport;
use serde_json::{Value, json};

use crate::api::call::{Answer, Client};
use crate::api::{PARCEL, mail_in};
use crate::support::App;
use crate::support::outgoing::{send_by, until_customers};

/// A PNG of two pixels, transparent.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0x0D, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1F, 0x15, 0xC4, 0x89, 0, 0, 0, 0x0D, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9C, 0x63,
    0xF8, 0xCF, 0xC0, 0xF0, 0x1F, 0, 5, 0, 1, 0xFF, 0x89, 0x99, 0x3D, 0x1D, 0, 0, 0, 0, 0x49, 0x45, 0x4E,
    0x44, 0xAE, 0x42, 0x60, 0x82,
];

const DAY_MS: i64 = 24 * 3_600_000;

fn raw(api: &Client, path: &str, name: &str) -> axum::http::request::Builder {
    api.request("POST", path).header("content-disposition", format!("attachment; filename=\"{name}\""))
}

async fn upload(api: &Client, name: &str, content: impl Into<Body>) -> Answer {
    api.send(raw(api, "/attachments", name).body(content.into()).expect("a request")).await
}

async fn uploaded(api: &Client, name: &str, content: impl Into<Body>) -> String {
    let answer = upload(api, name, content).await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    answer.json()["id"].as_str().expect("an id").to_owned()
}

fn ticket(files: &[&str]) -> Value {
    json!({"subject": "Broken lid", "description": "It broke.", "customer_email": "jo@example.org", "attachment_ids": files})
}

/// Octets that repeat late, so that a piece out of place is seen.
fn octets(size: usize) -> Vec<u8> {
    (0..size).map(|n| ((n * 7 + n / 251) % 256) as u8).collect()
}

/// The bytes of the newest mail to a customer.
async fn mail_to_customer(app: &App, api: &Client) -> Vec<u8> {
    let _worker = send_by(app, Transport::from_config(app.desk.config()).expect("it can work"));
    until_customers(app, "captured").await;
    let logs = api.get("/email-logs?template=ticket_reply").await.json();
    api.get(&format!("/email-logs/{}/raw", logs["data"][0]["id"].as_str().expect("an id"))).await.body
}

both_engines! {
    async fn a_file_is_sent_ahead_used_once_and_read_again(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let content = octets(600_000);
        let answer = upload(&api, "C:\\\\photos\\\\Gr\u{f6}\u{df}e.bin", content.clone()).await;
        let file = answer.json();
        assert_eq!(answer.status.as_u16(), 201, "{file}");
        assert_eq!((&file["size"], &file["content_type"]), (&json!(600_000), &json!("application/octet-stream")));
        assert_eq!(file["expires_at"], "2026-03-03T09:00:00.000Z");
        let id = file["id"].as_str().expect("an id");
        assert_eq!(answer.header("location"), format!("/api/support/attachments/{id}"));

        let opened = api.json("POST", "/tickets", &ticket(&[id])).await;
        assert_eq!(opened.status.as_u16(), 201, "{opened:?}");
        assert_eq!(opened.json()["attachment_count"], 1);
        let again = api.json("POST", "/tickets", &ticket(&[id])).await;
        assert_eq!(again.problem(), (422, "validation_failed".into()));
        assert_eq!(again.json()["errors"][0]["pointer"], "/attachment_ids");

        let path = format!("/attachments/{id}");
        let whole = api.get(&path).await;
        assert!(whole.body == content && whole.header("content-length") == "600000");
        assert_eq!(whole.header("etag"), format!("\"{}\"", file["sha256"].as_str().expect("a hash")));
        for (range, from, to) in [("bytes=0-3", 0, 4), ("bytes=262140-262150", 262_140, 262_151), ("bytes=-5", 599_995, 600_000)] {
            let part = api.send(api.request("GET", &path).header("range", range).body(Body::empty()).expect("a request")).await;
            assert_eq!(part.status.as_u16(), 206, "{range}");
            assert!(part.body == content[from..to], "{range}");
            assert_eq!(part.header("content-range"), format!("bytes {from}-{}/600000", to - 1));
        }
        let stale = api.request("GET", &path).header("range", "bytes=0-3").header("if-range", "\"old\"").body(Body::empty());
        assert_eq!(api.send(stale.expect("a request")).await.status.as_u16(), 200);
        let beyond = api.request("GET", &path).header("range", "bytes=600000-").body(Body::empty());
        let beyond = api.send(beyond.expect("a request")).await;
        assert_eq!(beyond.problem(), (416, "range_not_satisfiable".into()));
        assert_eq!(beyond.header("content-range"), "bytes */600000");
        let delete = api.json("DELETE", &path, &json!({})).await;
        assert_eq!(delete.problem(), (409, "invalid_state".into()));
    }

    async fn what_nobody_uses_is_gone_after_a_day(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let kept = uploaded(&api, "kept.txt", "the same words").await;
        let lost = uploaded(&api, "lost.txt", "the same words").await;
        let other = uploaded(&api, "other.txt", "other words").await;
        assert_eq!(app.database.count("SELECT COUNT(*) FROM blobs").await, 2, "equal octets are kept once");
        let deleted = api.send(api.request("DELETE", &format!("/attachments/{other}")).body(Body::empty()).expect("a request")).await;
        assert_eq!(deleted.status.as_u16(), 204);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM blobs").await, 1);
        assert_eq!(api.get(&format!("/attachments/{other}")).await.problem().0, 404);
        assert_eq!(api.json("POST", "/tickets", &ticket(&[&kept])).await.status.as_u16(), 201);
        app.clock.advance_ms(DAY_MS);
        let late = api.json("POST", "/tickets", &ticket(&[&lost])).await;
        assert_eq!(late.problem(), (422, "validation_failed".into()), "also before it is swept");
        assert_eq!(app.desk.do_chores().await.expect("they are done").swept, 1);
        assert_eq!(api.get(&format!("/attachments/{lost}")).await.problem(), (410, "attachment_expired".into()));
        assert_eq!(api.get(&format!("/attachments/{kept}")).await.body, b"the same words");
        app.clock.advance_ms(31 * DAY_MS);
        app.desk.do_chores().await.expect("they are done");
        assert_eq!(api.get(&format!("/attachments/{lost}")).await.problem(), (404, "attachment_not_found".into()));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM blob_pieces").await, 1);
    }

    async fn files_of_a_ticket_go_for_good_and_others_keep_theirs(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let mut tickets = Vec::new();
        for name in ["one.txt", "two.txt"] {
            let file = uploaded(&api, name, "shared").await;
            let own = uploaded(&api, name, name).await;
            let opened = api.json("POST", "/tickets", &ticket(&[&file, &own])).await.json();
            tickets.push((opened["id"].as_str().expect("an id").parse().expect("a UUID"), file, own));
        }
        let mut tx = app.store.begin().await.expect("a turn");
        tx.drop_files_of_ticket(tickets[0].0).await.expect("it deletes");
        tx.commit().await.expect("on disk");
        assert_eq!(api.get(&format!("/attachments/{}", tickets[0].1)).await.problem().0, 404);
        assert_eq!(api.get(&format!("/attachments/{}", tickets[1].1)).await.body, b"shared");
        assert_eq!(api.get(&format!("/attachments/{}", tickets[1].2)).await.body, b"two.txt");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM blobs").await, 2);
    }

    async fn only_the_uploader_may_use_a_file(engine: Engine) {
        let app = App::start(engine).await;
        let scopes = [Scope::TicketsWrite, Scope::ResponsesWrite];
        let (mine, theirs) = (Client::new(&app.desk, &scopes).await, Client::new(&app.desk, &scopes).await);
        let file = uploaded(&mine, "secret.txt", "secret").await;
        assert_eq!(theirs.get(&format!("/attachments/{file}")).await.problem().0, 404);
        assert_eq!(theirs.json("POST", "/tickets", &ticket(&[&file])).await.problem().0, 422);
        let delete = theirs.request("DELETE", &format!("/attachments/{file}")).body(Body::empty()).expect("a request");
        assert_eq!(theirs.send(delete).await.problem().0, 404);
        let reader = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        assert_eq!(upload(&reader, "x", "x").await.problem(), (403, "insufficient_scope".into()));
        assert_eq!(upload(&Client::anonymous(&app.desk), "x", "x").await.problem(), (401, "missing_credentials".into()));
        assert_eq!(mine.json("POST", "/tickets", &ticket(&[&file])).await.status.as_u16(), 201);
    }

    async fn limits_hold_for_files_and_for_what_waits(engine: Engine) {
        let app = App::start_with(engine, |config| {
            config.limits.max_attachment_mb = 1;
            config.limits.max_pending_uploads = 3;
            config.limits.max_pending_mb = 2;
        }).await;
        let api = Client::admin(&app.desk).await;
        let large = upload(&api, "large", octets((1 << 20) + 1)).await;
        assert_eq!(large.problem(), (413, "attachment_too_large".into()));
        assert_eq!(large.json()["limit_bytes"], 1 << 20);
        uploaded(&api, "a", octets(1 << 20)).await;
        uploaded(&api, "b", octets(1 << 19)).await;
        let full = upload(&api, "c", octets(1 << 20)).await;
        assert_eq!(full.problem(), (429, "rate_limited".into()));
        assert_eq!(full.header("retry-after"), "86401");
        uploaded(&api, "d", "small").await;
        assert_eq!(upload(&api, "e", "small").await.problem().0, 429);
        app.clock.advance_ms(DAY_MS);
        uploaded(&api, "f", octets(1 << 20)).await;
    }

    async fn an_upload_is_made_once_under_a_key(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let send = async |content: &'static str| {
            let request = raw(&api, "/attachments", "a.txt").header("idempotency-key", "k1").body(Body::from(content));
            api.send(request.expect("a request")).await
        };
        let (first, again) = (send("one").await, send("one").await);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
        assert_eq!(send("two").await.problem(), (422, "idempotency_key_reused".into()));
        let dry = raw(&api, "/attachments?dry_run=true", "a.txt").body(Body::from("three")).expect("a request");
        let dry = api.send(dry).await;
        assert_eq!((dry.status.as_u16(), &dry.json()["id"], &dry.json()["dry_run"]), (200, &Value::Null, &json!(true)));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM attachments").await, 1);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM blobs").await, 1);
    }

    async fn types_are_told_by_content_and_only_safe_ones_are_shown(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        for (name, content, kind, shown) in [
            ("page.png", &b"<html><script>alert(1)</script>"[..], "text/html", false),
            ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml", false),
            ("notes.html", b"just words", "text/plain", false),
            ("photo.txt", PNG, "image/png", true),
            ("paper", b"%PDF-1.7\n", "application/pdf", true),
            ("", b"MZ\x90\0\x03\0", "application/vnd.microsoft.portable-executable", false),
        ] {
            let sent = upload(&api, name, content).await.json();
            assert_eq!(sent["content_type"], kind, "{name}");
            let file = sent["id"].as_str().expect("an id");
            for inline in [false, true] {
                let answer = api.get(&format!("/attachments/{file}?inline={inline}")).await;
                let disposition = answer.header("content-disposition");
                let want = if inline && shown { "inline" } else { "attachment" };
                assert!(disposition.starts_with(want), "{name}: {disposition}");
                let is_active = matches!(kind, "text/html" | "image/svg+xml");
                assert_eq!(answer.header("content-type"), if is_active { "application/octet-stream" } else { kind });
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
                assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
                assert_eq!(answer.body, content);
            }
        }
    }

    async fn a_mails_part_is_read_like_a_file_whatever_it_says_it_is(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let lying = PARCEL.replace("text/plain; name=\"note.txt\"", "image/png; name=\"note.png\"");
        mail_in(&app.desk, "jo@example.org", &lying).await;
        let ticket = api.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();
        let files = api.get(&format!("/tickets/{ticket}?include=attachments")).await.json();
        let url = files["attachments"][0]["url"].as_str().expect("a path").replace("/api/support", "");
        let answer = api.get(&format!("{url}?inline=1")).await;
        assert_eq!(answer.body, b"0123456789");
        assert!(answer.header("content-disposition").starts_with("attachment"), "{answer:?}");
        let part = api.request("GET", &url).header("range", "bytes=2-4").body(Body::empty()).expect("a request");
        assert_eq!(api.send(part).await.body, b"234");
        assert_eq!(api.get(&format!("{url}/thumbnail")).await.problem().0, 404);
    }

    async fn pictures_have_thumbnails(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let file = uploaded(&api, "p.png", PNG).await;
        let small = api.get(&format!("/attachments/{file}/thumbnail")).await;
        assert_eq!((small.status.as_u16(), small.header("content-type")), (200, "image/png"));
        let cached = api.request("GET", &format!("/attachments/{file}/thumbnail")).header("if-none-match", small.header("etag"));
        assert_eq!(api.send(cached.body(Body::empty()).expect("a request")).await.status.as_u16(), 304);
        let text = uploaded(&api, "p.png", "no picture").await;
        assert_eq!(api.get(&format!("/attachments/{text}/thumbnail")).await.problem(), (404, "attachment_not_found".into()));
    }

    async fn files_and_pictures_of_an_answer_reach_the_customer(engine: Engine) {
        let app = App::start_with(engine, |config| {
            config.limits.max_mail_files_mb = 1;
            config.http.public_url = Some("https://desk.test/".into());
        }).await;
        let api = Client::admin(&app.desk).await;
        let opened = api.json("POST", "/tickets", &ticket(&[])).await.json();
        let picture = uploaded(&api, "way.png", PNG).await;
        let paper = uploaded(&api, "paper.pdf", "%PDF-1.7 words").await;
        let film = uploaded(&api, "film.bin", octets(2 << 20)).await;
        let body = json!({"body": "See here:\n\n![the way](cid:way.png)", "body_format": "markdown",
            "attachment_ids": [picture, paper, film]});
        let path = format!("/tickets/{}/responses", opened["id"].as_str().expect("an id"));
        let answered = api.json("POST", &path, &body).await;
        assert_eq!(answered.status.as_u16(), 201, "{answered:?}");
        let shown = answered.json();
        assert_eq!(shown["attachments"][0]["inline"], true);
        assert!(shown["body_html"].as_str().expect("HTML").contains(&format!("/api/support/attachments/{picture}?inline=1")));

        let mail = parse(&mail_to_customer(&app, &api).await);
        let names: Vec<_> = mail.attachments.iter().map(|a| (a.filename.as_deref().unwrap_or_default(), a.inline)).collect();
        assert_eq!(names, [("way.png", true), ("paper.pdf", false)]);
        let html = mail.html.expect("HTML");
        let id = mail.attachments[0].content_id.as_deref().expect("a Content-ID");
        assert!(html.contains(&format!("src=\"cid:{id}\"")), "{html}");
        let link = mail.text.lines().find(|line| line.starts_with("https://desk.test/api/support/attachments/")).expect("a link");
        let link = link.trim().strip_prefix("https://desk.test/api/support").expect("ours");
        let anybody = Client::anonymous(&app.desk);
        assert!(anybody.get(link).await.body == octets(2 << 20));
        let (path, _) = link.split_once('?').expect("a query");
        assert_eq!(anybody.get(path).await.problem(), (401, "missing_credentials".into()));
        assert_eq!(anybody.get(&link.replace("sig=", "sig=0")).await.problem(), (404, "attachment_not_found".into()));
        assert_eq!(anybody.get(&link.replace(&film, &paper)).await.problem(), (404, "attachment_not_found".into()));
        app.clock.advance_ms(31 * DAY_MS);
        assert_eq!(anybody.get(link).await.problem(), (410, "link_expired".into()));
    }

    async fn forms_are_read_part_by_part(engine: Engine) {
        let app = App::start(engine).await;
        let scopes = vec![Scope::TicketsWrite];
        let new = NewToken { name: "form".into(), agent_id: None, scopes, expires_at: None };
        let api = Client::with(&app.desk, new).await;
        let part = |name: &str, file: &str, kind: &str, content: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: {kind}\r\n\r\n{content}\r\n")
        };
        let text = ticket(&[]).to_string();
        let both = [part("ticket", "", "application/json", &text), part("files[]", "; filename=\"../../a.png\"", "image/png", "words")];
        let form = "multipart/form-data; boundary=b";
        let opened = api.raw("POST", "/tickets", form, both.concat() + "--b--\r\n").await;
        assert_eq!(opened.status.as_u16(), 201, "{opened:?}");
        let number = opened.json()["number"].as_str().expect("a number").to_owned();
        let file = &api.get(&format!("/tickets/{number}?include=attachments")).await.json()["attachments"][0];
        assert_eq!((&file["filename"], &file["content_type"]), (&json!("a.png"), &json!("text/plain")));

        let alone = part("file", "; filename=\"a.txt\"", "image/png", "words") + "--b--\r\n";
        assert_eq!(api.raw("POST", "/attachments", form, alone).await.status.as_u16(), 201);
        for (body, code) in [
            (both[1].clone() + "--b--\r\n", "malformed_json"),
            (part("colour", "", "text/plain", "red") + "--b--\r\n", "unknown_field"),
            ("no form".to_owned(), "malformed_json"),
        ] {
            assert_eq!(api.raw("POST", "/tickets", form, body).await.problem(), (400, code.into()));
        }
        assert_eq!(api.raw("POST", "/attachments", form, both.concat() + "--b--\r\n").await.problem().1, "unknown_field");
        assert_eq!(api.raw("POST", "/attachments", "image/png", PNG).await.problem().1, "unsupported_media_type");
    }
}
