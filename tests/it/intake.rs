//! Mail that comes in, through the door.

use crate::support::App;
use crate::support::app::SUPPORT;
use crate::support::client::Client;

both_engines! {
    async fn mail_for_nobody_here_is_refused(engine: Engine) {
        let app = App::start(engine).await;
        let mut client = Client::connect(app.smtp).await.expect("greeted");
        let reply = client.send("jo@shop.test", "nobody@elsewhere.test", b"Subject: hello\r\n\r\nhello\r\n").await;
        assert!(reply.expect("answered").starts_with("550 5.7.1"));
        assert_eq!(app.database.count("SELECT count(*) FROM inbound_mails").await, 0);
        assert!(app.desk.recipients().is_ours(SUPPORT));
    }

    async fn customers_are_answered_in_the_language_they_write(engine: Engine) {
        let app = App::start(engine).await;
        let mut client = Client::connect(app.smtp).await.expect("greeted");
        let raw = "From: jo@shop.test\r\nSubject: Lampe\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
                   Guten Tag, die Lampe ist kaputt angekommen. Was nun?\r\n";
        let reply = client.send("jo@shop.test", SUPPORT, raw.as_bytes()).await.expect("answered");
        assert!(reply.starts_with("250 "), "{reply}");
        let locale = "SELECT locale FROM outbox WHERE audience = 'customer'";
        assert_eq!(app.database.texts(locale).await, ["de"]);
    }
}
