//! The checks at the door: through a proxy, kept with the mail, and said in front of it.

use postdesk::model::{Authority, InboundRecord};
use postdesk::sender::Zone;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::desk::{behind_a_proxy, send, taken};
use crate::support::App;
use crate::support::app::SUPPORT;
use crate::support::client::Client;

/// The ledger's row, and what stands in front of the mail.
async fn kept(app: &App, reply: &str) -> (InboundRecord, String) {
    let row = taken(app, reply).await;
    let header =
        app.database.texts("SELECT received_header FROM inbound_mails ORDER BY id DESC LIMIT 1").await;
    (row, header.concat())
}

/// What a socket is told before anything else, and what it answers until it closes or greets.
async fn told(app: &App, first: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.smtp).await.expect("open");
    for piece in first.chunks(7) {
        if stream.write_all(piece).await.is_err() {
            return String::new();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let mut answer = vec![0; 200];
    let length = stream.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

both_engines! {
    /// RFC 8601 §5: what the mail itself says of us is not asked. RFC 7208 §9.1.
    async fn results_are_kept_and_stand_in_front_of_the_mail(engine: Engine) {
        let zone = Zone::default().text("example.org", "v=spf1 ip4:198.51.100.0/24 -all");
        let app = App::start_in(engine, zone, behind_a_proxy).await;
        let raw = b"Authentication-Results: mx.desk.test; dmarc=pass\r\nFrom: jo@example.org\r\nSubject: x\r\n\r\nHi.\r\n";
        for (ip, spf, verified) in [("198.51.100.7", Authority::Pass, true), ("203.0.113.7", Authority::Fail, false)] {
            let mut client = Client::connect_for(app.smtp, ip).await.expect("greeted");
            let (row, kept) = kept(&app, &client.send("jo@example.org", SUPPORT, raw).await.expect("answered")).await;
            assert_eq!((row.authentication.spf, row.authentication.dmarc), (spf, Authority::None));
            assert_eq!(row.authentication.is_verified(), verified);
            let top = format!(
                "Authentication-Results: mx.desk.test;\r\n\tspf={spf}\r\n\t smtp.mailfrom=example.org;\r\n\tdkim=none;\r\n\tdmarc=none\r\n\t header.from=example.org\r\nReceived: from client.test ([{ip}])"
            );
            assert!(kept.starts_with(&top), "{kept}");
        }
    }

    /// RFC 7208 §2.6.6, §8.6; RFC 9989 §5.3.6.
    async fn trouble_with_the_dns_proves_nothing_and_refuses_nothing(engine: Engine) {
        let zone = Zone::default().broken("example.org").broken("_dmarc.example.org");
        let app = App::start_in(engine, zone, behind_a_proxy).await;
        let mut client = Client::connect_for(app.smtp, "198.51.100.7").await.expect("greeted");
        let raw = b"From: jo@example.org\r\nSubject: x\r\n\r\nHi.\r\n";
        let (row, _) = kept(&app, &client.send("jo@example.org", SUPPORT, raw).await.expect("answered")).await;
        assert_eq!((row.authentication.spf, row.authentication.dmarc), (Authority::Temperror, Authority::Temperror));
        assert!(!row.authentication.is_verified());
    }

    /// RFC 7208 §8: only `pass` proves a sender, whether their domain has a policy or none.
    async fn nothing_but_a_pass_proves_a_sender(engine: Engine) {
        let words = [("pass", '+'), ("neutral", '?'), ("softfail", '~'), ("fail", '-')];
        let zone = words.iter().fold(Zone::default(), |zone, (word, sign)| {
            zone.text(&format!("{word}.example"), &format!("v=spf1 {sign}all"))
                .text(&format!("{word}.strict.example"), &format!("v=spf1 {sign}all"))
                .text(&format!("_dmarc.{word}.strict.example"), "v=DMARC1; p=reject")
        });
        let app = App::start_in(engine, zone, behind_a_proxy).await;
        for (word, _) in words {
            for domain in [format!("{word}.example"), format!("{word}.strict.example")] {
                let raw = format!("From: jo@{domain}\r\nSubject: x\r\n\r\nHi.\r\n");
                let row = send(&app, "198.51.100.7", &format!("jo@{domain}"), SUPPORT, raw.as_bytes()).await;
                assert_eq!(row.authentication.spf.as_str(), word, "{domain}");
                assert_eq!(row.authentication.is_verified(), word == "pass", "{domain}");
            }
        }
    }

    /// RFC 7208 §4.6.4: eleven terms that ask are one too many. §8.7: that proves nothing, and refuses nothing.
    async fn records_that_ask_too_much_prove_nothing(engine: Engine) {
        let ask = |count: usize| (0..count).map(|n| format!(" include:i{n}.example")).collect::<String>();
        let zone = Zone::default()
            .text("ten.example", &format!("v=spf1{} ip4:198.51.100.7 -all", ask(10)))
            .text("eleven.example", &format!("v=spf1{} ip4:198.51.100.7 -all", ask(11)))
            .text("nested.example", "v=spf1 include:eleven.example +all")
            .text("broken.example", "v=spf1 ip4:198.51.100.7.1 -all");
        let zone = (0..11).fold(zone, |zone, n| zone.text(&format!("i{n}.example"), "v=spf1 -all"));
        let app = App::start_in(engine, zone, behind_a_proxy).await;
        let mut client = Client::connect_for(app.smtp, "198.51.100.7").await.expect("greeted");
        for (domain, spf) in [
            ("ten.example", Authority::Pass),
            ("eleven.example", Authority::Permerror),
            ("nested.example", Authority::Permerror),
            ("broken.example", Authority::Permerror),
        ] {
            app.clock.advance_ms(1_000);
            let raw = format!("From: jo@{domain}\r\nSubject: x\r\n\r\nHi.\r\n");
            let reply = client.send(&format!("jo@{domain}"), SUPPORT, raw.as_bytes()).await.expect("answered");
            let (row, kept) = kept(&app, &reply).await;
            assert_eq!((row.authentication.spf, row.authentication.is_verified()), (spf, spf == Authority::Pass), "{domain}");
            assert!(kept.contains(&format!("spf={spf}\r\n\t smtp.mailfrom={domain}")), "{kept}");
        }
    }

    /// RFC 8601 §5, MAIL.md §1.2: what our own MTA found counts, where it is known to look.
    async fn our_own_mta_is_believed_in_what_it_found(engine: Engine) {
        let app = App::start_with(engine, |config| config.smtp.authserv_ids = vec!["mta.shop.test".into()]).await;
        let mut client = Client::connect(app.smtp).await.expect("greeted");
        for (field, dmarc, verified) in [
            ("Authentication-Results: mta.shop.test; dmarc=pass header.from=example.org", Authority::Pass, true),
            ("Authentication-Results: mta.shop.test; dmarc=fail; spf=pass smtp.mailfrom=example.org", Authority::Fail, false),
            ("Authentication-Results: mta.shop.test; spf=pass smtp.mailfrom=jo@example.org", Authority::None, true),
            ("Authentication-Results: mta.shop.test; dkim=pass header.d=evil.example", Authority::None, false),
            ("Authentication-Results: elsewhere.test; dmarc=pass", Authority::None, false),
            ("Authentication-Results: elsewhere.test; dmarc=fail\r\nAuthentication-Results: mta.shop.test; dmarc=pass", Authority::None, false),
            ("Subject: none", Authority::None, false),
        ] {
            let raw = format!("{field}\r\nFrom: jo@example.org\r\n\r\nHi.\r\n");
            let (row, _) = kept(&app, &client.send("jo@example.org", SUPPORT, raw.as_bytes()).await.expect("answered")).await;
            assert_eq!((row.authentication.dmarc, row.authentication.is_verified()), (dmarc, verified), "{field}");
        }
    }

    /// The PROXY protocol 1 and 2: said by those who are listed, and by nobody else.
    async fn proxies_say_whom_they_speak_for(engine: Engine) {
        let app = App::start_in(engine, Zone::default(), behind_a_proxy).await;
        let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\x7f\0\0\x01\x0f\xa0\0\x19";
        let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
        for good in [
            b"PROXY TCP4 198.51.100.7 127.0.0.1 4000 25\r\n".as_slice(),
            b"PROXY TCP6 2001:db8::1 ::1 4000 25\r\n",
            b"PROXY UNKNOWN\r\n",
            v2,
            local,
        ] {
            assert!(told(&app, good).await.starts_with("220 "), "{good:?}");
        }
        let endless = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
        for bad in [
            b"EHLO x\r\n".as_slice(),
            b"PROXY TCP4 nobody 127.0.0.1 4000 25\r\n",
            b"\r\n\r\n\0\r\nQUIX\n\x21\x11\0\x0c",
            &endless,
        ] {
            assert_eq!(told(&app, bad).await, "", "{bad:?}");
        }
        let stranger = App::start_with(engine, |_| {}).await;
        let answer = told(&stranger, b"PROXY TCP4 198.51.100.7 127.0.0.1 4000 25\r\n").await;
        assert!(!answer.is_empty(), "no proxy is listed here");
        let mut client = Client::connect(stranger.smtp).await.expect("greeted");
        assert!(client.say("PROXY TCP4 198.51.100.7 127.0.0.1 4000 25").await.expect("answered").starts_with('5'));
    }

    /// RFC 5782: strangers on a list are refused; postmaster, answers, and our own networks are not.
    async fn addresses_on_a_block_list_are_refused(engine: Engine) {
        let zone = Zone::default().address("7.113.0.203.bl.test", [127, 0, 0, 2]);
        let app = App::start_in(engine, zone, |config| {
            behind_a_proxy(config);
            config.smtp.block_lists = vec!["bl.test".into()];
        })
        .await;
        let raw = b"From: jo@example.org\r\nSubject: x\r\n\r\nHi.\r\n";
        for (ip, to, want) in [
            ("203.0.113.7", SUPPORT, "550 5.7.1 "),
            ("203.0.113.7", "support+junk@desk.test", "550 5.7.1 "),
            ("203.0.113.7", "postmaster@desk.test", "250 "),
            ("203.0.113.8", SUPPORT, "250 "),
            ("127.0.0.1", SUPPORT, "250 "),
        ] {
            let mut client = Client::connect_for(app.smtp, ip).await.expect("greeted");
            let reply = client.send("jo@example.org", to, raw).await.expect("answered");
            assert!(reply.starts_with(want), "{ip} {to}: {reply}");
        }
    }

    /// RFC 6647: who is new comes again after the wait, and then need not wait again.
    async fn who_is_new_comes_again(engine: Engine) {
        let app = App::start_in(engine, Zone::default(), |config| {
            behind_a_proxy(config);
            config.smtp.greylist_minutes = 5;
        })
        .await;
        let minutes = |minutes: i64| app.clock.advance_ms(minutes * 60_000);
        let mut sent = 0;
        let mut bring = async |ip: &str, from: &str| {
            sent += 1;
            let mut client = Client::connect_for(app.smtp, ip).await.expect("greeted");
            let raw = format!("From: jo@example.org\r\nSubject: {sent}\r\n\r\nHi.\r\n");
            client.send(from, SUPPORT, raw.as_bytes()).await.expect("answered")[..3].to_owned()
        };
        assert_eq!(bring("203.0.113.7", "jo@example.org").await, "451");
        minutes(4);
        assert_eq!(bring("203.0.113.7", "JO@example.org").await, "451", "too soon");
        minutes(1);
        assert_eq!(bring("203.0.113.99", "jo@example.org").await, "250", "a neighbour of the same sender");
        assert_eq!(bring("203.0.113.7", "jo@example.org").await, "250", "known now");
        assert_eq!(bring("198.51.100.7", "jo@example.org").await, "451", "not from elsewhere");
        assert_eq!(bring("203.0.113.7", "al@example.org").await, "451", "nor for another sender");
        assert_eq!(bring("203.0.113.7", "").await, "250", "reports don't wait");
        minutes(3 * 24 * 60);
        assert_eq!(bring("203.0.113.7", "al@example.org").await, "451", "they never came again");
        assert_eq!(bring("203.0.113.7", "jo@example.org").await, "250");
        minutes(40 * 24 * 60);
        app.desk.do_chores().await.expect("they are done");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM greylist").await, 0);
    }
}
