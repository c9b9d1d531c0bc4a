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
}
