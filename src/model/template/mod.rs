//! Templates that people edit: what agents answer with, and what replaces the desk's own words. What is wrong with one
//! is a [`TemplateFault`] that names the line; what one may say is a [`Vocabulary`].

mod engine;
mod fault;
mod fill;
mod vocabulary;

pub use engine::environment;
pub use fault::{TemplateFault, TemplatePart};
pub use fill::{ReplyFacts, check_reply, fill, fill_sample, reply_vocabulary};
pub use vocabulary::{Variable, Vocabulary};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::{Actor, BodyFormat, NotificationTemplate, OutboxEntry, Timestamp, words};

words! {
    /// What a template is for.
    TemplateType {
        /// Agents answer with it.
        Reply = "reply",
        /// It replaces the desk's own words.
        Notification = "notification",
    }
}

/// The locale of a template for every language.
pub const ALL_LOCALES: &str = "*";

/// A template as it is kept (API.md §3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.5 names the fields")]
pub struct TemplateRecord {
    pub id: Uuid,
    pub r#type: TemplateType,
    /// Of a notification: the key of what it replaces.
    pub key: String,
    pub name: String,
    pub category: Option<String>,
    /// BCP 47 in lower case, or [`ALL_LOCALES`].
    pub locale: String,
    pub subject: Option<String>,
    /// Of a notification: its text part.
    pub body: String,
    pub body_format: BodyFormat,
    /// Of a notification: its HTML part; `None`: made of the text.
    pub body_html: Option<String>,
    pub visibility: TemplateVisibility,
    /// With [`TemplateVisibility::Team`], and only then.
    pub team_id: Option<Uuid>,
    pub is_active: bool,
    pub usage_count: i64,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// 0 for what came with the program.
    pub version: i64,
}

words! {
    /// Which agents a reply template is there for: every one, or those of its team. Admins and services see them all.
    TemplateVisibility { All = "all", Team = "team" }
}

/// A save of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the template at that time")]
pub struct TemplateVersion {
    pub template_id: Uuid,
    pub version: i64,
    pub name: String,
    pub category: Option<String>,
    pub locale: String,
    pub subject: Option<String>,
    pub body: String,
    pub body_format: BodyFormat,
    pub body_html: Option<String>,
    pub is_active: bool,
    /// Who saved it; `None` for services.
    pub author_id: Option<Uuid>,
    pub author_name: Option<String>,
    pub created_at: Timestamp,
}

impl TemplateRecord {
    /// An active one for everybody, in all languages, without words.
    pub fn blank(id: Uuid, r#type: TemplateType) -> Self {
        Self {
            id,
            r#type,
            key: String::new(),
            name: String::new(),
            category: None,
            locale: ALL_LOCALES.into(),
            subject: None,
            body: String::new(),
            body_format: if r#type == TemplateType::Reply { BodyFormat::Markdown } else { BodyFormat::Text },
            body_html: None,
            visibility: TemplateVisibility::All,
            team_id: None,
            is_active: true,
            usage_count: 0,
            last_used_at: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        }
    }

    /// What came with the program: nothing was saved.
    pub fn is_builtin(&self) -> bool {
        self.version == 0
    }

    /// The sources it consists of, in the order they are shown.
    pub fn parts(&self) -> impl Iterator<Item = (TemplatePart, &str)> {
        let subject = self.subject.as_deref().map(|text| (TemplatePart::Subject, text));
        let html = self.body_html.as_deref().map(|text| (TemplatePart::BodyHtml, text));
        subject.into_iter().chain([(TemplatePart::Body, self.body.as_str())]).chain(html)
    }

    /// What is kept of it with each save.
    pub fn as_version(&self, author: &Actor) -> TemplateVersion {
        TemplateVersion {
            template_id: self.id,
            version: self.version,
            name: self.name.clone(),
            category: self.category.clone(),
            locale: self.locale.clone(),
            subject: self.subject.clone(),
            body: self.body.clone(),
            body_format: self.body_format,
            body_html: self.body_html.clone(),
            is_active: self.is_active,
            author_id: author.id,
            author_name: author.name.clone(),
            created_at: self.updated_at,
        }
    }

    /// The variables its sources name, with their members.
    pub fn variables(&self) -> BTreeSet<String> {
        let environment = environment();
        self.parts().flat_map(|(_, source)| vocabulary::named(&environment, source)).collect()
    }
}

/// The id of what replaces a notification in a language, made of both: it stays when the override comes and goes.
pub fn notification_id(key: NotificationTemplate, locale: &str) -> Uuid {
    let digest = Sha256::digest(format!("postdesk notification {key} {locale}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// A language as it is kept: lower case, `-` between its parts, [`ALL_LOCALES`] for `*`; `None` for what is none.
pub fn locale_of(text: &str) -> Option<String> {
    let locale = text.trim().to_lowercase().replace('_', "-");
    if locale == ALL_LOCALES {
        return Some(locale);
    }
    let mut parts = locale.split('-');
    let language = parts.next().is_some_and(|part| {
        (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    let rest = parts
        .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    (language && rest && locale.len() <= 35).then_some(locale)
}

/// How well a template's language fits a wish, the smaller the better; `None`: not at all.
pub fn distance(locale: &str, wanted: &str) -> Option<u8> {
    let wanted = wanted.trim().to_lowercase().replace('_', "-");
    let language = wanted.split('-').next().unwrap_or_default();
    match locale {
        exact if exact == wanted => Some(0),
        near if near == language => Some(1),
        ALL_LOCALES => Some(2),
        _ => None,
    }
}

/// Every active template that replaces a notification, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Counts the changes of templates; equal counts, equal templates.
    pub count: i64,
    /// By key and language.
    pub templates: Vec<TemplateRecord>,
}

/// What the row of a mail carries that only shows a template to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialMail {
    /// The template.
    pub template_id: Uuid,
    /// Text and safe HTML of a reply template.
    pub reply: Option<(String, Option<String>)>,
}

impl TrialMail {
    /// The member of the row's context.
    pub const MEMBER: &str = "trial";
    /// What its subject begins with.
    pub const MARK: &str = "[Test]";

    /// Of a row; `None` for every other mail.
    pub fn of(entry: &OutboxEntry) -> Option<Self> {
        serde_json::from_value(entry.context.get(Self::MEMBER)?.clone()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_in_every_spelling() {
        for (text, want) in [
            ("de", Some("de")),
            (" pt_BR ", Some("pt-br")),
            ("zh-Hant-TW", Some("zh-hant-tw")),
            ("*", Some("*")),
            ("", None),
            ("german", None),
            ("d", None),
            ("de-", None),
            ("../de", None),
        ] {
            assert_eq!(locale_of(text).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn the_nearest_language_wins() {
        for (locale, wanted, want) in [
            ("de-at", "de_AT", Some(0)),
            ("de", "de-AT", Some(1)),
            ("*", "de-AT", Some(2)),
            ("de-at", "de", None),
            ("fr", "de", None),
        ] {
            assert_eq!(distance(locale, wanted), want, "{locale} for {wanted}");
        }
    }

    #[test]
    fn ids_of_overrides_stay() {
        let id = |locale| notification_id(NotificationTemplate::TicketReply, locale);
        assert_eq!(id("de"), id("de"));
        assert_ne!(id("de"), id(ALL_LOCALES));
        assert_eq!(id("de").get_version_num(), 8);
    }
}
