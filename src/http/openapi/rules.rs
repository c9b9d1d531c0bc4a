//! What operations share, added to all of them at once: by method, by whether a token is needed, by path. So no handler
//! repeats it, and none forgets it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

/// What takes no `dry_run`: POSTs that change nothing.
const NEVER_TRIED: [&str; 3] = ["preview_template", "preview_kept_template", "render_template"];
/// Ends of paths whose POST changes something that has a version.
const VERSIONED: [&str; 4] = ["/restore", "/responses", "/spam", "/rotate"];
/// Enums that may get further values (API.md §2): clients must take what they don't know.
const OPEN_ENUMS: [&str; 2] = ["Category", "NotificationTemplate"];

/// What can go wrong in many places: status, name among the components, what it says.
const PROBLEMS: [(&str, &str, &str); 16] = [
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

/// Completes the document of the handlers.
pub fn complete(document: &mut Value) {
    document["components"]["responses"] = problems();
    document["components"]["parameters"] = parameters();
    document["components"]["headers"] = headers();
    document["components"]["schemas"]["DryRun"] = dry_run();
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    for (path, item) in paths {
        let methods = item.as_object_mut().expect("a path has operations");
        for (method, operation) in methods {
            Rules { path, method, operation }.apply();
        }
    }
    name_lists(document);
    say_what_is_open(document);
    let_shapes_overlap(document);
    require_members(document);
    drop_references_to_papers(document);
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

fn problem_content() -> Value {
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

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// The scope that a section of the API asks for, where a handler does not name another.
fn scope(method: &str, path: &str) -> Option<&'static str> {
    let section = path.strip_prefix("/api/support/")?.split('/').next()?;
    let (read, write) = match section {
        "tickets" | "responses" | "attachments" => ("tickets:read", "tickets:write"),
        "templates" => ("templates:read", "templates:write"),
        "email-logs" | "inbound" | "quarantine" | "suppressions" => ("email_logs:read", "email_logs:write"),
        "contacts" => ("contacts:read", "contacts:write"),
        "webhooks" => ("webhooks:write", "webhooks:write"),
        "stats" => ("stats:read", "stats:read"),
        "search" | "events" => ("tickets:read", "tickets:read"),
        "agents" | "teams" => ("tickets:read", "admin"),
        "tokens" | "mailboxes" | "queue" => ("admin", "admin"),
        _ => return None,
    };
    Some(if method == "get" { read } else { write })
}

/// One operation, being completed.
struct Rules<'a> {
    path: &'a str,
    method: &'a str,
    operation: &'a mut Value,
}

impl Rules<'_> {
    fn apply(&mut self) {
        let known = |way: &Value| way.get("token").is_some();
        let secured = self.operation["security"].as_array().is_none_or(|all| all.iter().any(known));
        if secured && self.operation["security"].is_null() {
            let scopes: Vec<_> = scope(self.method, self.path).into_iter().collect();
            self.operation["security"] = json!([{ "token": scopes }]);
        }
        self.tell_of_pages();
        self.type_path_parameters();
        self.add_parameters(secured);
        self.add_problems(secured);
        self.name_problems();
        self.add_headers(secured);
    }

    /// Whether it may change something.
    fn writes(&self) -> bool {
        self.method != "get"
    }

    /// Whether it can be tried first.
    fn is_tried(&self) -> bool {
        let never = self.operation["operationId"].as_str().is_some_and(|id| NEVER_TRIED.contains(&id));
        self.writes() && !never
    }

    /// Whether it changes something that is there, and has a version.
    fn changes(&self) -> bool {
        matches!(self.method, "patch" | "put" | "delete")
            || VERSIONED.iter().any(|end| self.method == "post" && self.path.ends_with(end))
    }

    /// A list takes its part, and can count, without its handler saying so.
    fn tell_of_pages(&mut self) {
        let schema = &self.operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        if !schema.as_str().is_some_and(|name| name.contains("/List_")) {
            return;
        }
        let parameters = list(&mut self.operation["parameters"]);
        for (name, reference) in [
            ("cursor", "Cursor"),
            ("page", "Page"),
            ("limit", "Limit"),
            ("fields", "Fields"),
            ("include", "Count"),
        ] {
            if !parameters.iter().any(|known| known["name"] == name) {
                parameters.push(json!({ "$ref": format!("#/components/parameters/{reference}") }));
            }
        }
    }

    fn answers_json(&self) -> bool {
        let responses = self.operation["responses"].as_object();
        responses
            .into_iter()
            .flatten()
            .any(|(_, response)| response["content"].get("application/json").is_some())
    }

    /// `{ticket}` is id or number, `{id}` a UUID, where the handler does not say otherwise.
    fn type_path_parameters(&mut self) {
        let names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let names: Vec<_> = names.map(str::to_owned).collect();
        let parameters = list(&mut self.operation["parameters"]);
        for name in names {
            if parameters.iter().any(|known| known["in"] == "path" && known["name"] == name) {
                continue;
            }
            let (description, schema) = match name.as_str() {
                "ticket" => {
                    ("Id or number of a ticket.", json!({"type": "string", "example": "TKT-2026-K7Q4ZP"}))
                }
                "address" => ("A mail address.", json!({"type": "string", "example": "jo@example.org"})),
                "n" => ("A version.", json!({"type": "integer", "minimum": 1})),
                "token" | "code" | "tag" => ("As it was given.", json!({"type": "string"})),
                _ => ("The object's id.", json!({"type": "string", "format": "uuid"})),
            };
            let parameter = json!({
                "name": name, "in": "path", "required": true, "description": description, "schema": schema,
            });
            parameters.push(parameter);
        }
    }

    fn add_parameters(&mut self, secured: bool) {
        let (tried, changes) = (self.is_tried(), self.changes());
        let validated = self.method == "get" && secured && self.answers_json();
        let wanted = [
            ("DryRun", secured && tried),
            ("IdempotencyKey", secured && self.method == "post"),
            ("IfMatch", secured && changes),
            ("IfNoneMatch", validated),
            ("RequestId", true),
        ];
        if validated {
            self.respond("304", json!({"description": "What the caller has is still true"}));
        }
        let parameters = list(&mut self.operation["parameters"]);
        for (name, _) in wanted.iter().filter(|(_, wanted)| *wanted) {
            parameters.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
        }
    }

    fn add_problems(&mut self, secured: bool) {
        let (has_body, writes, changes) =
            (self.operation.get("requestBody").is_some(), self.writes(), self.changes());
        let json = secured && self.answers_json();
        let about_ticket = self.path.contains("{ticket}") || self.path.contains("/responses/");
        let taken: Vec<&str> = PROBLEMS
            .iter()
            .map(|(status, name, _)| (*status, *name))
            .filter(|(status, _)| match *status {
                "400" | "401" | "403" | "429" => secured,
                "404" => self.path.contains('{'),
                "406" => json,
                "409" => secured && writes,
                "410" => secured && about_ticket,
                "412" | "428" => secured && changes,
                "413" => secured && self.method != "get",
                "415" => secured && has_body,
                "422" => secured && self.method != "get",
                "500" | "503" => self.path != "/livez",
                _ => false,
            })
            .map(|(status, _)| status)
            .collect();
        for status in taken {
            self.fail(status);
        }
        if secured && self.is_tried() {
            self.tell_of_dry_runs();
        }
    }

    /// What would be new has no id yet: not the shape of the real answer.
    fn tell_of_dry_runs(&mut self) {
        let would_be = json!({"$ref": "#/components/schemas/DryRun"});
        let makes = ["201", "202"].iter().any(|made| self.operation["responses"].get(made).is_some());
        let may_make =
            makes || (self.method == "put" && self.path.ends_with('}')) || self.path.ends_with("/rotate");
        let schema = &mut self.operation["responses"]["200"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            let content = json!({"application/json": {"schema": would_be}});
            let response = json!({"description": "With `dry_run`: what would be", "content": content});
            self.operation["responses"]["200"] = response;
        } else if may_make {
            *schema = json!({"anyOf": [schema.take(), would_be]});
        }
    }

    /// An error whose case a handler explains is a problem all the same.
    fn name_problems(&mut self) {
        let responses = self.operation["responses"].as_object_mut().expect("an operation has responses");
        let bare = responses.iter_mut().filter(|(status, response)| {
            status.starts_with(['4', '5'])
                && response.get("$ref").is_none()
                && response.get("content").is_none()
        });
        for (_, response) in bare {
            response["content"] = problem_content();
        }
    }

    fn fail(&mut self, status: &str) {
        let (_, name, _) = PROBLEMS.iter().find(|(known, ..)| *known == status).expect("one of them");
        self.respond(status, json!({ "$ref": format!("#/components/responses/{name}") }));
    }

    /// What the handler says itself stays.
    fn respond(&mut self, status: &str, response: Value) {
        let responses = self.operation["responses"].as_object_mut().expect("an operation has responses");
        responses.entry(status).or_insert(response);
    }

    fn add_headers(&mut self, secured: bool) {
        let (get, post) = (self.method == "get", self.method == "post");
        let quota = [
            "RateLimit",
            "RateLimit-Policy",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
        ];
        let responses = self.operation["responses"].as_object_mut().expect("an operation has responses");
        for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['2', '3'])) {
            let is_list = response["content"]["application/json"]["schema"]["$ref"]
                .as_str()
                .is_some_and(|name| name.contains("/List_"));
            let mut names = vec!["X-Request-Id", "API-Version"];
            names.extend(quota.iter().filter(|_| secured));
            names.extend(Some("ETag").filter(|_| get && secured));
            names.extend(Some("Link").filter(|_| is_list));
            names.extend(Some("Location").filter(|_| matches!(status.as_str(), "201" | "202")));
            names.extend(Some("Idempotency-Replayed").filter(|_| post && secured));
            for name in names {
                response["headers"][name] = header(name);
            }
        }
    }
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut().expect("a list")
}

/// `List_Ticket` → `TicketList`, `All_Ticket` → `AllTickets`: what generators make types of.
fn name_lists(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().expect("there are schemas");
    let named: Map<String, Value> =
        std::mem::take(schemas).into_iter().map(|(name, schema)| (list_name(&name), schema)).collect();
    *schemas = named;
    each(document, &mut |value| {
        let Some(Value::String(reference)) = value.get_mut("$ref") else { return };
        if let Some(name) = reference.strip_prefix("#/components/schemas/") {
            *reference = format!("#/components/schemas/{}", list_name(name));
        }
    });
}

fn list_name(name: &str) -> String {
    match name.strip_prefix("List_").or(name.strip_prefix("All_")) {
        Some(row) => format!("{row}List"),
        None => name.to_owned(),
    }
}

/// Closed sets are `enum`, open ones only tell what is known today.
fn say_what_is_open(document: &mut Value) {
    for name in OPEN_ENUMS {
        let Some(Value::Object(schema)) = document["components"]["schemas"].get_mut(name) else { continue };
        if let Some(words) = schema.remove("enum") {
            schema.insert("examples".into(), words.clone());
            schema.insert("x-extensible-enum".into(), words);
        }
    }
}

/// What is one of several shapes may fit more than one of them: `anyOf`. Null stands apart from everything.
fn let_shapes_overlap(document: &mut Value) {
    each(document, &mut |value| {
        let Some(shapes) = value.get("oneOf").and_then(Value::as_array) else { return };
        if shapes.iter().any(|shape| shape["type"] == "null") {
            return;
        }
        let shapes = value.as_object_mut().and_then(|schema| schema.remove("oneOf"));
        value["anyOf"] = shapes.unwrap_or_default();
    });
}

/// In what is shown, a member that may be null is never absent (see `view`): it is required.
fn require_members(document: &mut Value) {
    let bodies = sent(document);
    let schemas = document["components"]["schemas"].as_object_mut().expect("there are schemas");
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !bodies.contains(name)) {
        each(schema, &mut |schema| {
            let Some(Value::Object(properties)) = schema.get("properties") else { return };
            let nulls = properties.iter().filter(|(_, member)| may_be_null(member));
            let nulls: Vec<_> = nulls.map(|(name, _)| json!(name)).collect();
            let mut required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
            required.extend(nulls.into_iter().filter(|name| !required.contains(name)).collect::<Vec<_>>());
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
        });
    }
}

/// Names of the schemas that bodies of requests are made of.
fn sent(document: &mut Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|item| item.values_mut());
    for operation in operations {
        if let Some(body) = operation.get_mut("requestBody") {
            found.extend(named(body));
        }
    }
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        let more = named(&mut document["components"]["schemas"][&name]);
        let more: Vec<_> = more.into_iter().filter(|name| !found.contains(name)).collect();
        found.extend(more);
        next += 1;
    }
    found
}

fn named(value: &mut Value) -> Vec<String> {
    let mut names = Vec::new();
    each(value, &mut |value| {
        let reference = value.get("$ref").and_then(Value::as_str);
        names
            .extend(reference.and_then(|text| text.strip_prefix("#/components/schemas/")).map(str::to_owned));
    });
    names
}

fn may_be_null(member: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null";
    let types = member["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
    types
        || ["oneOf", "anyOf"]
            .iter()
            .any(|of| member[of].as_array().is_some_and(|all| all.iter().any(is_null)))
}

/// What the code says of its sources is not for readers of the document; and a summary is a title, without a full stop.
fn drop_references_to_papers(document: &mut Value) {
    static PAPER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r" ?\((API|MAIL)\.md[^)]*\)").expect("it is a pattern"));
    each(document, &mut |value| {
        for name in ["description", "summary"] {
            if let Some(Value::String(text)) = value.get_mut(name) {
                *text = PAPER.replace_all(text, "").trim().to_owned();
            }
        }
        if let Some(Value::String(summary)) = value.get_mut("summary") {
            summary.truncate(summary.trim_end_matches('.').len());
        }
    });
}

/// Every object, outermost first.
fn each(value: &mut Value, act: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(_) => {
            act(value);
            value.as_object_mut().into_iter().flatten().for_each(|(_, member)| each(member, act));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, act)),
        _ => {}
    }
}
