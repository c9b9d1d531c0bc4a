//! `postdesk send`: a mail by hand, for trying things out. Needs nothing installed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use lettre::Message;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use super::say::{answer, explain};

/// Longest wait for the connection, and for the whole dialog.
const CONNECT: Duration = Duration::from_secs(10);
const DIALOG: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
pub struct Args {
    /// The server.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2525")]
    server: String,
    /// Recipients: `support@demo.test` or `"Shop <support@demo.test>"`.
    #[arg(long, required = true)]
    to: Vec<Mailbox>,
    /// Sender.
    #[arg(long)]
    from: Mailbox,
    #[arg(long, default_value = "")]
    subject: String,
    /// Text; `-` reads it from standard input.
    #[arg(long, default_value = "")]
    body: String,
    /// The Message-ID this mail answers.
    #[arg(long, value_name = "MESSAGE-ID")]
    in_reply_to: Option<String>,
    /// Files to attach.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Sends it and prints the server's last reply. The exit code tells whether it was taken.
pub async fn run(args: Args) -> Result<ExitCode> {
    let message = compose(&args)?;
    let sent = tokio::time::timeout(DIALOG, send(&args.server, &message)).await;
    match sent.context("the server took too long")? {
        Ok(response) => {
            let lines: Vec<_> = response.message().collect();
            answer(format_args!("{} {}", response.code(), lines.join("\n")));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            explain(format!("{}: {error}", args.server));
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn send(server: &str, message: &Message) -> Result<Response, lettre::transport::smtp::Error> {
    let hello = ClientId::default();
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &hello, None, None).await?;
    let response = connection.send(message.envelope(), &message.formatted()).await?;
    connection.abort().await;
    Ok(response)
}

fn compose(args: &Args) -> Result<Message> {
    let mut builder = Message::builder().from(args.from.clone()).subject(&args.subject).message_id(None);
    for to in &args.to {
        builder = builder.to(to.clone());
    }
    if let Some(id) = &args.in_reply_to {
        let id = format!("<{}>", id.trim().trim_matches(['<', '>']));
        builder = builder.in_reply_to(id.clone()).references(id);
    }
    with_parts(builder, args)
}

fn with_parts(builder: MessageBuilder, args: &Args) -> Result<Message> {
    let body = match args.body.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).context("--body -")?,
        text => text.to_owned(),
    };
    let text = SinglePart::plain(body);
    if args.attach.is_empty() {
        return builder.singlepart(text).context("the mail can't be made");
    }
    let mut parts = MultiPart::mixed().singlepart(text);
    for file in &args.attach {
        parts = parts.singlepart(attachment(file)?);
    }
    builder.multipart(parts).context("the mail can't be made")
}

fn attachment(file: &Path) -> Result<SinglePart> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Attachment::new(name).body(bytes, content_type(file)))
}

/// By the file's extension.
fn content_type(file: &Path) -> ContentType {
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let kind = match extension.as_str() {
        "txt" | "log" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    };
    ContentType::parse(kind).expect("content types above are well formed")
}
