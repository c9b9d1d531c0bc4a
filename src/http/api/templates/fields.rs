//! The fields of a template (API.md §3.5), as they are sent.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::extract::{Fields, words};
use crate::model::template::{ALL_LOCALES, locale_of, notification_id};
use crate::model::{
    BodyFormat, Category, NotificationTemplate, TemplateRecord, TemplateType, TemplateVersion,
    TemplateVisibility,
};

/// Longest source of a body, characters.
const LONGEST: usize = 100_000;

/// A template to be kept. Of a reply `name` and `body` are needed, of a notification also `key` and `subject`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
#[schema(example = json!({
    "name": "Refund started", "category": "return_refund", "locale": "en",
    "body": "Hi {{ requester.first_name | default('there') }}, your refund has started.",
}))]
pub struct NewTemplate {
    /// `reply` when absent.
    r#type: Option<TemplateType>,
    /// For people.
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Of a notification: what it replaces. Of a reply: what agents name it by in mails, made of the name when absent.
    #[schema(max_length = 60)]
    key: Option<String>,
    /// The tickets it is for.
    category: Option<Category>,
    /// BCP 47; `*` or absent: all languages.
    #[schema(max_length = 35)]
    locale: Option<String>,
    /// Of a notification.
    #[schema(max_length = 255)]
    subject: Option<String>,
    /// The text, with variables in braces.
    #[schema(min_length = 1, max_length = 100_000)]
    body: String,
    /// Of a reply; `markdown` when absent.
    body_format: Option<BodyFormat>,
    /// Of a notification; made of the text when absent.
    #[schema(max_length = 100_000)]
    body_html: Option<String>,
    /// Whether it is used.
    #[schema(default = true)]
    is_active: Option<bool>,
    /// Of a reply: the agents it is there for; `team` when only `team_id` is said, else `all`.
    visibility: Option<TemplateVisibility>,
    /// Of a reply: the team whose agents alone see it; other than admins.
    team_id: Option<Uuid>,
}

/// What is to change of a template; null clears. What a notification replaces, and in which language, stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
#[schema(example = json!({"name": "Refund started", "is_active": true}))]
pub struct TemplatePatch {
    /// For people.
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// Of a reply: what agents name it by in mails.
    #[schema(max_length = 60)]
    key: Option<String>,
    /// The tickets it is for.
    category: Option<Category>,
    /// BCP 47; `*`: all languages.
    #[schema(max_length = 35)]
    locale: Option<String>,
    /// Of a notification.
    #[schema(max_length = 255)]
    subject: Option<String>,
    /// The text, with variables in braces.
    #[schema(min_length = 1, max_length = 100_000)]
    body: Option<String>,
    /// Of a reply.
    body_format: Option<BodyFormat>,
    /// Of a notification.
    #[schema(max_length = 100_000)]
    body_html: Option<String>,
    /// Whether it is used.
    is_active: Option<bool>,
    /// Of a reply: the agents it is there for. `all` takes it from its team.
    visibility: Option<TemplateVisibility>,
    /// Of a reply: the team whose agents alone see it; null: it is everybody's.
    team_id: Option<Uuid>,
}

/// What is to change. `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct TemplateFields {
    name: Option<String>,
    key: Option<String>,
    category: Option<Option<String>>,
    locale: Option<String>,
    subject: Option<Option<String>>,
    body: Option<String>,
    body_format: Option<BodyFormat>,
    body_html: Option<Option<String>>,
    is_active: Option<bool>,
    team_id: Option<Option<Uuid>>,
}

impl TemplateFields {
    /// All of them optional. What a notification replaces, and in which language, is its id: those stay.
    pub fn read(f: &mut Fields, r#type: TemplateType) -> Self {
        let is_reply = r#type == TemplateType::Reply;
        let read = Self {
            name: f.line("name", 1, 120),
            category: f.clearable("category", |f| {
                let known = words(Category::ALL);
                f.word("category", Category::from_input, known).map(|category| category.as_str().to_owned())
            }),
            body: f.text("body", 1, LONGEST),
            is_active: f.flag("is_active"),
            ..Self::default()
        };
        if is_reply {
            let team_id = team(f);
            f.absent(&["subject", "body_html"], "belongs to notifications");
            let (key, locale) = (key(f), locale(f));
            let format = f.word("body_format", BodyFormat::parse, words(BodyFormat::ALL));
            return Self { key, locale, body_format: format, team_id, ..read };
        }
        f.absent(&["body_format"], "the text part of a notification is text");
        f.word("visibility", |word| (word == "all").then_some(()), vec!["all"]);
        f.absent(&["team_id"], "what the desk sends is no team's");
        f.absent(&["key", "locale"], "stays what it is: make another override");
        Self {
            subject: f.clearable("subject", |f| f.line("subject", 1, 255)),
            body_html: f.clearable("body_html", |f| f.text("body_html", 1, LONGEST)),
            ..read
        }
    }

    /// A template with these in the place of its own. New words for a text that came with the program don't stand
    /// beside its old HTML.
    pub fn over(self, base: TemplateRecord) -> TemplateRecord {
        let first_words = base.is_builtin() && self.body.is_some();
        let own_html = if first_words { None } else { base.body_html };
        let team_id = self.team_id.unwrap_or(base.team_id);
        TemplateRecord {
            name: self.name.unwrap_or(base.name),
            key: self.key.unwrap_or(base.key),
            category: self.category.unwrap_or(base.category),
            locale: self.locale.unwrap_or(base.locale),
            subject: self.subject.unwrap_or(base.subject),
            body: self.body.unwrap_or(base.body),
            body_format: self.body_format.unwrap_or(base.body_format),
            body_html: self.body_html.unwrap_or(own_html),
            visibility: team_id.map_or(TemplateVisibility::All, |_| TemplateVisibility::Team),
            team_id,
            is_active: self.is_active.unwrap_or(base.is_active),
            ..base
        }
    }
}

/// A new template; one that is only tried needs no more than its body.
pub fn new(f: &mut Fields, id: Uuid, only_tried: bool) -> TemplateRecord {
    let r#type = r#type(f);
    let is_reply = r#type == TemplateType::Reply;
    let notification = if is_reply { None } else { f.required("key", notification_key) };
    let locale = if is_reply { None } else { locale(f) };
    f.present("body");
    if !only_tried {
        f.present("name");
        (!is_reply).then(|| f.present("subject"));
    }
    let fields = TemplateFields::read(f, r#type);
    let locale = locale.or(fields.locale.clone()).unwrap_or_else(|| ALL_LOCALES.into());
    let name = fields.name.clone().unwrap_or_default();
    let base = TemplateRecord {
        key: notification.map_or_else(|| key_of(&name), |key| key.as_str().into()),
        name,
        ..TemplateRecord::blank(notification.map_or(id, |key| notification_id(key, &locale)), r#type)
    };
    let base = TemplateRecord { locale, ..base };
    fields.over(base)
}

/// A template as it was saved once. A notification keeps its language.
pub fn restored(base: TemplateRecord, old: TemplateVersion) -> TemplateRecord {
    let locale = if base.r#type == TemplateType::Reply { old.locale } else { base.locale };
    TemplateRecord {
        name: old.name,
        category: old.category,
        locale,
        subject: old.subject,
        body: old.body,
        body_format: old.body_format,
        body_html: old.body_html,
        is_active: old.is_active,
        ..base
    }
}

/// `type`, a reply when nothing is said.
pub fn r#type(f: &mut Fields) -> TemplateType {
    f.word("type", TemplateType::parse, words(TemplateType::ALL)).unwrap_or(TemplateType::Reply)
}

/// `key` of a notification.
pub fn notification_key(f: &mut Fields) -> Option<NotificationTemplate> {
    f.word("key", NotificationTemplate::parse, words(NotificationTemplate::ALL))
}

/// `locale`; null is every language.
pub fn locale(f: &mut Fields) -> Option<String> {
    let text = f.line("locale", 1, 35)?;
    let locale = locale_of(&text);
    if locale.is_none() {
        f.refuse("locale", "bad_format", "a language such as de or pt-BR, or * for all");
    }
    locale
}

fn key(f: &mut Fields) -> Option<String> {
    let key = f.line("key", 1, 60)?;
    let fits = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !fits {
        f.refuse("key", "bad_format", "lower-case letters, digits and _");
    }
    fits.then_some(key)
}

/// `Refund started` → `refund_started`: what agents name it by in mails.
fn key_of(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_lowercase().chars().take(60).collect()
}

/// `visibility` and `team_id`, which say the same: whose it is. `Some(None)` is everybody's.
fn team(f: &mut Fields) -> Option<Option<Uuid>> {
    let visibility = f.word("visibility", TemplateVisibility::parse, words(TemplateVisibility::ALL));
    let team = f.clearable_uuid("team_id");
    match (visibility, team) {
        (Some(TemplateVisibility::All), Some(Some(_))) => {
            f.refuse("team_id", "not_allowed", "visibility says that it is everybody's");
            None
        }
        (Some(TemplateVisibility::All), _) => Some(None),
        (Some(TemplateVisibility::Team), None | Some(None)) => {
            f.refuse("team_id", "required", "visibility says that it is a team's");
            None
        }
        _ => team,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (TemplateRecord, bool) {
        let mut fields = Fields::parse(json.as_bytes()).expect("an object");
        let template = new(&mut fields, Uuid::from_u128(7), false);
        (template, fields.finish().is_ok())
    }

    #[test]
    fn templates_are_read_whole() {
        for (json, want) in [
            (r#"{"name":"Refund started","body":"Hi"}"#, true),
            (
                r#"{"name":"R","body":"Hi","locale":null,"team_id":null,"visibility":"all","subject":null}"#,
                true,
            ),
            (r#"{"name":"R","body":"Hi","locale":"german"}"#, false),
            (r#"{"name":"R","body":"Hi","visibility":"team"}"#, false),
            (r#"{"name":"R","body":"Hi","key":"No way"}"#, false),
            (r#"{"name":"R","body":"Hi","body_html":"<p>"}"#, false),
            (r#"{"body":"Hi"}"#, false),
            (r#"{"type":"notification","key":"ticket_reply","name":"R","body":"Hi","subject":"S"}"#, true),
            (r#"{"type":"notification","key":"ticket_reply","name":"R","body":"Hi"}"#, false),
            (r#"{"type":"notification","key":"nope","name":"R","body":"Hi","subject":"S"}"#, false),
            (
                r#"{"type":"notification","key":"ticket_reply","name":"R","body":"Hi","subject":"S","body_format":"html"}"#,
                false,
            ),
        ] {
            assert_eq!(read(json).1, want, "{json}");
        }
        let (reply, _) = read(r#"{"name":"Refund  started!","body":"Hi"}"#);
        assert_eq!((reply.key.as_str(), reply.locale.as_str()), ("refund_started", "*"));
        let (one, _) = read(
            r#"{"type":"notification","key":"ticket_reply","name":"R","body":"Hi","subject":"S","locale":"DE"}"#,
        );
        assert_eq!(one.id, notification_id(NotificationTemplate::TicketReply, "de"));
    }
}
