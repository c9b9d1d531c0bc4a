//! Whether templates can be used: tried on made-up mails in every language, to verified and unverified recipients, with
//! what may be absent present and absent.

use minijinja::Environment;

use super::pen::{Blot, Pen, Sources};
use super::{Error, overrides, sample, vocabulary};
use crate::model::template::{ALL_LOCALES, Vocabulary};
use crate::model::{NotificationTemplate, OutgoingMail, TemplateFault, TemplatePart, TemplateRecord};

/// Largest part that a made-up mail may come to, octets: real ones carry more.
const LARGEST: usize = 300_000;

/// What is wrong with an override of this notification: every unknown variable, or else the first thing that rendering
/// stumbles over.
pub(super) fn faults(
    pen: &Pen,
    files: &Environment<'static>,
    key: NotificationTemplate,
    template: &TemplateRecord,
) -> Vec<TemplateFault> {
    let mut environment = files.clone();
    if let Err(fault) = overrides::add(&mut environment, template) {
        return vec![fault];
    }
    let known = vocabulary::of(pen, key);
    let mut faults: Vec<_> =
        template.parts().flat_map(|(part, source)| known.faults(&environment, part, source)).collect();
    if faults.is_empty() {
        let sources = overrides::sources(template);
        let mails = mails(pen, key, &template.locale);
        // The first one is enough: a template that runs away is not run for every language.
        faults.extend(
            mails.iter().find_map(|mail| attempt(pen, &environment, &sources, mail, template, &known).err()),
        );
    }
    faults
}

/// What rendering says, for the writer of the template.
pub(super) fn fault(
    blot: &Blot,
    template: &TemplateRecord,
    mail: &OutgoingMail,
    known: &Vocabulary,
) -> TemplateFault {
    let source = template.parts().find(|(part, _)| *part == blot.part).map_or("", |(_, source)| source);
    let Error::Template(error) = &blot.error else {
        return TemplateFault::whole(blot.part, blot.error.to_string());
    };
    let fault = TemplateFault::new(blot.part, error, source, known);
    if mail.entry.verified || !fault.detail.contains("not there in every mail") {
        return fault;
    }
    let detail = format!(
        "{}. What a customer wrote does not exist in mails to addresses that nobody verified",
        fault.detail
    );
    TemplateFault { detail, ..fault }
}

/// The made-up mails of a notification, in a template's languages.
pub(super) fn mails(pen: &Pen, key: NotificationTemplate, locale: &str) -> Vec<OutgoingMail> {
    let locales = match locale {
        ALL_LOCALES => pen.catalogs.locales(),
        one => vec![one.to_owned()],
    };
    locales.iter().flat_map(|locale| sample::variants(key, locale)).collect()
}

fn attempt(
    pen: &Pen,
    environment: &Environment<'_>,
    sources: &Sources,
    mail: &OutgoingMail,
    template: &TemplateRecord,
    known: &Vocabulary,
) -> Result<(), TemplateFault> {
    let rendered =
        pen.write(environment, sources, mail).map_err(|blot| fault(&blot, template, mail, known))?;
    if rendered.text.trim().is_empty() {
        return Err(TemplateFault::whole(TemplatePart::Body, "nothing comes of it but blanks"));
    }
    for (part, length) in
        [(TemplatePart::Body, rendered.text.len()), (TemplatePart::BodyHtml, rendered.html.len())]
    {
        if length > LARGEST {
            let detail = format!("{length} octets come of it: at most {LARGEST} on a short mail");
            return Err(TemplateFault::whole(part, detail));
        }
    }
    Ok(())
}
