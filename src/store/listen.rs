//! Words between the nodes of one desk, by PostgreSQL's NOTIFY. A word is only a hint to look: one that is lost costs
//! time, nothing else.

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::value::args;
use super::{Engine, Result, Store, Tx};

/// Where all nodes of one database listen.
const CHANNEL: &str = "postdesk";

/// A connection that hears what nodes say.
pub struct Ear(PgListener);

impl Store {
    /// Listens, on a connection of its own; `None` where there is no other node.
    ///
    /// # Errors
    /// [`super::Error::Unavailable`] when there is no connection to be had.
    pub async fn listen(&self) -> Result<Option<Ear>> {
        let Engine::Postgres(pool) = &self.engine else { return Ok(None) };
        let options = pool.connect_options();
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with((*options).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Ear(listener)))
    }
}

impl Tx {
    /// Says a word to every node, this one too; heard when the transaction commits.
    pub async fn tell_nodes(&mut self, word: &str) -> Result<()> {
        let (_,): (bool,) =
            self.only(include_str!("sql/nodes/tell.postgres.sql"), args![CHANNEL, word]).await?;
        Ok(())
    }
}

impl Ear {
    /// The next word; `None` when the connection broke, and what was said since is not known.
    pub async fn next(&mut self) -> Option<String> {
        let heard = self.0.try_recv().await.ok().flatten()?;
        Some(heard.payload().to_owned())
    }
}
