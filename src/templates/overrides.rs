//! The templates of the database, made ready to be rendered.

use std::collections::BTreeMap;

use minijinja::Environment;
use uuid::Uuid;

use super::pen::Sources;
use super::{Problem, vocabulary};
use crate::model::template::{ALL_LOCALES, distance};
use crate::model::{NotificationTemplate, Overrides, TemplateFault, TemplatePart, TemplateRecord};

/// Overrides by what they replace.
pub(super) struct Ready {
    /// Of the [`Overrides`] it was made of; -1 before any were handed in.
    pub count: i64,
    /// Files and overrides; `None` without overrides.
    pub environment: Option<Environment<'static>>,
    by_key: BTreeMap<NotificationTemplate, Vec<TemplateRecord>>,
    /// Those that can't be used.
    pub problems: Vec<Problem>,
    /// What the check of each save found: a save never changes, and is not tried again.
    pub checked: BTreeMap<(Uuid, i64), Vec<Problem>>,
}

impl Ready {
    /// None at all.
    pub fn nothing() -> Self {
        Self {
            count: -1,
            environment: None,
            by_key: BTreeMap::new(),
            problems: Vec::new(),
            checked: BTreeMap::new(),
        }
    }

    /// Parses overrides over the files; one that does not parse is left out and named.
    pub fn new(overrides: &Overrides, files: &Environment<'static>) -> Self {
        let mut ready = Self { count: overrides.count, ..Self::nothing() };
        let mut environment = files.clone();
        for template in &overrides.templates {
            let Some(key) = NotificationTemplate::parse(&template.key) else { continue };
            match add(&mut environment, template) {
                Ok(()) => ready.by_key.entry(key).or_default().push(template.clone()),
                Err(fault) => ready.problems.push(Problem::new(name_of(template), fault)),
            }
        }
        ready.environment = (!ready.by_key.is_empty()).then_some(environment);
        ready
    }

    /// The one for this notification in the language nearest to this one.
    pub fn nearest(&self, key: NotificationTemplate, locale: &str) -> Option<&TemplateRecord> {
        let fitting = self.by_key.get(&key)?.iter();
        let fitting = fitting.filter_map(|template| Some((distance(&template.locale, locale)?, template)));
        fitting.min_by_key(|(distance, _)| *distance).map(|(_, template)| template)
    }

    /// All that can be used.
    pub fn all(&self) -> impl Iterator<Item = &TemplateRecord> {
        self.by_key.values().flatten()
    }
}

/// An override, for people.
pub(super) fn name_of(template: &TemplateRecord) -> String {
    let locale = if template.locale == ALL_LOCALES { "all languages" } else { &template.locale };
    format!("template {} ({locale}), version {}", template.key, template.version)
}

/// Adds the sources of an override.
pub(super) fn add(
    environment: &mut Environment<'static>,
    template: &TemplateRecord,
) -> Result<(), TemplateFault> {
    for (part, source) in template.parts() {
        if let Some(fault) = TemplateFault::too_deep(part, source) {
            return Err(fault);
        }
        environment
            .add_template_owned(source_name(template.id, part), source.to_owned())
            .map_err(|error| TemplateFault::new(part, &error, source, &vocabulary::none()))?;
    }
    Ok(())
}

/// How its sources are called in the environment. Escaping goes by these names, whatever the template's own is.
pub(super) fn sources(template: &TemplateRecord) -> Sources {
    let name = |part| source_name(template.id, part);
    Sources {
        subject: template.subject.as_ref().map(|_| name(TemplatePart::Subject)),
        text: name(TemplatePart::Body),
        html: template.body_html.as_ref().map(|_| name(TemplatePart::BodyHtml)),
        locale: (template.locale != ALL_LOCALES).then(|| template.locale.clone()),
        version: Some(template.version).filter(|version| *version > 0),
    }
}

fn source_name(id: Uuid, part: TemplatePart) -> String {
    match part {
        TemplatePart::Subject => format!("override/{id}.subject.txt"),
        TemplatePart::Body => format!("override/{id}.txt"),
        TemplatePart::BodyHtml => format!("override/{id}.html"),
    }
}
