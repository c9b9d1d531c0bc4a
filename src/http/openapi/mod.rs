//! The document that describes the API (OpenAPI 3.1), made of the handlers themselves. A handler says what is its own;
//! what all of them share is added by [`rules`]. `docs/openapi.json` is this document, and what is served: a test
//! compares it with the code.

mod components;
mod finish;
mod hooks;
mod older;
mod postman;
mod rules;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;
use utoipa::Modify;
use utoipa::OpenApi as _;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, RefOr, Schema};

use super::problem::ProblemBody;
use crate::model::EventBody;

/// What stands above the routes.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Postdesk",
        description = "An email-driven support desk: mail comes in and becomes tickets and responses; what you answer \
            leaves by mail, and every mail that left has a log.\n\nAnswers are JSON; errors are problems (RFC 9457). A \
            member that is known but empty is `null`; one you may not see is absent. Enums marked \
            `x-extensible-enum` may get further values. Times are RFC 3339, UTC.",
        license(name = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "This desk")),
    tags(
        (name = "Tickets", description = "What people ask."),
        (name = "Responses", description = "What is said on a ticket: answers, customers' messages, notes."),
        (name = "Attachments", description = "Files."),
        (name = "Templates", description = "What agents answer with, and what the desk sends."),
        (name = "Mail", description = "What came in, what leaves, and what is held back."),
        (name = "People", description = "Who asks, who answers, and who may do what."),
        (name = "Webhooks", description = "Telling other programs, as things happen."),
        (name = "System", description = "The desk itself."),
    ),
    components(schemas(ProblemBody, EventBody)),
    modifiers(&Token),
)]
struct Head;

/// The one way to say who you are.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("pdk_…".into());
        scheme.description =
            Some("`Authorization: Bearer pdk_…`. The first one: `postdesk token create`.".into());
        let components = document.components.get_or_insert_with(Components::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The document without routes.
pub fn head() -> OpenApi {
    Head::openapi()
}

/// Marks every operation as open to everybody.
pub fn open(mut document: OpenApi) -> OpenApi {
    for operation in document.paths.paths.values_mut().flat_map(operations_mut) {
        operation.security = Some(Vec::new());
    }
    document
}

/// A document in its forms.
pub struct Documents {
    /// OpenAPI 3.1.
    pub openapi: Value,
    /// The same as OpenAPI 3.0, for generators that need it.
    pub older: Value,
    /// A Postman collection, v2.1.
    pub postman: Value,
}

/// The handlers' document completed, and what is made of it.
pub fn documents(handlers: &OpenApi) -> Documents {
    let mut openapi = serde_json::to_value(handlers).expect("a document is JSON");
    hooks::complete(&mut openapi);
    rules::complete(&mut openapi);
    Documents { older: older::of(&openapi), postman: postman::of(&openapi), openapi }
}

/// A route, as `GET /` lists it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Route {
    /// Upper case.
    #[schema(example = "GET")]
    pub method: &'static str,
    /// With `{parameters}`.
    #[schema(example = "/api/support/tickets")]
    pub path: String,
    /// One line.
    #[schema(example = "List and search tickets")]
    pub summary: String,
}

/// Every route of a document, by path.
pub fn routes(document: &OpenApi) -> Vec<Route> {
    document.paths.paths.iter().flat_map(|(path, item)| of_path(path, item)).collect()
}

fn of_path<'a>(path: &'a str, item: &'a PathItem) -> impl Iterator<Item = Route> + 'a {
    let operations = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    operations.into_iter().filter_map(move |(method, operation)| {
        let summary = operation.as_ref()?.summary.clone().unwrap_or_default();
        Some(Route { method, path: path.to_owned(), summary: summary.trim_end_matches('.').to_owned() })
    })
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, patch, delete, .. } = item;
    [get, put, post, patch, delete].into_iter().filter_map(Option::as_mut)
}

/// The members that an object of this kind may have.
pub fn members<V: ToSchema>() -> BTreeSet<String> {
    fn collect(
        schema: &RefOr<Schema>,
        named: &HashMap<String, RefOr<Schema>>,
        members: &mut BTreeSet<String>,
    ) {
        match schema {
            RefOr::Ref(to) => {
                let name = to.ref_location.rsplit('/').next().unwrap_or_default();
                if let Some(schema) = named.get(name) {
                    collect(schema, named, members);
                }
            }
            RefOr::T(Schema::Object(object)) => members.extend(object.properties.keys().cloned()),
            RefOr::T(Schema::AllOf(all)) => all.items.iter().for_each(|part| collect(part, named, members)),
            RefOr::T(Schema::OneOf(one)) => one.items.iter().for_each(|part| collect(part, named, members)),
            RefOr::T(_) => {}
        }
    }
    let mut named = Vec::new();
    V::schemas(&mut named);
    let mut members = BTreeSet::new();
    collect(&V::schema(), &named.into_iter().collect(), &mut members);
    members
}
