//! Mail that comes in, through the desk's verb.

use crate::support::App;

both_engines! {
    async fn a_desk_opens_on_an_empty_database(engine: Engine) {
        let app = App::start(engine).await;
        assert!(app.desk.recipients().look_up("nobody@elsewhere.test") == postdesk::desk::Recipient::NotOurs);
    }
}
