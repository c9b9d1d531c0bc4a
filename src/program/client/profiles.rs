//! Desks by name: where they are, and the token to call them with. Kept in a file of the user's own.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::super::say::{answer, explain};
use super::failure::{Misused, NotFound};

/// The profile that is used when none is named.
const DEFAULT: &str = "default";

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Keep a desk's address and token; the token is read from standard input.
    Add {
        /// What to call it; `default` is used when no profile is named.
        #[arg(default_value = DEFAULT)]
        name: String,
        /// Where the desk is: `https://desk.shop.example`.
        #[arg(long)]
        url: String,
    },
    /// Show the desks that are kept, without their tokens.
    List,
    /// Use this one when none is named.
    Use {
        /// As `list` shows it.
        name: String,
    },
    /// Forget a desk.
    Remove {
        /// As `list` shows it.
        name: String,
    },
}

/// The file, as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    /// The one that is used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// A desk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// With or without the API's path.
    pub url: String,
    /// `pdk_…`.
    pub token: String,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Keeps, shows and forgets desks.
pub fn run(args: Args) -> Result<ExitCode> {
    let file = file()?;
    let mut all = Profiles::read(&file)?;
    match args.verb {
        Verb::List => {
            for (name, profile) in &all.profiles {
                let mark = if name == all.chosen() { '*' } else { ' ' };
                answer(format_args!("{mark} {name}\t{}", profile.url));
            }
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Add { name, url } => {
            super::connection::base(&url)?;
            let token = read_token()?;
            explain(format_args!("{name} is {url}, kept in {}", file.display()));
            all.profiles.insert(name, Profile { url, token });
        }
        Verb::Use { name } => {
            all.named(&name)?;
            all.default = Some(name);
        }
        Verb::Remove { name } => {
            all.named(&name)?;
            all.profiles.remove(&name);
            all.default = all.default.filter(|default| *default != name);
        }
    }
    all.write(&file)?;
    Ok(ExitCode::SUCCESS)
}

impl Profiles {
    /// The profile of this name, or the one that is used without a name; `None` when nothing is kept at all.
    pub fn find(name: Option<&str>) -> Result<Option<Profile>> {
        let all = Self::read(&file()?)?;
        match name {
            Some(name) => all.named(name).cloned().map(Some),
            None => Ok(all.profiles.get(all.chosen()).cloned()),
        }
    }

    fn named(&self, name: &str) -> Result<&Profile> {
        let known: Vec<_> = self.profiles.keys().map(String::as_str).collect();
        let missing = || NotFound(format!("no profile {name:?}; there are: {}", known.join(", ")));
        Ok(self.profiles.get(name).ok_or_else(missing)?)
    }

    /// The chosen one; the only one; `default`.
    fn chosen(&self) -> &str {
        match (&self.default, self.profiles.len()) {
            (Some(name), _) => name,
            (None, 1) => self.profiles.keys().next().map_or(DEFAULT, String::as_str),
            _ => DEFAULT,
        }
    }

    fn read(file: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        };
        if std::fs::metadata(file)?.permissions().mode() & 0o077 != 0 {
            bail!("{}: others can read it, and it holds tokens: chmod 600", file.display());
        }
        toml::from_str(&text).with_context(|| file.display().to_string())
    }

    /// Writes the file anew, beside the old one first.
    fn write(&self, file: &Path) -> Result<()> {
        let directory = file.parent().context("a path with a directory")?;
        std::fs::create_dir_all(directory)?;
        let new = file.with_extension("new");
        let mut to =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        to.write_all(toml::to_string(self)?.as_bytes())?;
        to.sync_all()?;
        Ok(std::fs::rename(new, file)?)
    }
}

/// `$XDG_CONFIG_HOME/postdesk/profiles.toml`, or under `~/.config`.
fn file() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".config"));
    let base = set("XDG_CONFIG_HOME").or_else(home).context("neither XDG_CONFIG_HOME nor HOME is set")?;
    Ok(base.join("postdesk/profiles.toml"))
}

/// Unseen from a terminal, else the first line.
fn read_token() -> Result<String> {
    let typed = match std::io::stdin().is_terminal() {
        true => rpassword::prompt_password("Token (it is not shown): ")?,
        false => std::io::read_to_string(std::io::stdin())?,
    };
    let token = typed.trim();
    if !token.starts_with("pdk_") || token.contains(char::is_whitespace) {
        return Err(Misused("a token looks like pdk_…; `postdesk token create` makes one".into()).into());
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(names: &[&str], default: Option<&str>) -> Profiles {
        let profile =
            |name: &&str| (name.to_string(), Profile { url: "http://x".into(), token: "pdk_x".into() });
        Profiles { default: default.map(Into::into), profiles: names.iter().map(profile).collect() }
    }

    #[test]
    fn one_profile_is_used_without_a_name() {
        for (names, default, want) in [
            (&["shop"][..], None, "shop"),
            (&["default", "shop"], None, "default"),
            (&["a", "b"], Some("b"), "b"),
            (&[], None, "default"),
        ] {
            assert_eq!(profiles(names, default).chosen(), want, "{names:?}");
        }
    }

    #[test]
    fn tokens_are_not_shown() {
        assert!(!format!("{:?}", profiles(&["a"], None)).contains("pdk_"));
    }
}
