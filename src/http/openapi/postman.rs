//! The document as a Postman collection (v2.1): one folder for each tag, bodies made of the examples, ids handed on from
//! what was listed or made. Run from top to bottom (`newman run`) it works on any desk, and cleans up at the end.

use serde_json::{Map, Value, json};

/// The folder of what takes things away: it comes last, so that nothing is missed.
const CLEAN_UP: &str = "Clean-up";
/// The folder of what the others need: who can be written to.
const START: &str = "Start";
/// Values in examples that a run replaces by what the desk has.
const REPLACED: [(&str, &str); 5] = [
    ("TKT-2026-K7Q4ZP", "{{ticket_number}}"),
    ("ada@shop.example", "{{agent_email}}"),
    ("support@shop.example", "{{mailbox}}"),
    ("Returns\"", "Returns {{$timestamp}}\""),
    ("Refund started", "Refund started {{$timestamp}}"),
];
/// What a mail that is handed in says.
const MAIL: &str = "From: Jo Doe <jo@example.org>\r\nTo: {{mailbox}}\r\nSubject: Where is my order?\r\n\
Message-ID: <{{$guid}}@example.org>\r\n\r\nHello, my parcel is late.\r\n";

/// The collection.
pub fn of(document: &Value) -> Value {
    let tags = document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str());
    let names = [START].into_iter().chain(tags).chain([CLEAN_UP]);
    let mut folders: Vec<(String, Vec<Value>)> = names.map(|name| (name.to_owned(), Vec::new())).collect();
    let mut requests: Vec<_> = requests(document).collect();
    requests.sort_by_key(Request::turn);
    for request in requests {
        let folder = request.folder();
        if let Some((_, items)) = folders.iter_mut().find(|(name, _)| *name == folder) {
            items.push(request.item());
        }
    }
    let folders = folders.into_iter().filter(|(_, items)| !items.is_empty());
    json!({
        "info": {
            "name": "Postdesk",
            "description": document["info"]["description"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [
            {"key": "base_url", "value": "http://127.0.0.1:8080"},
            {"key": "token", "value": ""},
            {"key": "mailbox", "value": "support@demo.test"},
        ],
        "item": folders.map(|(name, items)| json!({"name": name, "item": items})).collect::<Value>(),
    })
}

fn requests(document: &Value) -> impl Iterator<Item = Request<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(move |(method, operation)| Request { document, path, method, operation })
    })
}

/// An operation to be called.
struct Request<'a> {
    document: &'a Value,
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
}

impl Request<'_> {
    /// Lists and what makes things come first, then what uses them.
    fn turn(&self) -> u8 {
        match (self.method, self.path.ends_with('}')) {
            _ if self.path.ends_with("/tickets") && self.method == "post" => 0,
            ("get", false) if !self.path.contains('{') => 1,
            ("post", _) if !self.path.contains('{') => 2,
            ("get", _) => 3,
            _ => 4,
        }
    }

    fn folder(&self) -> &str {
        match (self.method, self.path) {
            ("delete", _) => CLEAN_UP,
            ("get", "/api/support/agents") => START,
            _ => self.operation["tags"][0].as_str().unwrap_or("System"),
        }
    }

    fn item(&self) -> Value {
        let mut events =
            vec![json!({"listen": "test", "script": {"type": "text/javascript", "exec": self.checks()}})];
        let needed = self.needed();
        if !needed.is_empty() {
            events.push(json!({
                "listen": "prerequest", "script": {"type": "text/javascript", "exec": needed},
            }));
        }
        let mut request = json!({
            "method": self.method.to_uppercase(),
            "description": self.operation["description"].as_str().unwrap_or_default(),
            "header": self.headers(),
            "url": self.url(),
        });
        if let Some(body) = self.body() {
            request["body"] = body;
        }
        if self.is_open() {
            request["auth"] = json!({"type": "noauth"});
        }
        json!({"name": self.operation["summary"], "event": events, "request": request, "response": []})
    }

    /// Whether nobody needs a token for it.
    fn is_open(&self) -> bool {
        let ways = self.operation["security"].as_array();
        ways.is_some_and(|ways| ways.iter().all(|way| way.get("token").is_none()))
    }

    /// `webhook` of `/webhooks/{id}/deliveries`: what the first parameter names.
    fn thing(&self) -> String {
        singular(self.path.split("/{").next().unwrap_or_default())
    }

    /// The variable that fills a parameter of the path. Only what the run itself made is taken away.
    fn variable(&self, parameter: &str) -> Option<String> {
        let new = if self.method == "delete" { "new_" } else { "" };
        match parameter {
            "ticket" => Some(format!("{new}ticket_id")),
            "id" => Some(format!("{new}{}_id", self.thing())),
            "address" | "n" | "code" | "file" => None,
            other => Some(format!("{}_{other}", self.thing())),
        }
    }

    fn url(&self) -> Value {
        let part = |part: &str| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => part.to_owned(),
            Some(name) => match (self.variable(name), name) {
                (Some(variable), _) => format!("{{{{{variable}}}}}"),
                (None, "address") => "nobody@example.org".into(),
                (None, "code") => "collision".into(),
                (None, "file") => "page.css".into(),
                (None, _) => "1".into(),
            },
        };
        let path: Vec<_> = self.path.trim_start_matches('/').split('/').map(part).collect();
        let query: Vec<_> = self.parameters("query").map(|parameter| {
            let value = match &parameter["example"] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            json!({"key": parameter["name"], "value": value, "description": parameter["description"], "disabled": true})
        }).collect();
        let mut url = json!({
            "raw": format!("{{{{base_url}}}}/{}", path.join("/")), "host": ["{{base_url}}"], "path": path,
        });
        if self.path == "/api/support/search" || self.path.ends_with("/changes") {
            url["query"] = json!([{"key": if self.path.ends_with("search") { "q" } else { "limit" }, "value": if self.path.ends_with("search") { "order" } else { "25" }}]);
        } else if !query.is_empty() {
            url["query"] = json!(query);
        }
        url
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        let all = self.operation["parameters"].as_array().into_iter().flatten();
        all.map(|parameter| resolved(self.document, parameter))
            .filter(move |parameter| parameter["in"] == place)
    }

    fn headers(&self) -> Vec<Value> {
        let mut headers = Vec::new();
        if let Some(kind) = self.kind() {
            headers.push(json!({"key": "Content-Type", "value": kind}));
        }
        for parameter in self
            .parameters("header")
            .filter(|parameter| parameter["required"] == true || parameter["name"] == "Content-Disposition")
        {
            let example = parameter["example"].as_str().unwrap_or_default();
            headers.push(json!({"key": parameter["name"], "value": replaced(example)}));
        }
        headers
    }

    /// JSON where it is taken; a form only where nothing else is.
    fn kind(&self) -> Option<&str> {
        let content = self.operation["requestBody"]["content"].as_object()?;
        let kinds = || content.keys().map(String::as_str);
        kinds()
            .find(|kind| *kind == "application/json")
            .or_else(|| kinds().find(|kind| !kind.starts_with("multipart/")))
            .or_else(|| kinds().next())
    }

    fn body(&self) -> Option<Value> {
        let kind = self.kind()?;
        let text = match kind {
            "application/json" => {
                let content = &self.operation["requestBody"]["content"][kind];
                let example = content.get("example").cloned();
                replaced(&format!(
                    "{:#}",
                    example.unwrap_or_else(|| sample(self.document, &content["schema"]))
                ))
            }
            "message/rfc822" => MAIL.to_owned(),
            _ => String::from("hello"),
        };
        let language = if kind == "application/json" { "json" } else { "text" };
        Some(json!({"mode": "raw", "raw": text, "options": {"raw": {"language": language}}}))
    }

    /// Leaves the request out where an id it needs is not known, or where the answer never ends.
    fn needed(&self) -> Vec<String> {
        let streams = self.operation["responses"]["200"]["content"].get("text/event-stream").is_some();
        if streams {
            return vec!["pm.execution.skipRequest();".into()];
        }
        let names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        names
            .filter_map(|name| self.variable(name))
            .map(|name| format!("if (!pm.collectionVariables.get('{name}')) pm.execution.skipRequest();"))
            .collect()
    }

    /// The status is one that is told of, and what is listed or made is handed on.
    fn checks(&self) -> Vec<String> {
        let responses = self.operation["responses"].as_object().into_iter().flatten();
        // What was made a moment ago may already be in the wrong state; what is open may be switched off; a text has no
        // small picture.
        let expected = match self.method {
            "get" if self.path.ends_with("/thumbnail") => "404",
            "get" if self.is_open() => "403",
            "get" => "",
            _ => "409",
        };
        let good =
            responses.map(|(status, _)| status.as_str()).filter(|s| s.starts_with('2') || *s == expected);
        let good = good.collect::<Vec<_>>().join(", ");
        let mut lines = vec![format!(
            "pm.test('answers as documented', () => pm.expect(pm.response.code).to.be.oneOf([{good}]));"
        )];
        let collection = !self.path.contains('{');
        if collection && self.method == "get" && self.path != "/api/support/tickets" {
            let name = singular(self.path);
            lines.push("const row = (pm.response.json().data || [])[0];".into());
            lines.push(format!("if (row && row.id) pm.collectionVariables.set('{name}_id', row.id);"));
            if name == "agent" {
                lines.push("if (row) pm.collectionVariables.set('agent_email', row.email);".into());
            }
            if !self.lists() {
                lines.truncate(1);
            }
        }
        if self.operation["responses"].get("201").is_some() {
            let name = singular(self.path);
            lines.push("const made = pm.response.code === 201 ? pm.response.json() : {};".into());
            lines.push(format!("for (const name of ['{name}_id', 'new_{name}_id']) {{"));
            lines.push("  if (made.id) pm.collectionVariables.set(name, made.id);".into());
            lines.push("}".into());
            if name == "ticket" {
                lines.push(
                    "if (made.number) pm.collectionVariables.set('ticket_number', made.number);".into(),
                );
            }
        }
        lines
    }

    fn lists(&self) -> bool {
        let schema = &self.operation["responses"]["200"]["content"]["application/json"]["schema"];
        resolved(self.document, schema)["properties"].get("data").is_some()
    }
}

/// The thing of a collection: `/api/support/webhooks` → `webhook`.
fn singular(path: &str) -> String {
    let word = path.rsplit('/').next().unwrap_or_default().replace('-', "_");
    match (word.strip_suffix("ies"), word.strip_suffix("xes")) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => format!("{stem}x"),
        (None, None) => word.strip_suffix('s').unwrap_or(&word).to_owned(),
    }
}

fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let reference = part["$ref"].as_str().and_then(|reference| document.pointer(&reference[1..]));
    reference.unwrap_or(part)
}

/// What the example says; else the members that are required, or have examples of their own.
fn sample(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(example) = schema.get("example").or_else(|| schema["examples"].get(0)) {
        return example.clone();
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let Some(properties) = schema["properties"].as_object() else {
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
        return match kind {
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!("text"),
        };
    };
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|known| known == name));
    let shown = properties.iter().filter(|(name, member)| {
        is_required(name) || member.get("example").is_some() || member.get("examples").is_some()
    });
    Value::Object(shown.map(|(name, member)| (name.clone(), sample(document, member))).collect::<Map<_, _>>())
}

fn replaced(text: &str) -> String {
    REPLACED.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
