//! Each error by its code: status, title, and what to do about it (API.md §7).

use std::borrow::Cow;

/// A kind of error.
#[derive(Debug, Clone)]
pub struct Code {
    /// For programs.
    pub code: Cow<'static, str>,
    /// Of the answer.
    pub status: u16,
    /// What it means.
    pub title: Cow<'static, str>,
    /// What causes it, and what whoever gets it can do.
    pub help: &'static str,
}

/// Every one.
pub fn all() -> impl Iterator<Item = Code> {
    CODES.iter().map(Code::of).chain(THINGS.iter().map(|thing| Code::not_found(thing)))
}

/// The one of that name.
pub fn by_name(code: &str) -> Option<Code> {
    let missing = || THINGS.iter().find(|thing| code.strip_suffix("_not_found") == Some(thing));
    let known = CODES.iter().find(|row| row.0 == code).map(Code::of);
    known.or_else(|| missing().map(|thing| Code::not_found(thing)))
}

/// The first with a status; of 400 there is none that says nothing.
pub fn by_status(status: u16) -> Option<Code> {
    CODES.iter().find(|row| row.1 == status && status != 400).map(Code::of)
}

impl Code {
    /// `{thing}_not_found`.
    pub fn not_found(thing: &str) -> Self {
        Self {
            code: format!("{thing}_not_found").into(),
            status: 404,
            title: format!("There is no such {}", thing.replace('_', " ")).into(),
            help: NOT_FOUND,
        }
    }

    fn of(&(code, status, title, help): &Row) -> Self {
        Self { code: code.into(), status, title: title.into(), help }
    }
}

/// Code, status, title, help.
type Row = (&'static str, u16, &'static str, &'static str);

const NOT_FOUND: &str = "Nothing has this id or number, or this token may not see it: the answer is the same, so that \
    nobody learns what exists. Check the path, and the token's scopes.";

/// What a `…_not_found` may speak of.
const THINGS: &[&str] = &[
    "ticket",
    "response",
    "template",
    "attachment",
    "email_log",
    "inbound_mail",
    "contact",
    "agent",
    "team",
    "token",
    "mailbox",
    "suppression",
    "webhook",
    "delivery",
    "job",
    "confirmation",
];

const CODES: &[Row] = &[
    (
        "malformed_json",
        400,
        "The body is not the JSON that is wanted",
        "It is no JSON, or a member has another type than documented; `detail` says where. Nothing was done.",
    ),
    (
        "unknown_field",
        400,
        "The body has members this contract does not know",
        "`errors` names them: most often a misspelling. They are refused so that nothing is silently left undone.",
    ),
    (
        "unknown_parameter",
        400,
        "The query has parameters this contract does not know",
        "`errors` names them and what there is. A filter that was ignored would show more than was asked for.",
    ),
    (
        "bad_idempotency_key",
        400,
        "The Idempotency-Key is not 1 to 255 visible ASCII characters",
        "Send a UUID.",
    ),
    (
        "invalid_parameter",
        400,
        "A query parameter has an invalid value",
        "`errors` names the parameter and says what it takes.",
    ),
    (
        "bad_cursor",
        400,
        "The cursor does not belong to this list",
        "A cursor goes with the list, the sort and the filters it was made for. Begin at the first page.",
    ),
    (
        "missing_credentials",
        401,
        "This needs a bearer token",
        "Send `Authorization: Bearer pdk_…`. `postdesk token create` makes one.",
    ),
    ("invalid_token", 401, "The token is not valid", "It was revoked, mistyped, or belongs to another desk."),
    ("token_expired", 401, "The token has expired", "Make a new one; the old one can't be prolonged."),
    (
        "insufficient_scope",
        403,
        "The token may not do this",
        "`required_scope` names what it lacks. Scopes are given when a token is made.",
    ),
    (
        "intake_closed",
        403,
        "Tickets can't be opened without a token here",
        "Send a token, or let the desk's operator open the contact form (`intake.public`).",
    ),
    (
        "route_not_found",
        404,
        "There is no such route",
        "Check the path against `/api/support/docs`. Paths have no slash at the end.",
    ),
    (
        "method_not_allowed",
        405,
        "The route does not know this method",
        "The header `Allow` lists those it knows.",
    ),
    (
        "not_acceptable",
        406,
        "None of the accepted types can be made",
        "Answers are `application/json`; some routes also make `text/csv` or `text/html`.",
    ),
    (
        "collision",
        409,
        "There are newer responses",
        "Somebody wrote on the ticket since you read it. `newer` shows what: read it, then send again with the newest \
         `last_seen_response_id`, or with `force: true` to write regardless.",
    ),
    (
        "invalid_transition",
        409,
        "The status can't be changed so",
        "`allowed` lists what the ticket's status can become.",
    ),
    (
        "invalid_state",
        409,
        "The state does not allow this",
        "`detail` says what stands in the way. Sent again later, the same call may succeed.",
    ),
    (
        "count_mismatch",
        409,
        "The filter matches another number of tickets",
        "Tickets came or went since they were counted: `count` is the number now. Look again before so many are changed.",
    ),
    (
        "idempotency_in_progress",
        409,
        "The first call with this key still runs",
        "Repeat it after `Retry-After`: then the first call's answer is given.",
    ),
    (
        "duplicate",
        409,
        "A unique value is taken",
        "`field` names it, `existing` who has it, where that may be said.",
    ),
    (
        "ticket_deleted",
        410,
        "The ticket lies in the bin, or was erased",
        "From the bin, `POST …/restore` brings it back. What was erased is gone for good.",
    ),
    (
        "link_expired",
        410,
        "The link in a mail is too old",
        "Links in mails work for thirty days. Answer the mail instead.",
    ),
    (
        "attachment_expired",
        410,
        "The file was not used in time",
        "An upload waits 24 hours to be used in a ticket or a response. Upload it again.",
    ),
    (
        "version_mismatch",
        412,
        "It was changed in the meantime",
        "`If-Match` names an older version than `current_version`. Read it again, and decide again.",
    ),
    (
        "body_too_large",
        413,
        "The body is too large",
        "`limit_bytes` is the limit. Files go to `POST /attachments` first, and are named by their ids.",
    ),
    (
        "attachment_too_large",
        413,
        "The file is too large",
        "`limit_bytes` is the limit, which the operator sets.",
    ),
    (
        "unsupported_media_type",
        415,
        "The body has a type that is not taken here",
        "Send `Content-Type: application/json`; changes also take `application/merge-patch+json`, uploads \
         `multipart/form-data`.",
    ),
    (
        "range_not_satisfiable",
        416,
        "The range lies outside the file",
        "`Content-Range` in the answer tells the file's size.",
    ),
    (
        "validation_failed",
        422,
        "The request has invalid fields",
        "`errors` names every one of them, by JSON pointer. Nothing was done.",
    ),
    (
        "template_error",
        422,
        "The template can't be filled",
        "`errors` has line and column. `POST /templates/preview` shows a template before it is kept.",
    ),
    (
        "unknown_recipient",
        422,
        "None of the recipients is a mailbox here",
        "Mail is taken for the desk's own mailboxes alone; `GET /mailboxes` lists them.",
    ),
    (
        "idempotency_key_reused",
        422,
        "The key was used with another body",
        "A key belongs to one request. Take a new one for another.",
    ),
    (
        "precondition_required",
        428,
        "This needs If-Match",
        "Read it first, and send its `ETag` as `If-Match`, so that nobody's change is overwritten unseen.",
    ),
    (
        "rate_limited",
        429,
        "Too many requests",
        "Wait for `Retry-After`. `RateLimit` and `RateLimit-Policy` tell what is left before it comes to that.",
    ),
    (
        "recipient_limited",
        429,
        "Too many tickets for this address",
        "An address gets so many tickets by the form in a time. Whoever owns it can write a mail.",
    ),
    (
        "internal_error",
        500,
        "Something went wrong on our side",
        "The log has the cause under `request_id`: tell it to the operator. Repeat the call with the same \
         Idempotency-Key, and it is not done twice.",
    ),
    (
        "unavailable",
        503,
        "The desk can't answer now",
        "Trouble that passes: repeat it after `Retry-After`, with the same Idempotency-Key.",
    ),
    (
        "read_only",
        503,
        "The desk can't write now",
        "The disk is full or the database takes no writes. Reading works; repeat it after `Retry-After`.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_have_an_error_status() {
        let codes: Vec<_> = all().collect();
        for (i, Code { code, status, .. }) in codes.iter().enumerate() {
            assert!((400..600).contains(status), "{code}");
            assert!(codes[..i].iter().all(|other| other.code != *code), "{code} twice");
            assert_eq!(by_name(code).expect("it is there").status, *status);
        }
    }
}
