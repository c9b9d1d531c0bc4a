//! One try: a POST, and as much of the answer as is worth keeping. Whatever goes wrong becomes words in the delivery.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::sign;
use crate::desk::ReadyDelivery;
use crate::model::target::check_place;
use crate::model::webhook::retry_after_ms;
use crate::model::{Exchange, Timestamp, WebhookTry};

/// Most octets of an answer that are read.
const MOST_BODY: usize = 8 << 10;
/// Most headers of an answer that are kept, and most characters of each.
const MOST_HEADERS: usize = 50;
const LONGEST_HEADER: usize = 500;

/// How a try is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Longest time for the whole of it, the look-up of the name included.
    pub timeout: Duration,
    /// Whether private addresses are good too.
    pub allow_private: bool,
}

/// Sends a delivery and says how that went. It ends in time, whatever the other side does.
pub(super) async fn send(client: &Client, ready: &ReadyDelivery, terms: Terms, now: Timestamp) -> WebhookTry {
    let begun = Instant::now();
    let deadline = begun + terms.timeout;
    let exchange = Exchange { at: Some(now), url: ready.webhook.url.clone(), ..Exchange::default() };
    let mut result = WebhookTry { status: None, retry_after_ms: None, error: None, duration_ms: 0, exchange };
    match timeout_at(deadline, post(client, ready, terms, now, &mut result.exchange)).await {
        Ok(Ok(response)) => {
            result.status = Some(response.status().as_u16());
            result.retry_after_ms = retry_after(response.headers(), now);
            result.exchange.response_headers = kept_headers(response.headers());
            read_body(response, deadline, &mut result.exchange).await;
        }
        Ok(Err(error)) => result.error = Some(error),
        Err(_) => result.error = Some(format!("no answer within {} s", terms.timeout.as_secs())),
    }
    result.duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    result
}

async fn post(
    client: &Client,
    ready: &ReadyDelivery,
    terms: Terms,
    now: Timestamp,
    exchange: &mut Exchange,
) -> Result<Response, String> {
    let url = Url::parse(&ready.webhook.url).map_err(|error| format!("is no URL: {error}"))?;
    // An address in the URL itself is never looked up; and the settings may be others than when it was saved.
    check_place(&url, terms.allow_private).map_err(|error| format!("the URL {error}"))?;
    exchange.request_headers = sign::headers(ready, now).map_err(|error| error.to_string())?;
    let mut request = client.post(url).body(ready.body.clone());
    for (name, value) in &exchange.request_headers {
        request = request.header(name, value);
    }
    request.send().await.map_err(in_words)
}

/// Reads the beginning of the body. The status has said what counts: an answer that breaks off, or never ends, is as good
/// as a whole one.
async fn read_body(mut response: Response, deadline: Instant, exchange: &mut Exchange) {
    let mut body = Vec::new();
    loop {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => break,
            Ok(Err(_)) | Err(_) => {
                exchange.truncated = true;
                break;
            }
        }
        if body.len() > MOST_BODY {
            body.truncate(MOST_BODY);
            exchange.truncated = true;
            break;
        }
    }
    exchange.response_body = Some(text(&body));
}

fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    headers.get(RETRY_AFTER)?.to_str().ok().and_then(|value| retry_after_ms(value, now))
}

/// What is kept of the headers: cookies are nobody's business.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| **name != SET_COOKIE).take(MOST_HEADERS);
    let shown = |value: &[u8]| text(value).chars().take(LONGEST_HEADER).collect();
    kept.map(|(name, value)| (name.as_str().to_owned(), shown(value.as_bytes()))).collect()
}

/// As text a database takes: PostgreSQL's has no NUL.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// With the reasons behind it: reqwest's own words only say that something failed.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}
