//! The files that templates and catalogues are read from: those in the binary, and those of a directory over them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use rust_embed::RustEmbed;

use super::Problem;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct BuiltIn;

/// Name (`mail/ticket_reply.txt`, `locales/de.toml`) → text.
pub(super) type Files = BTreeMap<String, String>;

/// Those in the binary.
pub(super) fn built_in() -> Files {
    BuiltIn::iter()
        .filter_map(|name| {
            let file = BuiltIn::get(&name)?;
            Some((name.into_owned(), String::from_utf8(file.data.into_owned()).ok()?))
        })
        .collect()
}

/// Files of the directory whose names a built-in file has, or that add a language.
pub(super) fn of_directory(directory: &Path, built_in: &Files, problems: &mut Vec<Problem>) -> Files {
    let locales = std::fs::read_dir(directory.join("locales")).into_iter().flatten().flatten();
    let added = locales
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .map(|name| format!("locales/{name}"));
    let names: Vec<String> = built_in.keys().cloned().chain(added).collect();
    let mut files = BTreeMap::new();
    for name in names {
        let path = directory.join(&name);
        match std::fs::read_to_string(&path) {
            Ok(text) => drop(files.insert(name, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => problems.push(Problem::new(path.display(), error)),
        }
    }
    files
}

/// Mail templates by the name they call each other by.
pub(super) fn mail_templates(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    files.iter().filter_map(|(name, text)| Some((name.strip_prefix("mail/")?, text.as_str())))
}
