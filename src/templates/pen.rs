//! Writes a mail: an environment's templates, on what the mail is about.

use std::sync::Arc;

use css_inline::CSSInliner;
use minijinja::value::Value;
use minijinja::{Environment, Template};

use super::catalog::Catalogs;
use super::{Error, Rendered, context, paragraphs};
use crate::model::{Audience, NotificationTemplate, OutgoingMail, TemplatePart};

/// HTML of a text that has none of its own, in the look of its template.
const LAID_OUT: &str = "{% extends layout %}{% block content %}{{ laid_out }}{% endblock %}";

/// Templates that make one mail, by their names in an environment.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// Of a subject of its own.
    pub subject: Option<String>,
    /// Of the text part.
    pub text: String,
    /// Of the HTML part; `None`: the text in the look's layout.
    pub html: Option<String>,
    /// The language it is in; `None`: the nearest to the mail's that there are texts for.
    pub locale: Option<String>,
    /// Which save of an override it is.
    pub version: Option<i64>,
}

impl Sources {
    /// What came with the program, or lies in the directory.
    pub fn of_files(template: NotificationTemplate) -> Self {
        Self {
            subject: None,
            text: format!("{template}.txt"),
            html: Some(format!("{template}.html")),
            locale: None,
            version: None,
        }
    }
}

/// A part that can't be written.
#[derive(Debug)]
pub(super) struct Blot {
    pub part: TemplatePart,
    pub error: Error,
}

/// Texts, and the tool that puts styles where mail programs read them.
pub(super) struct Pen {
    pub catalogs: Arc<Catalogs>,
    inliner: CSSInliner<'static>,
}

impl Pen {
    pub fn new(catalogs: Arc<Catalogs>) -> Self {
        let inliner = CSSInliner::options().load_remote_stylesheets(false).keep_at_rules(true).build();
        Self { catalogs, inliner }
    }

    /// A whole mail.
    pub fn write(
        &self,
        environment: &Environment<'_>,
        sources: &Sources,
        mail: &OutgoingMail,
    ) -> Result<Rendered, Blot> {
        let locale = sources.locale.as_deref().unwrap_or_else(|| self.catalogs.nearest(&mail.entry.locale));
        let facts = |subject: &str| self.context(mail, locale, subject);
        let subject = match &sources.subject {
            Some(name) => {
                let own = render(environment, name, facts(&mail.entry.subject), TemplatePart::Subject)?;
                subject_with(&own, mail)
            }
            None => self.subject(mail, locale),
        };
        let facts = facts(&subject);
        let (text, content) = text_part(environment, &sources.text, &facts)?;
        let html = match &sources.html {
            Some(name) => render(environment, name, facts, TemplatePart::BodyHtml)?,
            None => lay_out(environment, &content, facts)?,
        };
        let inlined = self.inliner.inline(&html);
        let html = inlined.map_err(|error| Blot {
            part: TemplatePart::BodyHtml,
            error: Error::Styles(error.to_string()),
        })?;
        let (text, locale, version) = (tidy(&text), locale.to_owned(), sources.version);
        Ok(Rendered { subject, locale, text, html, version })
    }

    /// What a template of this mail may use.
    pub fn context(&self, mail: &OutgoingMail, locale: &str, subject: &str) -> Value {
        match NotificationTemplate::parse(&mail.entry.template) {
            Some(template) => context::of(mail, template, locale, subject, &self.catalogs),
            None => Value::from(()),
        }
    }

    /// The row's subject, or the catalogue's for this mail where it has none; to an unverified address our own words,
    /// and the number that stands in the row.
    fn subject(&self, mail: &OutgoingMail, locale: &str) -> String {
        if mail.entry.verified && !mail.entry.subject.is_empty() {
            return mail.entry.subject.clone();
        }
        if mail.entry.verified {
            let own = self.catalogs.text(locale, &format!("{}.subject", mail.entry.template));
            return own.unwrap_or(&mail.brand).to_owned();
        }
        let own = self.catalogs.text(locale, "unverified_subject").unwrap_or("Your request");
        format!("{own} {}", mail.entry.subject).trim_end().to_owned()
    }
}

/// An override's subject. A customer's mails keep the one subject of their ticket; where there is none to be told, the
/// number that stands in the row follows.
fn subject_with(own: &str, mail: &OutgoingMail) -> String {
    let own = own.split_whitespace().collect::<Vec<_>>().join(" ");
    let entry = &mail.entry;
    match (entry.audience, entry.verified) {
        (Audience::Customer, true) if !entry.subject.is_empty() => entry.subject.clone(),
        (Audience::Customer, _) => format!("{own} {}", entry.subject).trim().to_owned(),
        (Audience::Agent | Audience::Admin, _) if own.is_empty() => entry.subject.clone(),
        (Audience::Agent | Audience::Admin, _) => own,
    }
}

/// The text part, and of it what is not the layout's.
fn text_part(environment: &Environment<'_>, name: &str, facts: &Value) -> Result<(String, String), Blot> {
    let blot = |error| Blot { part: TemplatePart::Body, error: Error::Template(error) };
    let mut captured =
        template(environment, name, TemplatePart::Body)?.render_captured(facts.clone()).map_err(blot)?;
    // Without a block of that name the whole text is the content.
    let content = captured.with_state_mut(|state| state.render_block("content")).ok();
    let text = captured.into_output();
    let content = content.unwrap_or_else(|| text.clone());
    Ok((text, content))
}

fn lay_out(environment: &Environment<'_>, content: &str, facts: Value) -> Result<String, Blot> {
    let laid_out = Value::from_safe_string(paragraphs::html(&tidy(content)));
    let facts = minijinja::context! { laid_out, ..facts };
    let html = environment.render_named_str("laid_out.html", LAID_OUT, facts);
    html.map_err(|error| Blot { part: TemplatePart::Body, error: Error::Template(error) })
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    facts: Value,
    part: TemplatePart,
) -> Result<String, Blot> {
    let rendered = template(environment, name, part)?.render(facts);
    rendered.map_err(|error| Blot { part, error: Error::Template(error) })
}

fn template<'e>(
    environment: &'e Environment<'_>,
    name: &str,
    part: TemplatePart,
) -> Result<Template<'e, 'e>, Blot> {
    environment.get_template(name).map_err(|error| Blot { part, error: Error::Template(error) })
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
    use crate::templates::sample;

    #[test]
    fn text_is_tidied() {
        assert_eq!(tidy("\n\na \n\n\n\nb\n-- \nc\n\n"), "a\n\nb\n-- \nc\n");
    }

    #[test]
    fn one_subject_for_the_life_of_a_ticket() {
        use NotificationTemplate::{AgentNewTicket, TicketReceivedNeutral, TicketResolved};
        for (template, verified, row, want) in [
            (TicketResolved, true, "Re: Lamp [TKT-2026-K7Q4ZP]", "Re: Lamp [TKT-2026-K7Q4ZP]"),
            (TicketResolved, true, "", "Own words"),
            (TicketReceivedNeutral, false, "[TKT-2026-K7Q4ZP]", "Own words [TKT-2026-K7Q4ZP]"),
            (AgentNewTicket, true, "Re: Lamp", "Own words"),
        ] {
            let mut mail = sample::mail(template, "en", verified);
            mail.entry.subject = row.into();
            assert_eq!(subject_with("Own\r\n words ", &mail), want, "{template}");
        }
    }
}
