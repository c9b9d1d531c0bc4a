//! Lists (API.md §1.4): cursors, pages, order, filters, and the answer around the rows.

mod words;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer;
use super::auth::Who;
use super::extract::Params;
use super::problem::Problem;
use crate::desk::query::{Param, Start};
use crate::desk::{Page, PageOf};

pub use self::words::{by_time, check_fields, choice, choice_of, include, kinds, picked, ticket_order};

/// Rows reachable by `page=`.
const PAGED_ROWS: i64 = 10_000;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows, in the order asked for.
    pub data: Vec<T>,
    /// Where this page lies.
    pub pagination: Pagination,
}

/// A list that is always whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct All<T> {
    /// The rows.
    pub data: Vec<T>,
}

/// Where a page lies in its list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pagination {
    /// Most rows of a page.
    #[schema(minimum = 1, maximum = 100, example = 25)]
    pub limit: i64,
    /// Whether there are rows behind these.
    pub has_more: bool,
    /// `cursor` of the next page.
    pub next_cursor: Option<String>,
    /// `cursor` of the page before.
    pub prev_cursor: Option<String>,
    /// As asked for.
    pub page: Option<i64>,
    /// All rows, where they were counted.
    pub total: Option<i64>,
    /// All pages, with `page`.
    pub total_pages: Option<i64>,
}

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `ListRequest` reads")]
pub struct ListParams {
    /// Where the page begins: `next_cursor` or `prev_cursor` of another one, with the same sort and filters.
    cursor: Option<String>,
    /// The page's number, from 1, in place of `cursor`; the first 10 000 rows alone.
    #[param(minimum = 1, maximum = 10_000)]
    page: Option<i64>,
    /// Most rows of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// Members to show, separated by commas; all when absent.
    #[param(example = "id,created_at")]
    fields: Option<String>,
}

/// `include` of lists that can do no more than count.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `ListRequest` reads")]
pub struct CountParams {
    /// `total` counts all rows.
    #[param(example = "total")]
    include: Option<String>,
}

/// `sort` of lists that are sorted by one time alone.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `by_time` reads")]
pub struct TimeParams {
    /// The time, oldest first; with `-` in front newest first.
    #[param(example = "-created_at")]
    sort: Option<String>,
}

/// A request for a list. A handler takes its own filters out of `params`, then asks for the [`Listing`].
pub struct ListRequest {
    /// The caller.
    pub who: Who,
    /// What is not read yet.
    pub params: Params,
    uri: Uri,
    headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for ListRequest {
    type Rejection = Problem;

    /// Who says nothing about themselves hears of that before their query's faults.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let who = Who::from_request_parts(parts, state).await?;
        who.known()?;
        let params = Params::parse(parts.uri.query())?;
        Ok(Self { who, params, uri: parts.uri.clone(), headers: parts.headers.clone() })
    }
}

impl ListRequest {
    /// Most rows and the members to show, of a list that has no pages; ends the reading.
    ///
    /// # Errors
    /// 400 `invalid_parameter`, `unknown_parameter`.
    pub fn unpaged(mut self) -> Result<(i64, Vec<String>), Problem> {
        let limit = limit(&mut self.params)?;
        let fields = self.params.list("fields");
        self.params.finish()?;
        Ok((limit, fields))
    }

    /// The part asked for; ends the reading. `kinds` are those of the sort keys.
    ///
    /// # Errors
    /// 400 `invalid_parameter`, `bad_cursor`, `unknown_parameter`.
    pub fn listing(mut self, kinds: &[Kind]) -> Result<Listing, Problem> {
        let count = include(&mut self.params, &["total"])?.contains(&"total");
        self.counted(kinds, count)
    }

    /// The same, where `include` was read before.
    ///
    /// # Errors
    /// The same.
    pub fn counted(mut self, kinds: &[Kind], count: bool) -> Result<Listing, Problem> {
        let listing = Listing::read(&mut self.params, &self.uri, kinds, count)?;
        self.params.finish()?;
        Ok(Listing { headers: self.headers, ..listing })
    }
}

/// The part of a list that was asked for, and what binds a cursor to it.
#[derive(Debug)]
pub struct Listing {
    /// For the desk.
    pub page: PageOf,
    /// Members to keep, all when empty.
    fields: Vec<String>,
    number: Option<i64>,
    /// Hash of sort and filters.
    bound: String,
    /// Path and query without cursor and page.
    base: String,
    /// The request's.
    headers: HeaderMap,
}

/// Kinds of the sort keys of a list, to read a cursor by; the id comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Number or time.
    Int,
    /// Text.
    Text,
}

impl Listing {
    /// Takes `cursor page limit fields` and binds the cursor to everything else in the query.
    fn read(params: &mut Params, uri: &Uri, kinds: &[Kind], count: bool) -> Result<Self, Problem> {
        let limit = limit(params)?;
        let number = whole(params, "page", 1..=PAGED_ROWS)?;
        let cursor = params.take("cursor");
        let fields = params.list("fields");
        let bound = binding(uri);
        let start = match (cursor, number) {
            (Some(_), Some(_)) => {
                return Err(Problem::parameter("page", "not_allowed", "cursor and page exclude each other"));
            }
            (Some(cursor), None) => read_cursor(&cursor, &bound, kinds)?,
            (None, Some(number)) if number * limit > PAGED_ROWS => {
                return Err(Problem::parameter("page", "out_of_range", "past 10 000 rows; use cursor"));
            }
            (None, Some(number)) => Start::Offset((number - 1) * limit),
            (None, None) => Start::Top,
        };
        let page = PageOf { start, limit, count: count || number.is_some() };
        Ok(Self { page, fields, number, bound, base: base(uri), headers: HeaderMap::new() })
    }

    /// The answer: rows as they are shown, the pagination, `Link` (RFC 8288) and `ETag`. `keys` gives a row's place in
    /// the order.
    pub fn answer<T, V: Serialize + ToSchema>(
        &self,
        page: &Page<T>,
        keys: impl Fn(&T) -> Vec<Param>,
        rows: impl Iterator<Item = V>,
    ) -> Response {
        if let Err(problem) = check_fields::<V>(&self.fields) {
            return problem.into_response();
        }
        let by_page = self.number.is_some();
        let cursor = |row: Option<&T>, there_is: bool, before: bool| {
            row.filter(|_| there_is && !by_page).map(|row| self.cursor(before, &keys(row)))
        };
        let next = cursor(page.rows.last(), page.has_next, false);
        let prev = cursor(page.rows.first(), page.has_previous, true);
        let pages = |total: i64| (total + self.page.limit - 1) / self.page.limit;
        let pagination = Pagination {
            limit: self.page.limit,
            has_more: page.has_next,
            next_cursor: next.clone(),
            prev_cursor: prev.clone(),
            page: self.number,
            total: page.total,
            total_pages: page.total.filter(|_| by_page).map(pages),
        };
        let links = self.links(page.has_next, page.has_previous, next, prev);
        if self.fields.is_empty() {
            return answer::list(&self.headers, links, &List { data: rows.collect(), pagination });
        }
        let data = rows.map(|row| picked(&row, &self.fields)).collect();
        answer::list(&self.headers, links, &List { data, pagination })
    }

    fn cursor(&self, before: bool, keys: &[Param]) -> String {
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| match key {
                Param::Text(text) => json!(text),
                Param::Int(number) => json!(number),
                Param::Id(id) => json!(id),
                Param::Flag(flag) => json!(flag),
            })
            .collect();
        URL_SAFE_NO_PAD.encode(json!([self.bound, before, keys]).to_string())
    }

    fn links(&self, more: bool, less: bool, next: Option<String>, prev: Option<String>) -> HeaderMap {
        let join = if self.base.contains('?') { '&' } else { '?' };
        let link = |rel: &str, what: String| format!("<{}{join}{what}>; rel=\"{rel}\"", self.base);
        let mut links = Vec::new();
        match self.number {
            Some(number) => {
                links.extend(more.then(|| link("next", format!("page={}", number + 1))));
                links.extend(less.then(|| link("prev", format!("page={}", number - 1))));
            }
            None => {
                links.extend(next.map(|cursor| link("next", format!("cursor={cursor}"))));
                links.extend(prev.map(|cursor| link("prev", format!("cursor={cursor}"))));
            }
        }
        let mut headers = HeaderMap::new();
        if let (false, Ok(value)) = (links.is_empty(), HeaderValue::from_str(&links.join(", "))) {
            headers.insert(header::LINK, value);
        }
        headers
    }
}

/// Most rows of an answer.
fn limit(params: &mut Params) -> Result<i64, Problem> {
    Ok(whole(params, "limit", 1..=100)?.unwrap_or(25))
}

/// A whole number in a range.
fn whole(
    params: &mut Params,
    name: &'static str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, Problem> {
    let Some(text) = params.take(name) else { return Ok(None) };
    let number: i64 =
        text.parse().map_err(|_| Problem::parameter(name, "bad_type", "must be a whole number"))?;
    if range.contains(&number) {
        return Ok(Some(number));
    }
    let detail = format!("{} to {}", range.start(), range.end());
    Err(Problem::parameter(name, "out_of_range", detail))
}

/// What a cursor belongs to: the path and every parameter but those that only choose the part or its look.
fn binding(uri: &Uri) -> String {
    let mut pairs: Vec<_> = pairs(uri)
        .filter(|(name, _)| !matches!(*name, "cursor" | "page" | "limit" | "fields" | "include"))
        .collect();
    pairs.sort_unstable();
    let text = format!("{} {pairs:?}", uri.path());
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..9])
}

fn base(uri: &Uri) -> String {
    let kept: Vec<_> = pairs(uri)
        .filter(|(name, _)| !matches!(*name, "cursor" | "page"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) }
}

fn pairs(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let query = uri.query().unwrap_or_default();
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn read_cursor(cursor: &str, bound: &str, kinds: &[Kind]) -> Result<Start, Problem> {
    let bad = || Problem::new("bad_cursor", "made for another list, order or filter; start without cursor");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (of, before, keys): (String, bool, Vec<Value>) = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if of != bound || keys.len() != kinds.len() + 1 {
        return Err(bad());
    }
    let mut params = Vec::with_capacity(keys.len());
    for (key, kind) in keys.iter().zip(kinds) {
        params.push(match kind {
            Kind::Int => Param::Int(key.as_i64().ok_or_else(bad)?),
            Kind::Text => {
                Param::Text(key.as_str().filter(|text| !text.contains('\0')).ok_or_else(bad)?.to_owned())
            }
        });
    }
    let id =
        keys.last().and_then(Value::as_str).and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(bad)?;
    params.push(Param::Id(id));
    Ok(if before { Start::Before(params) } else { Start::After(params) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(query: &str) -> Result<Listing, Problem> {
        let uri: Uri = format!("/api/support/tickets?{query}").parse().expect("a URI");
        let mut params = Params::parse(uri.query())?;
        Listing::read(&mut params, &uri, &[Kind::Int], false)
    }

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let one = listing("status=open&limit=5").expect("a list");
        let id = Uuid::from_u128(7);
        let cursor = one.cursor(false, &[Param::Int(9), Param::Id(id)]);
        let again = listing(&format!("limit=9&cursor={cursor}&status=open")).expect("the same list");
        assert_eq!(again.page.start, Start::After(vec![Param::Int(9), Param::Id(id)]));
        assert!(listing(&format!("status=closed&cursor={cursor}")).is_err());
        assert!(listing("cursor=x").is_err());
        assert!(listing("page=500&limit=100").is_err());
    }
}
