//! The words of mails: minijinja templates embedded in the binary, files of `email.templates_dir` over them, templates
//! of the database over those, and one catalogue of texts for each language. A broken override never stops a mail: the
//! built-in takes its place, and [`Templates::problems`] names it.

mod catalog;
mod check;
mod context;
mod files;
mod filters;
#[cfg(test)]
mod goldens;
mod overrides;
mod paragraphs;
mod pen;
pub(crate) mod sample;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use minijinja::Environment;

use crate::model::template::{ALL_LOCALES, Variable, environment, notification_id};
use crate::model::*;
use catalog::Catalogs;
use files::Files;
use overrides::Ready;
use pen::{Blot, Pen, Sources};

/// Larger HTML leaves the quoted message out: mail programs clip at about 100 kB.
const MAX_HTML: usize = 90_000;

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
    /// Which save of an override it is made of; `None` for what came with the program.
    pub version: Option<i64>,
}

/// Why a mail has no words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row names a template that is not there.
    #[error("there is no template {0:?}")]
    Unknown(String),
    /// A template does not run.
    #[error("{0}")]
    Template(#[from] minijinja::Error),
    /// A template that is shown alone does not run.
    #[error(transparent)]
    Fault(#[from] TemplateFault),
    /// Its styles can't be inlined.
    #[error("styles: {0}")]
    Styles(String),
}

/// Something wrong with an override.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, or the template of the database.
    pub what: String,
    /// What is wrong, and where.
    pub detail: String,
}

impl Problem {
    fn new(what: impl Display, detail: impl Display) -> Self {
        Self { what: what.to_string(), detail: detail.to_string() }
    }
}

/// All templates. Files are read once at start, those of the database whenever they change. Cheap to share, never to
/// clone.
pub struct Templates {
    pen: Pen,
    built_in: Environment<'static>,
    /// With the directory's files; `None` when there are none.
    with_files: Option<Environment<'static>>,
    /// What each template file says, the directory's where it has one.
    sources: Files,
    directory: Option<PathBuf>,
    /// Found when the directory was read.
    problems: Vec<Problem>,
    database: RwLock<Arc<Ready>>,
    /// Overrides that failed on real mails: what, how often and how.
    failed: Mutex<BTreeMap<String, (u64, String)>>,
}

impl Templates {
    /// Reads the built-in files, and those of `directory` that replace them. A broken one is left out, and named by
    /// [`Templates::problems`].
    pub fn load(directory: Option<&Path>) -> Self {
        let mut sources = files::built_in();
        let mut problems = Vec::new();
        let mut catalogs = Catalogs::built_in(&sources);
        let replacing =
            directory.map(|dir| files::of_directory(dir, &sources, &mut problems)).unwrap_or_default();
        for (name, text) in replacing.iter().filter(|(name, _)| name.starts_with("locales/")) {
            if let Err(detail) = catalogs.put(name, text) {
                problems.push(Problem::new(path(directory, name), detail));
            }
        }
        let catalogs = Arc::new(catalogs);
        let mut built_in = environment();
        filters::add(&mut built_in, &catalogs);
        for (name, text) in files::mail_templates(&sources) {
            built_in
                .add_template_owned(name.to_owned(), text.to_owned())
                .expect("built-in templates parse: a test renders each");
        }
        let with_files = with_files(&built_in, &replacing, directory, &mut problems);
        sources.extend(replacing);
        let mut templates = Self {
            pen: Pen::new(catalogs),
            built_in,
            with_files,
            sources,
            directory: directory.map(Path::to_owned),
            problems,
            database: RwLock::new(Arc::new(Ready::nothing())),
            failed: Mutex::default(),
        };
        if directory.is_some() {
            templates.problems.extend(templates.check_files());
        }
        templates
    }

    /// Puts the database's templates over the files. Cheap when they are the same as before.
    pub fn use_overrides(&self, overrides: &Overrides) {
        let before = self.database();
        if before.count == overrides.count {
            return;
        }
        let mut ready = Ready::new(overrides, self.files());
        let known = |template: &TemplateRecord| before.checked.get(&(template.id, template.version)).cloned();
        let found = ready.all().map(|template| {
            let problems = known(template).unwrap_or_else(|| self.problems_of(template));
            ((template.id, template.version), problems)
        });
        ready.checked = found.collect();
        ready.problems.extend(ready.checked.values().flatten().cloned());
        // What failed was one of those that are gone, or fails again.
        self.failed.lock().expect("no panic while held").clear();
        *self.database.write().expect("no panic while held") = Arc::new(ready);
    }

    /// Renders a mail, in the nearest language to its own.
    ///
    /// # Errors
    /// When there is no such template; an override that fails is logged, and the built-in takes its place.
    pub fn render(&self, mail: &OutgoingMail) -> Result<Rendered, Error> {
        within_bounds(mail, |mail| self.render_whole(mail))
    }

    /// Renders a mail with this template, active or not, and nothing in its place.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn render_with(
        &self,
        template: &TemplateRecord,
        mail: &OutgoingMail,
    ) -> Result<Rendered, TemplateFault> {
        let mut environment = self.files().clone();
        overrides::add(&mut environment, template)?;
        let sources = overrides::sources(template);
        within_bounds(mail, |mail| self.pen.write(&environment, &sources, mail)).map_err(|blot| {
            let key = NotificationTemplate::parse(&mail.entry.template);
            let known = key.map_or_else(vocabulary::none, |key| vocabulary::of(&self.pen, key));
            check::fault(&blot, template, mail, &known)
        })
    }

    /// What is wrong with an override, tried on made-up mails in each of its languages, for verified and unverified
    /// recipients. Empty when it may be saved.
    pub fn faults(&self, template: &TemplateRecord) -> Vec<TemplateFault> {
        match NotificationTemplate::parse(&template.key) {
            Some(key) => check::faults(&self.pen, self.files(), key, template),
            None => vec![TemplateFault::whole(TemplatePart::Body, "there is no such notification")],
        }
    }

    /// What is known to be wrong with overrides: found when they were read, or when a mail was rendered. Empty when all
    /// is well.
    pub fn problems(&self) -> Vec<Problem> {
        let failed = self.failed.lock().expect("no panic while held");
        let failed = failed.iter().map(|(what, (times, detail))| {
            Problem::new(what, format_args!("gave way to the built-in one {times} times: {detail}"))
        });
        let mut problems: Vec<_> =
            self.problems.iter().chain(&self.database().problems).cloned().chain(failed).collect();
        problems.sort();
        problems.dedup();
        problems
    }

    /// Each notification as it is without the database's templates.
    pub fn built_in(&self) -> Vec<TemplateRecord> {
        NotificationTemplate::ALL.iter().map(|key| self.built_in_of(*key)).collect()
    }

    /// A notification as it is without the database's templates.
    pub fn built_in_of(&self, key: NotificationTemplate) -> TemplateRecord {
        let source = |ending| self.sources.get(&format!("mail/{key}.{ending}")).cloned();
        TemplateRecord {
            key: key.as_str().into(),
            name: key.as_str().into(),
            body: source("txt").unwrap_or_default(),
            body_html: source("html"),
            version: 0,
            ..TemplateRecord::blank(notification_id(key, ALL_LOCALES), TemplateType::Notification)
        }
    }

    /// A made-up mail of a notification, to the kind of recipient that it mostly goes to.
    pub fn sample(&self, key: NotificationTemplate, locale: &str) -> OutgoingMail {
        sample::mail(key, locale, key != NotificationTemplate::TicketReceivedNeutral)
    }

    /// A mail that shows a template to an agent: everything in it is made up but where it comes from and goes to.
    ///
    /// # Errors
    /// What is wrong with `template`: nothing takes its place here. `None` for what came with the program.
    pub fn render_trial(
        &self,
        trial: &TrialMail,
        template: Option<&TemplateRecord>,
        mail: OutgoingMail,
    ) -> Result<(OutgoingMail, Rendered), Error> {
        let key = NotificationTemplate::parse(&mail.entry.template)
            .ok_or_else(|| Error::Unknown(mail.entry.template.clone()))?;
        let mail = sample::trial(self.sample(key, &mail.entry.locale), mail, trial);
        let rendered = match template.filter(|template| template.r#type == TemplateType::Notification) {
            Some(template) => self.render_with(template, &mail)?,
            None => self.render(&mail)?,
        };
        let subject = format!("{} {}", TrialMail::MARK, rendered.subject);
        Ok((mail, Rendered { subject, ..rendered }))
    }

    /// What templates of a notification may say.
    pub fn variables(&self, key: NotificationTemplate) -> Vec<Variable> {
        vocabulary::of(&self.pen, key).variables().cloned().collect()
    }

    /// Every language there are texts in.
    pub fn locales(&self) -> Vec<String> {
        self.pen.catalogs.locales()
    }

    /// Every file that can be replaced, as it is in the binary: name and text.
    pub fn built_in_files() -> impl Iterator<Item = (String, String)> {
        files::built_in().into_iter()
    }

    fn render_whole(&self, mail: &OutgoingMail) -> Result<Rendered, Error> {
        let key = NotificationTemplate::parse(&mail.entry.template)
            .ok_or_else(|| Error::Unknown(mail.entry.template.clone()))?;
        let database = self.database();
        if let (Some(environment), Some(template)) =
            (&database.environment, database.nearest(key, &mail.entry.locale))
        {
            match self.pen.write(environment, &overrides::sources(template), mail) {
                Ok(rendered) => return Ok(rendered),
                Err(blot) => self.report(&overrides::name_of(template), &blot),
            }
        }
        let sources = Sources::of_files(key);
        if let Some(environment) = &self.with_files {
            match self.pen.write(environment, &sources, mail) {
                Ok(rendered) => return Ok(rendered),
                Err(blot) => self.report(&path(self.directory.as_deref(), &format!("mail/{key}")), &blot),
            }
        }
        self.pen.write(&self.built_in, &sources, mail).map_err(|blot| blot.error)
    }

    /// An override that worked on made-up mails and does not on a real one.
    fn report(&self, what: &str, blot: &Blot) {
        let detail = format!("{}: {}", blot.part, blot.error);
        tracing::error!(what, detail, "template failed, the built-in one used");
        let mut failed = self.failed.lock().expect("no panic while held");
        let (times, last) = failed.entry(what.to_owned()).or_default();
        *times += 1;
        *last = detail;
    }

    /// Each template in each language, on made-up mails, as the files have it.
    fn check_files(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for mail in sample::mails(&self.pen.catalogs.locales()) {
            let Some(key) = NotificationTemplate::parse(&mail.entry.template) else { continue };
            if let Err(blot) = self.pen.write(self.files(), &Sources::of_files(key), &mail) {
                let what = path(self.directory.as_deref(), &format!("mail/{key}"));
                problems.push(Problem::new(what, blot.error));
            }
        }
        problems.dedup();
        problems
    }

    fn problems_of(&self, template: &TemplateRecord) -> Vec<Problem> {
        let faults = self.faults(template);
        faults.into_iter().map(|fault| Problem::new(overrides::name_of(template), fault)).collect()
    }

    fn files(&self) -> &Environment<'static> {
        self.with_files.as_ref().unwrap_or(&self.built_in)
    }

    fn database(&self) -> Arc<Ready> {
        self.database.read().expect("no panic while held").clone()
    }
}

/// A mail too large for mail programs loses its quote.
fn within_bounds<E>(
    mail: &OutgoingMail,
    render: impl Fn(&OutgoingMail) -> Result<Rendered, E>,
) -> Result<Rendered, E> {
    let rendered = render(mail)?;
    if rendered.html.len() <= MAX_HTML || mail.quoted.is_none() {
        return Ok(rendered);
    }
    tracing::warn!(id = %mail.entry.id, bytes = rendered.html.len(), "mail too large, quote left out");
    render(&OutgoingMail { quoted: None, history: Vec::new(), ..mail.clone() })
}

/// The built-in environment with files of the directory over it; `None` when there are none.
fn with_files(
    built_in: &Environment<'static>,
    replacing: &Files,
    directory: Option<&Path>,
    problems: &mut Vec<Problem>,
) -> Option<Environment<'static>> {
    let mut environment = built_in.clone();
    let mut any = false;
    for (name, text) in files::mail_templates(replacing) {
        match environment.add_template_owned(name.to_owned(), text.to_owned()) {
            Ok(()) => any = true,
            Err(error) => problems.push(Problem::new(path(directory, &format!("mail/{name}")), error)),
        }
    }
    any.then_some(environment)
}

/// A file's name, for people.
fn path(directory: Option<&Path>, name: &str) -> String {
    directory.map_or_else(|| name.to_owned(), |dir| dir.join(name).display().to_string())
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
        assert_eq!(templates.check_files(), []);
        for locale in templates.locales() {
            for key in templates.pen.catalogs.keys(catalog::FALLBACK) {
                assert!(templates.pen.catalogs.has_own(&locale, key), "{locale} lacks {key}");
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
            templates.problems().iter().map(|p| p.what.replace(dir.path().to_str().unwrap(), "")).collect();
        assert!(files.contains(&"/mail/ticket_resolved.txt".into()), "{files:?}");
        assert!(files.contains(&"/mail/ticket_reply".into()), "{files:?}");
    }

    #[test]
    fn long_mails_lose_their_quote() {
        let templates = Templates::load(None);
        let mut mail = sample(NotificationTemplate::TicketReply, "en", true);
        assert!(templates.render(&mail).unwrap().text.contains("> my parcel is late."));
        mail.response_html = Some("<p>long</p>".repeat(MAX_HTML / 8));
        assert!(!templates.render(&mail).unwrap().html.contains("my parcel is late."));
    }
}
