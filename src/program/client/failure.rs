//! How a command ended that did not do what it was to do.

use std::fmt;
use std::process::ExitCode;

use serde_json::Value;

use super::page::clean;

/// An answer of the desk that is an error (RFC 9457).
#[derive(Debug, Clone)]
pub struct Refused {
    /// HTTP.
    pub status: u16,
    /// The problem, or nothing of use.
    pub problem: Value,
}

/// What was asked for is not there, or means several things.
#[derive(Debug, Clone)]
pub struct NotFound(pub String);

/// What was typed can't be right.
#[derive(Debug, Clone)]
pub struct Misused(pub String);

/// Exit codes: 1 failed, 2 wrongly used, 3 not found, 4 refused, 5 conflict.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = if let Some(refused) = error.downcast_ref::<Refused>() {
        refused.exit_code()
    } else if error.is::<NotFound>() {
        3
    } else if error.is::<Misused>() {
        2
    } else {
        1
    };
    ExitCode::from(code)
}

impl Refused {
    fn exit_code(&self) -> u8 {
        match self.status {
            400 | 413 | 415 | 422 => 2,
            404 | 410 => 3,
            401 | 403 => 4,
            409 | 412 | 428 => 5,
            _ => 1,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |name: &str| self.problem[name].as_str().map(clean);
        write!(f, "{}", text("title").unwrap_or_else(|| format!("the desk answered {}", self.status)))?;
        if let Some(detail) = text("detail") {
            write!(f, ": {detail}")?;
        }
        for error in self.problem["errors"].as_array().into_iter().flatten() {
            let place = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap_or_default();
            write!(f, "\n  {}: {}", clean(place), clean(error["detail"].as_str().unwrap_or_default()))?;
        }
        for newer in self.problem["newer"].as_array().into_iter().flatten() {
            let (who, what) = (&newer["author"]["name"], &newer["preview"]);
            write!(f, "\n  {}: {}", clean(who.as_str().unwrap_or("?")), clean(what.as_str().unwrap_or("")))?;
        }
        Ok(())
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Misused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}
impl std::error::Error for NotFound {}
impl std::error::Error for Misused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_exit_code() {
        for (status, want) in [
            (400, 2),
            (422, 2),
            (404, 3),
            (410, 3),
            (401, 4),
            (403, 4),
            (409, 5),
            (412, 5),
            (500, 1),
            (429, 1),
        ] {
            assert_eq!(Refused { status, problem: Value::Null }.exit_code(), want, "{status}");
        }
    }
}
