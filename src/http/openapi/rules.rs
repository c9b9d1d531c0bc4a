//! What operations share, added to all of them at once: by method, by whether a token is needed, by path. So no handler
//! repeats it, and none forgets it.

use serde_json::{Value, json};

use super::components::{self, PROBLEMS, header, problem_content};
use super::finish::finish;

/// What takes no `dry_run`: POSTs that change nothing.
const NEVER_TRIED: [&str; 3] = ["preview_template", "preview_kept_template", "render_template"];
/// Ends of paths whose POST changes something that has a version.
const VERSIONED: [&str; 4] = ["/restore", "/responses", "/spam", "/rotate"];

/// Completes the document of the handlers.
pub fn complete(document: &mut Value) {
    components::add(document);
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    for (path, item) in paths {
        let methods = item.as_object_mut().expect("a path has operations");
        for (method, operation) in methods {
            Rules { path, method, operation }.apply();
        }
    }
    finish(document);
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
