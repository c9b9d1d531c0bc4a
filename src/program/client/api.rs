//! `postdesk api`: any call of the API, for scripts.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result};
use reqwest::{Method, header};
use serde_json::Value;

use super::super::say::explain;
use super::connection::{Target, send};
use super::failure::{Misused, Refused};
use super::page;

#[derive(clap::Args)]
pub struct Args {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    method: String,
    /// `/tickets?status=open`.
    path: String,
    /// The body: text, `@FILE`, or `-` for standard input.
    #[arg(short, long)]
    data: Option<String>,
    /// A header more: `If-Match: "3"`.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Also say status and headers, on standard error.
    #[arg(short, long)]
    include: bool,
    #[command(flatten)]
    target: Target,
}

/// Makes the call and prints what came back.
pub async fn run(args: Args) -> Result<ExitCode> {
    let desk = args.target.connect()?;
    let method: Method =
        args.method.to_uppercase().parse().map_err(|_| Misused(format!("{:?} is no method", args.method)))?;
    if !args.path.starts_with('/') {
        return Err(Misused(format!("{:?}: a path begins with /", args.path)).into());
    }
    let mut headers = header::HeaderMap::new();
    if args.data.is_some() {
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    }
    for line in &args.headers {
        let (name, value) = header_of(line)?;
        headers.insert(name, value);
    }
    let mut request = desk.call(method, &args.path)?.headers(headers);
    if let Some(data) = &args.data {
        request = request.body(body(data)?);
    }
    print(send(request).await?, args.include).await
}

fn header_of(line: &str) -> Result<(header::HeaderName, header::HeaderValue)> {
    let bad = || Misused(format!("{line:?} is no header such as 'If-Match: \"3\"'"));
    let (name, value) = line.split_once(':').ok_or_else(bad)?;
    let name = name.trim().parse().map_err(|_| bad())?;
    Ok((name, value.trim().parse().map_err(|_| bad())?))
}

fn body(data: &str) -> Result<Vec<u8>> {
    Ok(match data.strip_prefix('@') {
        Some(file) => std::fs::read(file).with_context(|| file.to_owned())?,
        None if data == "-" => std::io::read_to_string(std::io::stdin())?.into_bytes(),
        None => data.as_bytes().to_vec(),
    })
}

/// The body goes to standard output whatever the status; an error is also told.
async fn print(answer: reqwest::Response, include: bool) -> Result<ExitCode> {
    let status = answer.status();
    if include {
        explain(format_args!("{:?} {status}", answer.version()));
        for (name, value) in answer.headers() {
            explain(format_args!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        }
    }
    let bytes = answer.bytes().await.context("the answer broke off")?;
    let parsed = serde_json::from_slice::<Value>(&bytes);
    match &parsed {
        Ok(json) => page::json(json),
        Err(_) => std::io::stdout().write_all(&bytes)?,
    }
    if status.is_success() || status.is_redirection() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Refused { status: status.as_u16(), problem: parsed.unwrap_or_default() }.into())
}
