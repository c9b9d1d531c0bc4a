//! The desk in figures.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tickets;
use crate::desk::query::TicketFilter;
use crate::desk::stats::{GroupBy, Interval, Range, Slots, StatsRequest, day};
use crate::http::auth::Who;
use crate::http::extract::{Params, accepts, timestamp, words};
use crate::http::problem::Problem;
use crate::http::view::Statistics;
use crate::http::{Api, answer};
use crate::model::{Scope, Timestamp};

/// Routes that answer more than JSON.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(stats))
}

const DAY_MS: i64 = 24 * 3_600_000;
/// What is asked for when nobody says.
const DEFAULT_RANGE_MS: i64 = 30 * DAY_MS;
/// Longer ranges come in months when nobody says.
const DAYS_UP_TO_MS: i64 = 366 * DAY_MS;
/// For a while, the client need not ask again.
const FRESH: HeaderValue = HeaderValue::from_static("private, max-age=30");

/// What the figures are of; further ones are the filters of `GET /tickets`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read parameter by parameter")]
pub struct StatsQuery {
    /// RFC 3339, or a day in `tz`; inclusive. Default: 30 days before `to`.
    from: Option<String>,
    /// RFC 3339, or a day in `tz`; exclusive. Default: now.
    to: Option<String>,
    /// `hour`, `day`, `week` (from Monday) or `month`: what the series is made of, at most 2,000. Default: `day`, over 366
    /// days `month`.
    interval: Option<String>,
    /// IANA name; default `UTC`.
    tz: Option<String>,
    /// `status`, `category`, `priority`, `assignee`, `team`, `store_id`, `seller_id`, `tag` or `channel`.
    group_by: Option<String>,
    /// `json` or `csv`: the groups when there is `group_by`, else the series. Also by `Accept: text/csv`.
    format: Option<String>,
}

/// The desk in figures.
///
/// Spam and deleted tickets don't count. With filters, mail counts that is about those tickets.
#[utoipa::path(
    get,
    path = "/api/support/stats",
    operation_id = "get_stats",
    tag = "System",
    params(StatsQuery, tickets::TicketFilters),
    responses((status = 200, description = "The figures", content(
        (Statistics = "application/json"),
        (String = "text/csv")
    )))
)]
pub async fn stats(
    State(api): State<Api>,
    who: Who,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::StatsRead)?;
    let mut params = Params::parse(query.as_deref())?;
    let format = Format::read(&mut params, &headers)?;
    let range = range(&mut params, api.desk.clock().now())?;
    let slots = slots(&mut params, range)?;
    let group_by = word(&mut params, "group_by", GroupBy::parse, GroupBy::ALL)?;
    let filters = tickets::filters(&mut params, &who, api.desk.keys())?;
    params.finish()?;
    let names = slots.names();
    let is_filtered = filters.iter().any(|filter| *filter != TicketFilter::Spam(false));
    let request = StatsRequest { range, slots, filters, is_filtered, group_by };
    let shown = Statistics::of(range, names, api.desk.stats(request).await?);
    Ok(format.answer(&shown))
}

/// What the figures are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

impl Format {
    fn read(params: &mut Params, headers: &HeaderMap) -> Result<Self, Problem> {
        match params.take("format").as_deref() {
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some(other) => Err(Problem::not_among("format", other, ["json", "csv"])),
            None if accepts(headers, "application/json") => Ok(Self::Json),
            None if accepts(headers, "text/csv") => Ok(Self::Csv),
            None => Err(Problem::new("not_acceptable", "this makes application/json and text/csv")),
        }
    }

    fn answer(self, shown: &Statistics) -> Response {
        let mut response = match self {
            Self::Json => answer::json(shown),
            Self::Csv => {
                let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
                let name = HeaderValue::from_static("attachment; filename=\"stats.csv\"");
                let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
                (StatusCode::OK, headers, shown.csv()).into_response()
            }
        };
        response.headers_mut().insert(header::CACHE_CONTROL, FRESH);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Authorization"));
        response
    }
}

/// The stretch of time; what happens at this moment lies in it.
fn range(params: &mut Params, now: Timestamp) -> Result<Range, Problem> {
    let unknown = || Problem::parameter("tz", "not_in_enum", "is no IANA time zone");
    let tz = match params.take("tz") {
        Some(name) => name.parse::<Tz>().map_err(|_| unknown())?,
        None => Tz::UTC,
    };
    let from = moment(params, "from", tz)?;
    let to = moment(params, "to", tz)?.unwrap_or(now.plus_ms(1));
    let from = from.unwrap_or(to.plus_ms(-DEFAULT_RANGE_MS));
    if from >= to {
        return Err(Problem::parameter("from", "out_of_range", "must lie before the end of the range"));
    }
    Ok(Range { from, to, tz })
}

/// RFC 3339, or a day where people live.
fn moment(params: &mut Params, name: &'static str, tz: Tz) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = params.take(name) else { return Ok(None) };
    // A literal plus sign of an offset reads as a space in a query.
    let at = day(tz, &text).or_else(|| timestamp(&text.replace(' ', "+"))).filter(|at| at.0 >= 0);
    let bad =
        || Problem::parameter(name, "bad_format", "is neither an RFC 3339 time nor a day, from 1970 on");
    at.map(Some).ok_or_else(bad)
}

fn slots(params: &mut Params, range: Range) -> Result<Slots, Problem> {
    let wanted = word(params, "interval", Interval::parse, Interval::ALL)?;
    let is_long = range.to.0 - range.from.0 > DAYS_UP_TO_MS;
    let default = if is_long { Interval::Month } else { Interval::Day };
    let too_many =
        |_| Problem::parameter("interval", "out_of_range", "more than 2000 in the range; take a longer one");
    range.slots(wanted.unwrap_or(default)).map_err(too_many)
}

/// One word of a list.
fn word<T: Copy + Into<&'static str>>(
    params: &mut Params,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    all: &[T],
) -> Result<Option<T>, Problem> {
    let Some(text) = params.take(name) else { return Ok(None) };
    let unknown = || Problem::not_among(name, &text, words(all));
    parse(&crate::model::ticket::input_word(&text)).map(Some).ok_or_else(unknown)
}
