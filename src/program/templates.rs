//! `postdesk templates`: the words of mails written out, checked, and shown.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use postdesk::desk::query::TicketRef;
use postdesk::model::NotificationTemplate;
use postdesk::templates::{Problem, Templates};

use super::say::{answer, explain};
use super::settings::{ConfigFile, open_desk};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write the built-in templates and texts into a directory, to be changed there (`email.templates_dir`). Files that
    /// are there stay as they are.
    Export {
        /// Where to.
        directory: PathBuf,
    },
    /// Try every template in every language; the directory's, or what the settings name and the database has.
    Check {
        /// A directory instead of the settings.
        directory: Option<PathBuf>,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Show a mail as it would leave now, with made-up values or those of a ticket.
    Preview(Preview),
}

#[derive(clap::Args)]
struct Preview {
    /// Which mail: `ticket_reply`.
    key: String,
    /// The ticket it is about: `TKT-2026-K7Q4ZP`.
    #[arg(long)]
    ticket: Option<String>,
    /// Its reader's language.
    #[arg(long, default_value = "en")]
    locale: String,
    /// Write the HTML part into this file.
    #[arg(long, value_name = "FILE.html", conflicts_with = "text")]
    out: Option<PathBuf>,
    /// Print the text part alone.
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub async fn run(args: Args) -> Result<ExitCode> {
    match args.verb {
        Verb::Export { directory } => export(&directory),
        Verb::Check { directory: Some(directory), .. } => check_directory(&directory),
        Verb::Check { directory: None, file } => check(&file).await,
        Verb::Preview(args) => preview(args).await,
    }
}

fn export(directory: &Path) -> Result<ExitCode> {
    let (mut written, mut kept) = (0, 0);
    for (name, text) in Templates::built_in_files() {
        let path = directory.join(&name);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        match fs::File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).with_context(|| path.display().to_string())?;
                written += 1;
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => kept += 1,
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    answer(format_args!("{written} files written, {kept} left as they are"));
    explain("keep those that you change and delete the others: then they follow new versions");
    Ok(ExitCode::SUCCESS)
}

fn check_directory(directory: &Path) -> Result<ExitCode> {
    if !directory.is_dir() {
        bail!("there is no directory {}", directory.display());
    }
    Ok(told(&Templates::load(Some(directory)).problems()))
}

async fn check(file: &ConfigFile) -> Result<ExitCode> {
    let config = file.load()?;
    let templates = Templates::load(config.email.templates_dir.as_deref());
    let desk = open_desk(config).await?;
    templates.use_overrides(&*desk.template_overrides().await?);
    Ok(told(&templates.problems()))
}

fn told(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        answer(format_args!("FAIL {}: {}", problem.what, problem.detail));
    }
    if problems.is_empty() {
        answer("ok   templates");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

async fn preview(args: Preview) -> Result<ExitCode> {
    let key = NotificationTemplate::parse(&args.key).ok_or_else(|| unknown(&args.key))?;
    let config = args.file.load()?;
    let templates = Templates::load(config.email.templates_dir.as_deref());
    let desk = open_desk(config).await?;
    templates.use_overrides(&*desk.template_overrides().await?);
    let mut mail = templates.sample(key, &args.locale);
    if let Some(ticket) = &args.ticket {
        let ticket = TicketRef::parse(ticket).with_context(|| format!("{ticket} is no ticket's number"))?;
        mail = desk.mail_about(mail, &ticket).await?;
    }
    let rendered = templates.render(&mail)?;
    for problem in templates.problems() {
        explain(format_args!("{}: {}", problem.what, problem.detail));
    }
    match &args.out {
        Some(file) => fs::write(file, rendered.html).with_context(|| file.display().to_string())?,
        None if args.text => answer(rendered.text.trim_end()),
        None => answer(format_args!("Subject: {}\n\n{}", rendered.subject, rendered.text.trim_end())),
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown(key: &str) -> anyhow::Error {
    let keys: Vec<_> = NotificationTemplate::ALL.iter().map(|key| key.as_str()).collect();
    anyhow!("there is no mail {key:?}; there are {}", keys.join(", "))
}
