//! Texts that are written: on the command line, in a file, in an editor.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use reqwest::{Method, header};
use serde_json::Value;

use super::super::connection::{Connection, read as read_answer, send};
use super::super::failure::Misused;
use super::super::page::clean_lines;

/// What stands below this line in the editor is not sent.
const SCISSORS: &str = "-------- what stands below is not sent --------";

#[derive(clap::Args)]
pub struct Words {
    /// The text.
    pub text: Option<String>,
    /// A file that has it; `-` reads standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
}

impl Words {
    /// Whether somebody is to write it now.
    pub fn needs_editor(&self) -> bool {
        self.text.is_none() && self.file.is_none() && std::io::stdin().is_terminal()
    }
}

/// The text that is meant; in an editor, `below` stands under the scissors.
pub fn read(words: &Words, below: impl FnOnce() -> Result<String>) -> Result<String> {
    let text = match (&words.text, &words.file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) if file != Path::new("-") => {
            std::fs::read_to_string(file).with_context(|| file.display().to_string())?
        }
        (None, None) if words.needs_editor() => edit(&below()?)?,
        (None, _) => std::io::read_to_string(std::io::stdin()).context("standard input")?,
    };
    if text.trim().is_empty() {
        return Err(Misused("there is no text; nothing was sent".into()).into());
    }
    Ok(text.trim_end().to_owned())
}

/// The last messages of a ticket, newest first, for somebody who answers.
pub fn quoted(ticket: &Value) -> String {
    let text = |value: &Value| clean_lines(value.as_str().unwrap_or_default());
    let shown = |response: &Value| {
        let body: String = text(&response["body_text"]).lines().map(|line| format!("> {line}\n")).collect();
        format!("{} wrote:\n{body}\n", text(&response["author"]["name"]))
    };
    let responses = ticket["responses"].as_array().into_iter().flatten().rev().take(5);
    format!("{}\n\n{}", text(&ticket["subject"]), responses.map(shown).collect::<String>())
}

/// What somebody writes in their editor.
fn edit(below: &str) -> Result<String> {
    let mut file = tempfile::Builder::new().prefix("postdesk-").suffix(".md").tempfile()?;
    write!(file, "\n\n{SCISSORS}\n{below}")?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
    // As git does: the shell reads the setting, which may hold options.
    let line = format!("{editor} \"$1\"");
    let done = Command::new("sh").args(["-c", &line, "sh"]).arg(file.path()).status().context("sh")?;
    if !done.success() {
        bail!("{editor} failed; nothing was sent");
    }
    let text = std::fs::read_to_string(file.path())?;
    Ok(text.split(SCISSORS).next().unwrap_or_default().trim().to_owned())
}

/// Sends a file; its id.
pub async fn upload(desk: &Connection, file: &Path) -> Result<Value> {
    let content = std::fs::read(file).with_context(|| file.display().to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let plain: String =
        name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' }).collect();
    let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    let request = desk
        .call(Method::POST, "/attachments")?
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_DISPOSITION, disposition)
        .body(content);
    Ok(read_answer(send(request).await?).await?["id"].clone())
}
