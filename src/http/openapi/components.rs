//! What operations refer to: problems, parameters and headers, each said once.

use serde_json::{Value, json};

/// What can go wrong in many places: status, name among the components, what it says.
pub(super) const PROBLEMS: [(&str, &str, &str); 16] = [
    (
        "400",
        "BadRequest",
        "The query or the body can't be read: `unknown_field unknown_parameter malformed_json …`",
    ),
    ("401", "Unauthorized", "No token, or none that is good"),
    ("403", "Forbidden", "The token lacks a scope: see `required_scope`"),
    ("404", "NotFound", "Absent, or hidden from the caller"),
    ("406", "NotAcceptable", "None of the accepted types can be made"),
    ("409", "Conflict", "The state does not allow this, or another call was first"),
    ("410", "Gone", "It is in the bin, or too old"),
    ("412", "VersionMismatch", "It was changed in the meantime: see `current_version`"),
    ("413", "TooLarge", "The body is too large: see `limit_bytes`"),
    ("415", "UnsupportedMediaType", "The body has a type that is not taken here"),
    ("416", "RangeNotSatisfiable", "The range lies outside the file"),
    ("422", "Invalid", "Fields are invalid: all of them are named in `errors`"),
    ("428", "PreconditionRequired", "The desk's settings want `If-Match`"),
    ("429", "TooManyRequests", "Wait as long as `Retry-After` says"),
    ("500", "InternalError", "Our fault, logged under the request's id"),
    ("503", "Unavailable", "The desk can't answer now: repeat after `Retry-After`"),
];

/// Adds them to the document.
pub(super) fn add(document: &mut Value) {
    document["components"]["responses"] = problems();
    document["components"]["parameters"] = parameters();
    document["components"]["headers"] = headers();
    document["components"]["schemas"]["DryRun"] = dry_run();
}

fn problems() -> Value {
    let all = PROBLEMS.iter().map(|(status, name, description)| {
        let mut response = json!({
            "description": description,
            "content": problem_content(),
            "headers": {"X-Request-Id": header("X-Request-Id"), "API-Version": header("API-Version")},
        });
        match *status {
            "401" => response["headers"]["WWW-Authenticate"] = header("WWW-Authenticate"),
            "429" | "503" => response["headers"]["Retry-After"] = header("Retry-After"),
            _ => {}
        }
        ((*name).to_owned(), response)
    });
    Value::Object(all.collect())
}

/// What a problem looks like.
pub(super) fn problem_content() -> Value {
    json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}})
}

fn parameters() -> Value {
    json!({
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "required": false,
            "description": "What the request is known by in answers and in the log; made when absent.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes it safe to repeat: for 24 hours, the same key gets the first answer again.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` of what was read: a later change by somebody else is not lost.",
            "schema": {"type": "string"}, "example": "\"7\"",
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "The `ETag` of what the caller has: 304 while it is true.",
            "schema": {"type": "string"}, "example": "\"7\"",
        },
        "Cursor": {
            "name": "cursor", "in": "query", "required": false,
            "description": "Where the page begins: `next_cursor` or `prev_cursor` of another one, with the same sort and filters.",
            "schema": {"type": "string"},
        },
        "Page": {
            "name": "page", "in": "query", "required": false,
            "description": "The page's number, in place of `cursor`; the first 10 000 rows alone.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 10_000},
        },
        "Limit": {
            "name": "limit", "in": "query", "required": false, "description": "Most rows of a page.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
        },
        "Fields": {
            "name": "fields", "in": "query", "required": false,
            "description": "Members to show, separated by commas: the others are absent, required or not.",
            "schema": {"type": "string"}, "example": "id,created_at",
        },
        "Count": {
            "name": "include", "in": "query", "required": false, "description": "`total` counts all rows.",
            "schema": {"type": "string"}, "example": "total",
        },
        "DryRun": {
            "name": "dry_run", "in": "query", "required": false,
            "description": "Validates and answers as it would, but stores and mails nothing.",
            "schema": {"type": "boolean", "default": false},
        },
    })
}

fn headers() -> Value {
    let all = [
        ("X-Request-Id", "What the request is known by", json!({"type": "string"})),
        ("API-Version", "Date of the contract", json!({"type": "string"})),
        (
            "ETag",
            "Changes when the answer does; for `If-Match` and `If-None-Match`",
            json!({"type": "string"}),
        ),
        ("Link", "`next` and `prev` page (RFC 8288)", json!({"type": "string"})),
        ("Location", "What was made", json!({"type": "string", "format": "uri-reference"})),
        (
            "Idempotency-Replayed",
            "`true`: the key was used before",
            json!({"type": "string", "enum": ["true"]}),
        ),
        ("WWW-Authenticate", "RFC 6750", json!({"type": "string"})),
        ("Retry-After", "Seconds", json!({"type": "integer", "minimum": 0})),
        ("RateLimit", "What is left: `\"token\";r=571;t=23`", json!({"type": "string"})),
        ("RateLimit-Policy", "How often one may call: `\"token\";q=600;w=60`", json!({"type": "string"})),
        ("X-RateLimit-Limit", "Calls in a minute", json!({"type": "integer"})),
        ("X-RateLimit-Remaining", "Calls that are left", json!({"type": "integer"})),
        ("X-RateLimit-Reset", "When all are left again, Unix seconds", json!({"type": "integer"})),
    ];
    let shown = all.map(|(name, description, schema)| {
        (name.to_owned(), json!({"description": description, "schema": schema, "required": false}))
    });
    Value::Object(shown.into_iter().collect())
}

fn dry_run() -> Value {
    json!({
        "type": "object", "title": "What would be", "required": ["dry_run"],
        "description": "The answer of the real write; what would be new has null for an id.",
        "properties": {"dry_run": {"type": "boolean", "enum": [true]}},
    })
}

/// A shared header, by its name.
pub(super) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}
