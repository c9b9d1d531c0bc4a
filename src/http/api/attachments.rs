//! Files: always downloads, never run in our origin (API.md §5.2).

use std::ops::Range;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::http::auth::Who;
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::http::{Api, answer};
use crate::model::{AttachmentRecord, Scope};

/// Types a browser shows without running anything of theirs.
const SHOWN_INLINE: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];

/// `attr-char` of RFC 8187 §3.2.1 goes as it is.
const EXT_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Routes that answer other types.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get))
}

/// A file.
#[utoipa::path(
    get,
    path = "/api/support/attachments/{id}",
    operation_id = "get_attachment",
    tag = "Attachments"
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::TicketsRead)?;
    let mut params = Params::parse(query.as_deref())?;
    let inline = params.flag("inline")?.unwrap_or(false);
    params.finish()?;
    let row = api.desk.attachment(id(&file, "attachment")?, who.allows(Scope::NotesRead)).await?;
    if row.ticket_id.is_none() && row.expires_at.is_some_and(|at| at <= api.desk.clock().now()) {
        return Err(Problem::new("attachment_expired", "it was not used within 24 hours; upload it again"));
    }
    let etag = format!("\"{}\"", row.sha256);
    if answer::matches(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, file_headers(&row, &etag, inline)).into_response());
    }
    let content = api.desk.attachment_content(&row).await?;
    part(&headers, &row, &etag, inline, content)
}

/// The whole file, or the range that was asked for (RFC 9110 §14).
fn part(
    request: &HeaderMap,
    row: &AttachmentRecord,
    etag: &str,
    inline: bool,
    mut content: Vec<u8>,
) -> Result<Response, Problem> {
    let mut headers = file_headers(row, etag, inline);
    let text = |name| request.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let current = text(header::IF_RANGE).is_none_or(|tag| tag == etag);
    let size = content.len();
    let value = |text: String| HeaderValue::from_str(&text).expect("digits and ASCII");
    match text(header::RANGE).filter(|_| current).map(|range| read_range(range, size)) {
        None | Some(Wanted::Whole) => Ok((headers, content).into_response()),
        Some(Wanted::Part(range)) => {
            let named = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, value(named));
            content.truncate(range.end);
            content.drain(..range.start);
            Ok((StatusCode::PARTIAL_CONTENT, headers, content).into_response())
        }
        Some(Wanted::Nothing) => {
            Err(Problem::new("range_not_satisfiable", format!("the file has {size} octets"))
                .header(header::CONTENT_RANGE, value(format!("bytes */{size}"))))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<usize>),
    Nothing,
}

/// One range; several, or another unit, are answered by the whole file as the RFC allows.
fn read_range(text: &str, size: usize) -> Wanted {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::Nothing } else { Wanted::Part(range) }
}

fn file_headers(row: &AttachmentRecord, etag: &str, inline: bool) -> HeaderMap {
    let inline = inline && SHOWN_INLINE.contains(&row.content_type.as_str());
    let octets = HeaderValue::from_static("application/octet-stream");
    let mut headers = HeaderMap::new();
    let mut set = |name, text: &str| {
        HeaderValue::from_str(text).ok().and_then(|value| headers.insert(name, value));
    };
    set(header::ETAG, etag);
    set(header::ACCEPT_RANGES, "bytes");
    set(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(header::CONTENT_DISPOSITION, &disposition(row.filename.as_deref(), inline));
    set(header::CACHE_CONTROL, "private, no-cache");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&row.content_type).unwrap_or(octets));
    headers
}

/// RFC 6266: a name every client can read, and the true one where the two differ.
fn disposition(filename: Option<&str>, inline: bool) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let name = filename.unwrap_or("attachment");
    let plain: String =
        name.chars()
            .map(|c| {
                if (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%' | '/') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, EXT_VALUE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_kept() {
        for (name, want) in [
            (Some("box.jpg"), r#"attachment; filename="box.jpg""#),
            (Some("a\"b.txt"), r#"attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt"#),
            (Some("Größe.pdf"), r#"attachment; filename="Gr__e.pdf"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf"#),
            (Some("a\r\nb"), r#"attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab"#),
            (None, r#"attachment; filename="attachment""#),
        ] {
            assert_eq!(disposition(name, false), want, "{name:?}");
        }
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (text, want) in [
            ("bytes=0-3", Wanted::Part(0..4)),
            ("bytes=4-", Wanted::Part(4..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=8-99", Wanted::Part(8..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
        ] {
            assert_eq!(read_range(text, 10), want, "{text}");
        }
    }
}
