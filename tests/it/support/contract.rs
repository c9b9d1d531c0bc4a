//! The API's own document as a judge: every answer that a test receives must be one it tells of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use postdesk::desk::Desk;
use postdesk::templates::Templates;
use serde_json::{Value, json};

/// The document, and validators of what it says, made when they are first needed.
pub struct Contract {
    /// OpenAPI 3.1.
    pub document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An answer, as far as the document speaks of it.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// Status.
    pub status: u16,
    /// Content-Type, without parameters.
    pub kind: &'a str,
    /// Body.
    pub body: &'a [u8],
}

impl Contract {
    /// The one of this code; any desk has it.
    pub fn of(desk: &Desk) -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        CONTRACT.get_or_init(|| {
            let documents = postdesk::http::documents(desk.clone(), Arc::new(Templates::load(None)));
            Self { document: documents.openapi, validators: Mutex::default() }
        })
    }

    /// Every operation: method, path, what is said of it.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = self.document["paths"].as_object().expect("a document has paths");
        paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path has operations");
            methods.iter().map(|(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    /// What is wrong with an answer, by the document. What no route answers is not its business.
    pub fn judge(&self, method: &str, uri: &str, said: Said) -> Result<(), String> {
        let method = method.to_lowercase();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let Some((template, operation)) = self.operation(&method, path) else { return Ok(()) };
        let name = format!("{method} {template}");
        let response = self.resolve(&operation["responses"][said.status.to_string()]);
        if response.is_null() {
            return Err(format!("{name}: {} is not documented: {}", said.status, said.body.escape_ascii()));
        }
        let Some(content) = response["content"].as_object() else {
            return if said.body.is_empty() {
                Ok(())
            } else {
                Err(format!("{name}: {} has no body", said.status))
            };
        };
        let Some(media) = content.get(said.kind).or_else(|| content.get("*/*")) else {
            return Err(format!("{name}: {} is never {}", said.status, said.kind));
        };
        // With `fields` only what was asked for is there.
        if !said.kind.ends_with("json") || query.contains("fields=") {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(said.body).map_err(|e| format!("{name}: {e}"))?;
        let validator = self.validator(&media["schema"]);
        let wrong: Vec<_> =
            validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("{name}: {} {wrong:#?}\n{body:#}", said.status)) }
    }

    /// The operation a path belongs to; words go before parameters.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let fits = |template: &str| {
            let (theirs, ours) = (path.split('/'), template.split('/'));
            theirs.clone().count() == ours.clone().count()
                && theirs.zip(ours).all(|(a, b)| a == b || (b.starts_with('{') && !a.is_empty()))
        };
        let paths = self.document["paths"].as_object()?;
        let fitting = paths.iter().filter(|(template, _)| fits(template));
        let (template, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        Some((template, item.get(method)?))
    }

    /// A part of the document, or what it refers to.
    pub fn resolve<'a>(&'a self, part: &'a Value) -> &'a Value {
        match part["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap_or(&Value::Null),
            None => part,
        }
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            let schemas = &self.document["components"]["schemas"];
            let whole = json!({"components": {"schemas": schemas}, "allOf": [schema]});
            let options = jsonschema::options().should_validate_formats(true);
            Arc::new(options.build(&whole).unwrap_or_else(|e| panic!("{schema}: {e}")))
        });
        validator.clone()
    }
}
