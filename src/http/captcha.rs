//! The service that tells people from robots, where one is configured. It is asked by the form of POST that hCaptcha,
//! Turnstile, reCAPTCHA and Friendly Captcha share.

use std::net::IpAddr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, header, redirect};
use serde::Deserialize;

use super::problem::{FieldError, Problem};
use crate::config::Captcha;

/// Longest wait for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to try again while it does not answer, seconds.
const LATER: u16 = 10;
/// Longest answer of a visitor, octets.
const MAX_ANSWER: usize = 8_192;
/// Longest answer of the service, octets.
const MAX_VERDICT: usize = 64 << 10;

#[derive(Deserialize)]
struct Verdict {
    success: bool,
}

/// Asks whether a person gave this answer.
///
/// # Errors
/// 422 on the field when it was a robot, or nobody; 503 when the service does not say.
pub async fn check(settings: &Captcha, answer: Option<&str>, client: Option<IpAddr>) -> Result<(), Problem> {
    let answer = answer.filter(|answer| !answer.is_empty() && answer.len() <= MAX_ANSWER);
    let Some(answer) = answer else { return Err(refused(settings, "required", "is required")) };
    match ask(settings, answer, client).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(refused(settings, "not_allowed", "was refused; try the captcha again")),
        Err(error) => {
            tracing::warn!(%error, "the captcha service does not answer");
            Err(Problem::new("unavailable", "the captcha can't be checked now")
                .header(header::RETRY_AFTER, LATER.into()))
        }
    }
}

async fn ask(settings: &Captcha, answer: &str, client: Option<IpAddr>) -> Result<bool, String> {
    // Where the program has not done so: rustls wants to know whose cryptography it is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let said = |error: reqwest::Error| error.without_url().to_string();
    let service =
        Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).build().map_err(said)?;
    let request = service
        .post(&settings.verify_url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form(settings, answer, client));
    let mut response = request.send().await.and_then(reqwest::Response::error_for_status).map_err(said)?;
    let mut verdict = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(said)? {
        verdict.extend_from_slice(&piece);
        if verdict.len() > MAX_VERDICT {
            return Err("its answer is too long".into());
        }
    }
    let verdict: Verdict = serde_json::from_slice(&verdict).map_err(|error| error.to_string())?;
    Ok(verdict.success)
}

/// `solution` is what Friendly Captcha calls the visitor's answer.
fn form(settings: &Captcha, answer: &str, client: Option<IpAddr>) -> String {
    let client = client.map(|client| client.to_string());
    let pairs = [
        ("secret", Some(settings.secret.as_str())),
        ("response", Some(answer)),
        ("solution", Some(answer)),
        ("remoteip", client.as_deref()),
    ];
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs = pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded((*value)?))));
    pairs.collect::<Vec<_>>().join("&")
}

fn refused(settings: &Captcha, code: &'static str, detail: &str) -> Problem {
    Problem::invalid(vec![FieldError {
        pointer: Some(format!("/{}", settings.field.replace('~', "~0").replace('/', "~1"))),
        parameter: None,
        code,
        detail: detail.into(),
        rejected_value: None,
        allowed: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_encoded() {
        let settings = Captcha { verify_url: String::new(), secret: "a&b".into(), field: "c".into() };
        let form = form(&settings, "x=y ü", "203.0.113.7".parse().ok());
        assert_eq!(
            form,
            "secret=a%26b&response=x%3Dy%20%C3%BC&solution=x%3Dy%20%C3%BC&remoteip=203%2E0%2E113%2E7"
        );
    }
}
