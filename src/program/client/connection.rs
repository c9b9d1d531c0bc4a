//! Calls to a desk: where it is, who calls, and what an answer means.

use std::time::Duration;

use anyhow::{Context, Result};
use postdesk::clock::{Clock, Ids};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::Value;

use super::super::say::explain;
use super::failure::{Misused, NotFound, Refused};
use super::profiles::Profiles;
use super::words;

/// Every path begins so.
const BASE: &str = "/api/support";
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest wait when the desk asks for one.
const LONGEST_WAIT: u64 = 60;
/// Most tries of one call.
const TRIES: u32 = 3;

/// Which desk, and how to answer.
#[derive(clap::Args)]
pub struct Target {
    /// A desk kept by `postdesk profile add`.
    #[arg(long, global = true, env = "POSTDESK_PROFILE")]
    profile: Option<String>,
    /// Where the desk is; its token then stands in POSTDESK_TOKEN.
    #[arg(long, global = true, env = "POSTDESK_URL")]
    url: Option<String>,
    /// Print the API's JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// A desk to call. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    client: reqwest::Client,
    base: Url,
    token: String,
}

impl Target {
    /// By address and `POSTDESK_TOKEN`, or by profile. An address goes before the profile that is used without a name.
    pub fn connect(&self) -> Result<Connection> {
        let token = std::env::var("POSTDESK_TOKEN").ok().filter(|token| !token.is_empty());
        let (url, token) = match (&self.url, token) {
            (Some(url), Some(token)) if self.profile.is_none() => (url.clone(), token),
            (Some(_), None) if self.profile.is_none() => {
                return Err(Misused("--url needs the token in POSTDESK_TOKEN".into()).into());
            }
            _ => {
                let missing = "which desk? keep one: `postdesk profile add --url https://… < token`, or set \
                               POSTDESK_URL and POSTDESK_TOKEN";
                let profile =
                    Profiles::find(self.profile.as_deref())?.ok_or_else(|| Misused(missing.into()))?;
                (profile.url, profile.token)
            }
        };
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .user_agent(concat!("postdesk/", env!("CARGO_PKG_VERSION")));
        Ok(Connection { client: client.build()?, base: base(&url)?, token })
    }
}

/// The desk's address without the API's path.
pub fn base(url: &str) -> Result<Url> {
    let bad = || Misused(format!("{url:?} is no address such as https://desk.shop.example"));
    let mut base = Url::parse(url).map_err(|_| bad())?;
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(bad().into());
    }
    let path = base.path().trim_end_matches('/').trim_end_matches(BASE).to_owned();
    base.set_path(&path);
    base.set_query(None);
    Ok(base)
}

impl Connection {
    /// A call of a path below the API's.
    pub fn call(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        let path = path.strip_prefix(BASE).unwrap_or(path);
        let at = format!("{}{BASE}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.client.request(method.clone(), Url::parse(&at).context("the path")?);
        request = request.bearer_auth(&self.token).header(header::ACCEPT, "application/json, */*;q=0.5");
        if method == Method::POST {
            // A call whose answer is lost is made again, and must not be done twice.
            request = request.header("idempotency-key", Ids::Random.uuid(Clock::System.now()).to_string());
        }
        Ok(request)
    }

    /// JSON of a path with a query.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let mut url = Url::parse("http://x").expect("an address");
        url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
        let query = url.query().filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        read(send(self.call(Method::GET, &format!("{path}{}", query.unwrap_or_default()))?).await?).await
    }

    /// What comes of sending JSON.
    pub async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let request = self.call(method, path)?.header(header::CONTENT_TYPE, "application/json");
        read(send(request.body(body.to_string())).await?).await
    }

    /// The rows of a list, at most so many, and the last answer's pagination.
    pub async fn list(&self, path: &str, query: &[(&str, String)], most: usize) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        while rows.len() < most {
            let limit = (most - rows.len()).min(100).to_string();
            let mut query = query.to_vec();
            query.push(("limit", limit));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            rows.extend(page["data"].as_array_mut().map(std::mem::take).unwrap_or_default());
            cursor = page["pagination"]["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// How the API calls a ticket: by its id or number, or by the six characters people use.
    pub async fn ticket(&self, name: &str) -> Result<String> {
        let year = Clock::System.now().rfc3339()[..4].parse().context("the year")?;
        let Some(numbers) = words::numbers(name, year) else {
            let safe = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let no_ticket = || NotFound(format!("{name:?} is no ticket"));
            return safe.then(|| name.to_owned()).ok_or_else(|| no_ticket().into());
        };
        let query = [("ids", numbers.join(",")), ("fields", "number,subject".into())];
        let mut found = self.list("/tickets", &query, 10).await?;
        found.extend(self.list("/tickets", &[&query[..], &[("is_spam", "true".into())]].concat(), 10).await?);
        match found.as_slice() {
            [ticket] => Ok(ticket["number"].as_str().unwrap_or_default().to_owned()),
            [] => Err(NotFound(format!("there is no ticket {name}")).into()),
            many => {
                let numbers: Vec<_> = many.iter().filter_map(|ticket| ticket["number"].as_str()).collect();
                Err(NotFound(format!("{name} means several: {}", numbers.join(", "))).into())
            }
        }
    }
}

/// Sends it, again when the desk can't be reached or asks for a pause.
pub async fn send(request: RequestBuilder) -> Result<Response> {
    for _ in 1..TRIES {
        let again = request.try_clone().context("the body can't be sent twice")?;
        match again.send().await {
            Ok(answer) => match pause(&answer) {
                Some(seconds) => {
                    explain(format_args!("the desk asks to wait {seconds} s"));
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                None => return Ok(answer),
            },
            Err(error) if error.is_connect() => tokio::time::sleep(Duration::from_millis(300)).await,
            Err(error) if error.is_timeout() => {}
            Err(error) => return Err(error).context("the desk does not answer"),
        }
    }
    request.send().await.context("the desk does not answer")
}

/// Seconds to wait before another try.
fn pause(answer: &Response) -> Option<u64> {
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status());
    let after = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    (busy && after <= LONGEST_WAIT).then_some(after)
}

/// The JSON of a good answer; nothing for an empty one.
pub async fn read(answer: Response) -> Result<Value> {
    let status = answer.status();
    let bytes = answer.bytes().await.context("the answer broke off")?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if !status.is_success() {
        return Err(Refused { status: status.as_u16(), problem: body }.into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_is_named_with_or_without_its_path() {
        for (url, want) in [
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080/")),
            ("https://shop.example/desk/api/support/", Some("https://shop.example/desk")),
            ("shop.example", None),
            ("ftp://shop.example", None),
        ] {
            assert_eq!(base(url).ok().as_ref().map(Url::as_str), want, "{url}");
        }
    }
}
