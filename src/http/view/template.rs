//! What agents answer with, and what the desk sends (API.md §3.5).

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, time};
use crate::model::template::Variable;
use crate::model::{self, BodyFormat, TemplateRecord, TemplateType, TemplateVisibility, Timestamp};

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub struct Template<'a> {
    /// UUID; of a notification made of its key and language.
    pub id: Uuid,
    /// What it is for.
    pub r#type: TemplateType,
    /// Of a notification: what it replaces.
    #[schema(example = "refund_started")]
    pub key: &'a str,
    /// For people.
    #[schema(example = "Refund started")]
    pub name: &'a str,
    /// The tickets it is for.
    #[schema(example = "return_refund")]
    pub category: Option<&'a str>,
    /// BCP 47, or `*` for all languages.
    #[schema(example = "en")]
    pub locale: &'a str,
    /// Of a notification.
    pub subject: Option<&'a str>,
    /// The text, with variables in braces.
    #[schema(example = "Hi {{ requester.first_name | default('there') }}, your refund has started.")]
    pub body: &'a str,
    /// How the text is written.
    pub body_format: BodyFormat,
    /// Of a notification: its HTML; null: made of the text.
    pub body_html: Option<&'a str>,
    /// The variables it names.
    #[schema(example = json!(["requester.first_name"]))]
    pub variables: BTreeSet<String>,
    /// Whether it is used.
    pub is_active: bool,
    /// The agents it is there for; admins and services see every one.
    pub visibility: TemplateVisibility,
    /// The team whose it is.
    pub team_id: Option<Uuid>,
    /// Whether it came with the program.
    pub is_builtin: bool,
    /// How often it was used.
    #[schema(example = 31)]
    pub usage_count: i64,
    /// When it was used last.
    pub last_used_at: Option<Time>,
    /// When made; null for what came with the program.
    pub created_at: Option<Time>,
    /// When last changed; null for what came with the program.
    pub updated_at: Option<Time>,
    /// Counts changes, from 1; 0 for what came with the program.
    pub version: i64,
}

impl<'a> Template<'a> {
    /// API.md §3.5.
    pub fn of(t: &'a TemplateRecord) -> Self {
        let stored = |at: Timestamp| (!t.is_builtin()).then_some(Time(at));
        Self {
            id: t.id,
            r#type: t.r#type,
            key: &t.key,
            name: &t.name,
            category: t.category.as_deref(),
            locale: &t.locale,
            subject: t.subject.as_deref(),
            body: &t.body,
            body_format: t.body_format,
            body_html: t.body_html.as_deref(),
            variables: t.variables(),
            is_active: t.is_active,
            visibility: t.visibility,
            team_id: t.team_id,
            is_builtin: t.is_builtin(),
            usage_count: t.usage_count,
            last_used_at: time(t.last_used_at),
            created_at: stored(t.created_at),
            updated_at: stored(t.updated_at),
            version: t.version,
        }
    }
}

/// A save of a template, and whose it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateVersion<'a> {
    /// Counts saves, from 1.
    pub version: i64,
    /// For people.
    #[schema(example = "Refund started")]
    pub name: &'a str,
    /// The tickets it is for.
    pub category: Option<&'a str>,
    /// BCP 47, or `*` for all languages.
    pub locale: &'a str,
    /// Of a notification.
    pub subject: Option<&'a str>,
    /// The text, with variables in braces.
    pub body: &'a str,
    /// How the text is written.
    pub body_format: BodyFormat,
    /// Of a notification: its HTML.
    pub body_html: Option<&'a str>,
    /// Whether it was used.
    pub is_active: bool,
    /// Who saved it.
    pub author: TemplateAuthor<'a>,
    /// When.
    pub created_at: Time,
}

/// Who saved a template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateAuthor<'a> {
    /// The agent; null for services.
    pub id: Option<Uuid>,
    /// For people.
    pub name: Option<&'a str>,
}

impl<'a> TemplateVersion<'a> {
    /// Of a save.
    pub fn of(v: &'a model::TemplateVersion) -> Self {
        Self {
            version: v.version,
            name: &v.name,
            category: v.category.as_deref(),
            locale: &v.locale,
            subject: v.subject.as_deref(),
            body: &v.body,
            body_format: v.body_format,
            body_html: v.body_html.as_deref(),
            is_active: v.is_active,
            author: TemplateAuthor { id: v.author_id, name: v.author_name.as_deref() },
            created_at: Time(v.created_at),
        }
    }
}

/// What a template may say.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateVariable<'a> {
    /// With the objects it is a member of; `messages[].text` in lists.
    #[schema(example = "ticket.number")]
    pub name: &'a str,
    /// `string number boolean list object`.
    #[schema(example = "string")]
    pub r#type: &'a str,
    /// What it says in the sample.
    #[schema(example = "TKT-2026-K7Q4ZP")]
    pub sample: &'a str,
    /// Keys of the templates that may say it; `reply` for all reply templates.
    #[schema(example = json!(["reply", "ticket_reply"]))]
    pub templates: &'a [&'static str],
}

impl<'a> TemplateVariable<'a> {
    /// Of a variable, and who may say it.
    pub fn of(variable: &'a Variable, templates: &'a [&'static str]) -> Self {
        Self { name: &variable.name, r#type: variable.r#type, sample: &variable.sample, templates }
    }
}

/// What comes of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplatePreview)]
pub struct Preview {
    /// Of a notification.
    pub subject: Option<String>,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: Option<String>,
    /// Octets of it: mail programs cut long ones.
    pub html_bytes: usize,
    /// What its writer should know.
    pub warnings: Vec<String>,
}

/// A reply template's text for a ticket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RenderedTemplate)]
pub struct Rendered {
    /// Plain text.
    #[schema(example = "Hi Jo, your refund has started.")]
    pub body: String,
    /// The same as HTML; null where the template is plain text.
    pub body_html: Option<String>,
}
