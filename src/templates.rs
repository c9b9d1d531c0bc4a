//! The words of mails: minijinja templates embedded in the binary, files of `email.templates_dir` over them, and one
//! catalogue of texts for each language. A broken override never stops a mail: the built-in takes its place.

mod catalog;
mod context;
mod filters;
pub(crate) mod sample;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use css_inline::CSSInliner;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use rust_embed::RustEmbed;

use crate::model::{NotificationTemplate, OutgoingMail};
use catalog::Catalogs;

/// Steps a template may take: a runaway loop ends.
const FUEL: u64 = 500_000;
/// Larger HTML leaves the quoted message out: mail programs clip at about 100 kB.
const MAX_HTML: usize = 90_000;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct BuiltIn;

/// A mail in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The whole subject.
    pub subject: String,
    /// The language it is really in: the wish, or the nearest there is.
    pub locale: String,
    /// Text part.
    pub text: String,
    /// HTML part, styles inlined.
    pub html: String,
}

/// Why a mail has no words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row names a template that is not there.
    #[error("there is no template {0:?}")]
    Unknown(String),
    /// A template does not run.
    #[error("{0:#}")]
    Template(#[from] minijinja::Error),
    /// Its styles can't be inlined.
    #[error("styles: {0}")]
    Styles(String),
}

/// Something wrong with a file of the override directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, and where.
    pub detail: String,
}

/// All templates, read once at start. Cheap to share, never to clone.
pub struct Templates {
    built_in: Environment<'static>,
    /// With the overrides; `None` when there are none.
    overridden: Option<Environment<'static>>,
    catalogs: Arc<Catalogs>,
    inliner: CSSInliner<'static>,
    problems: Vec<Problem>,
    directory: Option<PathBuf>,
}

impl Templates {
    /// Reads the built-in files, and those of `directory` that replace them. A broken one is left out, and named by
    /// [`Templates::check`].
    pub fn load(directory: Option<&Path>) -> Self {
        let files = built_in_files();
        let mut problems = Vec::new();
        let mut catalogs = Catalogs::built_in(&files);
        let overrides = directory.map(|dir| override_files(dir, &files, &mut problems)).unwrap_or_default();
        for (name, text) in overrides.iter().filter(|(name, _)| name.starts_with("locales/")) {
            if let Err(detail) = catalogs.put(name, text) {
                problems.push(problem(directory, name, detail));
            }
        }
        let catalogs = Arc::new(catalogs);
        let mut built_in = environment(&catalogs);
        for (name, text) in templates_of(&files) {
            built_in
                .add_template_owned(name.to_owned(), text.to_owned())
                .expect("built-in templates parse: a test renders each");
        }
        let overridden = overridden(&built_in, &overrides, directory, &mut problems);
        let directory = directory.map(Path::to_owned);
        Self { built_in, overridden, catalogs, inliner: inliner(), problems, directory }
    }

    /// Renders a mail, in the nearest language to its own.
    ///
    /// # Errors
    /// When there is no such template; an override that fails is logged, and the built-in takes its place.
    pub fn render(&self, mail: &OutgoingMail) -> Result<Rendered, Error> {
        let rendered = self.render_whole(mail)?;
        if rendered.html.len() <= MAX_HTML || mail.quoted.is_none() {
            return Ok(rendered);
        }
        tracing::warn!(id = %mail.entry.id, bytes = rendered.html.len(), "mail too large, quote left out");
        self.render_whole(&OutgoingMail { quoted: None, ..mail.clone() })
    }

    /// What is wrong with the overrides: each template is rendered in each language, for verified and unverified
    /// recipients. Empty when all is well.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        let environment = self.overridden.as_ref().unwrap_or(&self.built_in);
        for mail in sample::mails(&self.catalogs.locales()) {
            if let Err(error) = self.render_in(environment, &mail) {
                let template = format!("mail/{}", mail.entry.template);
                problems.push(problem(self.directory.as_deref(), &template, error.to_string()));
            }
        }
        problems.dedup();
        problems
    }

    fn render_whole(&self, mail: &OutgoingMail) -> Result<Rendered, Error> {
        if let Some(environment) = &self.overridden {
            match self.render_in(environment, mail) {
                Ok(rendered) => return Ok(rendered),
                Err(error) => {
                    tracing::error!(template = mail.entry.template, %error, "template override failed, built-in used");
                }
            }
        }
        self.render_in(&self.built_in, mail)
    }

    fn render_in(&self, environment: &Environment<'_>, mail: &OutgoingMail) -> Result<Rendered, Error> {
        let template = NotificationTemplate::parse(&mail.entry.template)
            .ok_or_else(|| Error::Unknown(mail.entry.template.clone()))?;
        let locale = self.catalogs.nearest(&mail.entry.locale);
        let subject = self.subject(mail, locale);
        let context = context::of(mail, template, locale, &subject, &self.catalogs);
        let text = environment.get_template(&format!("{template}.txt"))?.render(&context)?;
        let html = environment.get_template(&format!("{template}.html"))?.render(&context)?;
        let html = self.inliner.inline(&html).map_err(|error| Error::Styles(error.to_string()))?;
        Ok(Rendered { subject, locale: locale.to_owned(), text: tidy(&text), html })
    }

    /// The row's subject; to an unverified address our own words, and the number that stands in the row.
    fn subject(&self, mail: &OutgoingMail, locale: &str) -> String {
        if mail.entry.verified {
            return mail.entry.subject.clone();
        }
        let own = self.catalogs.text(locale, "unverified_subject").unwrap_or("Your request");
        format!("{own} {}", mail.entry.subject).trim_end().to_owned()
    }
}

fn environment(catalogs: &Arc<Catalogs>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("minijinja's own delimiters"));
    environment.set_fuel(Some(FUEL));
    filters::add(&mut environment, catalogs);
    environment
}

/// The built-in environment with files of the directory over it; `None` when there are none.
fn overridden(
    built_in: &Environment<'static>,
    files: &BTreeMap<String, String>,
    directory: Option<&Path>,
    problems: &mut Vec<Problem>,
) -> Option<Environment<'static>> {
    let mut environment = built_in.clone();
    let mut any = false;
    for (name, text) in templates_of(files) {
        match environment.add_template_owned(name.to_owned(), text.to_owned()) {
            Ok(()) => any = true,
            Err(error) => problems.push(problem(directory, &format!("mail/{name}"), format!("{error:#}"))),
        }
    }
    any.then_some(environment)
}

fn built_in_files() -> BTreeMap<String, String> {
    BuiltIn::iter()
        .filter_map(|name| {
            let file = BuiltIn::get(&name)?;
            Some((name.into_owned(), String::from_utf8(file.data.into_owned()).ok()?))
        })
        .collect()
}

/// Files of the directory whose names a built-in file has, or that add a language.
fn override_files(
    directory: &Path,
    built_in: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let locales = std::fs::read_dir(directory.join("locales")).into_iter().flatten().flatten();
    let added = locales
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .map(|name| format!("locales/{name}"));
    let names: Vec<String> = built_in.keys().cloned().chain(added).collect();
    let mut files = BTreeMap::new();
    for name in names {
        match std::fs::read_to_string(directory.join(&name)) {
            Ok(text) => drop(files.insert(name, text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => problems.push(problem(Some(directory), &name, error.to_string())),
        }
    }
    files
}

/// Mail templates by the name they call each other by.
fn templates_of(files: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    files.iter().filter_map(|(name, text)| Some((name.strip_prefix("mail/")?, text.as_str())))
}

fn problem(directory: Option<&Path>, name: &str, detail: impl Into<String>) -> Problem {
    Problem {
        file: directory.map_or_else(|| PathBuf::from(name), |dir| dir.join(name)),
        detail: detail.into(),
    }
}

fn inliner() -> CSSInliner<'static> {
    CSSInliner::options().load_remote_stylesheets(false).keep_at_rules(true).build()
}

/// No blanks at line ends but the signature's (`-- `), no more than one empty line, one line end at the end.
fn tidy(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = if line == "-- " { line } else { line.trim_end() };
        let doubled = line.is_empty() && lines.last().is_none_or(|last| last.is_empty());
        if !doubled {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Audience;

    fn sample(template: NotificationTemplate, locale: &str, verified: bool) -> OutgoingMail {
        sample::mail(template, locale, verified)
    }

    #[test]
    fn built_in_templates_run_in_every_language() {
        let templates = Templates::load(None);
        assert_eq!(templates.check(), []);
        for locale in ["en"] {
            for key in templates.catalogs.keys(catalog::FALLBACK) {
                assert!(templates.catalogs.has_own(locale, key), "{locale} lacks {key}");
            }
        }
    }

    #[test]
    fn html_is_small_and_asks_nobody() {
        let templates = Templates::load(None);
        for template in NotificationTemplate::ALL {
            let html = templates.render(&sample(*template, "en", true)).unwrap().html;
            assert!(html.len() < 16_000, "{template}: {}", html.len());
            for banned in ["src=", "http:", "url(", "@import", "<img", "<script"] {
                assert!(!html.contains(banned), "{template} has {banned}");
            }
            assert!(html.contains("prefers-color-scheme"), "{template} lost its dark mode");
        }
    }

    #[test]
    fn what_people_write_is_data() {
        let templates = Templates::load(None);
        for template in NotificationTemplate::ALL.iter().filter(|t| t.audience() == Audience::Agent) {
            if *template == NotificationTemplate::AgentReplyRefused {
                continue;
            }
            let mut mail = sample(*template, "en", true);
            mail.requester_name = Some("{{ 7*7 }} <b>{name}</b>".into());
            mail.ticket.as_mut().unwrap().subject = "{% for %} <script>{{ brand.name }}".into();
            let rendered = templates.render(&mail).unwrap();
            assert!(rendered.text.contains("{{ 7*7 }} <b>{name}</b> <jo@example.org>"), "{}", rendered.text);
            assert!(rendered.html.contains("{{ 7*7 }} &lt;b&gt;{name}"), "{}", rendered.html);
            assert!(!rendered.html.contains("<script>"));
        }
    }

    #[test]
    fn unverified_addresses_read_nothing_that_a_caller_wrote() {
        let templates = Templates::load(None);
        let secret = "xyzzy-4711";
        for template in NotificationTemplate::ALL.iter().filter(|t| t.audience() == Audience::Customer) {
            let mut mail = sample(*template, "en", false);
            let ticket = mail.ticket.as_mut().unwrap();
            (ticket.subject, ticket.mail_subject) = (secret.into(), secret.into());
            ticket.preview = secret.into();
            ticket.custom_fields = serde_json::json!({ "a": secret });
            (ticket.order_id, ticket.tags) = (Some(secret.into()), vec![secret.into()]);
            mail.requester_name = Some(secret.into());
            for message in mail
                .quoted
                .iter_mut()
                .chain(mail.response.iter_mut().filter(|r| r.author_type != crate::model::ActorType::Agent))
            {
                (message.body_text, message.author_name) = (secret.into(), Some(secret.into()));
                mail.response_html = Some(secret.into());
            }
            if mail.response.as_ref().is_some_and(|r| r.author_type == crate::model::ActorType::Agent) {
                mail.response_html = Some("An agent's words".into());
            }
            match templates.render(&mail) {
                Ok(rendered) => assert!(!format!("{rendered:?}").contains(secret), "{template}"),
                Err(Error::Template(error)) => {
                    assert!(template.is_for_verified_only(), "{template}: {error}")
                }
                Err(error) => panic!("{template}: {error}"),
            }
        }
    }

    #[test]
    fn a_broken_override_gives_way_to_the_built_in() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("mail")).unwrap();
        let put = |name: &str, text: &str| std::fs::write(dir.path().join("mail").join(name), text).unwrap();
        put("ticket_reply.txt", "{{ message.txt }}");
        put("ticket_resolved.txt", "{% if %}");
        put("ticket_received.txt", "Mine: {{ ticket.number }}");
        let templates = Templates::load(Some(dir.path()));
        let text = |template| templates.render(&sample(template, "en", true)).unwrap().text;
        assert_eq!(text(NotificationTemplate::TicketReceived), "Mine: TKT-2026-K7Q4ZP\n");
        assert!(text(NotificationTemplate::TicketReply).contains("on its way"));
        assert!(text(NotificationTemplate::TicketResolved).contains("settled"));
        let files: Vec<_> =
            templates.check().iter().map(|p| p.file.strip_prefix(dir.path()).unwrap().to_owned()).collect();
        assert!(files.contains(&"mail/ticket_resolved.txt".into()), "{files:?}");
        assert!(files.contains(&"mail/ticket_reply".into()), "{files:?}");
    }

    #[test]
    fn long_mails_lose_their_quote() {
        let templates = Templates::load(None);
        let mut mail = sample(NotificationTemplate::TicketReply, "en", true);
        assert!(templates.render(&mail).unwrap().text.contains("> my parcel is late."));
        mail.response_html = Some("<p>long</p>".repeat(MAX_HTML / 8));
        assert!(!templates.render(&mail).unwrap().html.contains("my parcel is late."));
    }

    #[test]
    fn text_is_tidied() {
        assert_eq!(tidy("\n\na \n\n\n\nb\n-- \nc\n\n"), "a\n\nb\n-- \nc\n");
    }
}
