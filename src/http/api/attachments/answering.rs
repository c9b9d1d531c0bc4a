//! A file on its way out: piece by piece, as fast as the client reads.

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::range::{self, Wanted};
use super::{common, value};
use crate::desk::{self, FileBytes};
use crate::http::problem::Problem;
use crate::http::{Api, answer};
use crate::model::AttachmentRecord;
use crate::model::file_type::{OCTETS, SHOWN_INLINE, sent_as};

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

/// The whole file, or the range that was asked for.
///
/// # Errors
/// 404 when its octets are gone; 416.
pub async fn file(
    api: &Api,
    request: &HeaderMap,
    row: &AttachmentRecord,
    inline: bool,
) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", row.sha256);
    let mut headers = HeaderMap::new();
    common(&mut headers, &etag);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if answer::matches(request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let bytes = api.desk.open_file(row).await?;
    let shown = if inline { shown_as(&bytes).await? } else { None };
    let kind = HeaderValue::from_str(shown.unwrap_or_else(|| sent_as(&row.content_type)));
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static(OCTETS)));
    headers
        .insert(header::CONTENT_DISPOSITION, value(&disposition(row.filename.as_deref(), shown.is_some())));
    let size = bytes.size();
    match wanted(request, &etag, size) {
        Wanted::Whole => Ok(sent(StatusCode::OK, headers, bytes, 0..size)),
        Wanted::Part(range) => {
            let named = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, value(&named));
            Ok(sent(StatusCode::PARTIAL_CONTENT, headers, bytes, range))
        }
        Wanted::Nothing => Err(Problem::new("range_not_satisfiable", format!("the file has {size} octets"))
            .header(header::CONTENT_RANGE, value(&format!("bytes */{size}")))),
    }
}

/// Headers of a small picture, which never changes.
pub fn picture_headers(etag: &str, content_type: Option<&'static str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    common(&mut headers, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    if let Some(kind) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers
}

/// The type a browser may show it as, by its content.
async fn shown_as(bytes: &FileBytes) -> Result<Option<&'static str>, Problem> {
    let kind = bytes.content_type().await?;
    Ok(Some(kind).filter(|kind| SHOWN_INLINE.contains(kind)))
}

/// `Range`, unless `If-Range` names another file.
fn wanted(request: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let text = |name| request.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let current = request.get(header::IF_RANGE).is_none() || text(header::IF_RANGE) == Some(etag);
    match text(header::RANGE) {
        Some(range) if current => range::read(range, size),
        _ => Wanted::Whole,
    }
}

/// What broke off while it was sent shows as a body that is too short.
fn sent(status: StatusCode, mut headers: HeaderMap, bytes: FileBytes, range: Range<u64>) -> Response {
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let pieces = try_unfold((bytes, range), |(bytes, mut left)| async move {
        if left.is_empty() {
            return Ok(None);
        }
        let mut piece = bytes.piece(left.start).await?;
        piece.truncate(usize::try_from(left.end - left.start).unwrap_or(usize::MAX));
        if piece.is_empty() {
            return Err(desk::Error::NotFound("attachment"));
        }
        left.start += piece.len() as u64;
        Ok(Some((Bytes::from(piece), (bytes, left))))
    });
    (status, headers, Body::from_stream(pieces)).into_response()
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
}
