//! What agents command by mail: the first lines of what they newly wrote, each alone on its line (MAIL.md §1.6).
//!
//! This reads them and says what is wrong with them by themselves. Who is called Ada, and whether there is such a
//! ticket, the desk knows.

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};
use std::sync::LazyLock;

use lettre::Address;
use regex::Regex;

use super::quote;
use crate::model::{Category, Priority, Status, TicketNumber, words};

/// Every command, as it is written.
const NAMES: [&str; 17] = [
    "note", "open", "wait", "hold", "resolve", "close", "assign", "priority", "category", "tag", "cc",
    "template", "snooze", "merge", "spam", "help", "send",
];
/// Most words that are offered for one that was not understood.
const MAX_NEAR: usize = 3;
/// Words that differ by more are not meant.
const NEAR: usize = 2;
/// Longest tag, characters (API.md §4.1).
const MAX_TAG: usize = 64;
/// Most tags or addresses of one line.
const MAX_ITEMS: usize = 20;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Longest snooze.
const YEAR_MS: i64 = 366 * 24 * HOUR_MS;

/// The target that mail programs write behind a word they made a link of: `sam@x.org<mailto:sam@x.org>`.
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\s?[<\[(](?:mailto:|https?://)[^<>\[\]()\s]*[>\])]").expect("a valid pattern")
});

/// One thing an agent wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `#note`: what is written stays internal.
    Note,
    /// `#open`, `#wait`, `#hold`, `#resolve`, `#close`.
    Status(Status),
    /// `#assign NAME|me|none`.
    Assign(Assignee),
    /// `#priority P`.
    Priority(Priority),
    /// `#category C`.
    Category(Category),
    /// `#tag a,-b`.
    Tag(TagChange),
    /// `#cc ADDRESS`: lower case, at least one.
    Cc(Vec<String>),
    /// `#template NAME`: as written.
    Template(String),
    /// `#snooze 2d`: so long, milliseconds.
    Snooze(i64),
    /// `#merge TKT-…`: into that ticket.
    Merge(TicketNumber),
    /// `#spam`.
    Spam,
    /// `#help`.
    Help,
    /// `#send`: although somebody else answered in the meantime.
    Send,
}

/// Whom a ticket is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    /// The agent who writes.
    Me,
    /// Nobody.
    Nobody,
    /// As written.
    Named(String),
}

/// Tags given to a ticket, and taken from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagChange {
    /// `vip`.
    pub add: Vec<String>,
    /// `-wait`.
    pub remove: Vec<String>,
}

words! {
    /// Why a command is not carried out: the text for people is `command_refused.<word>`.
    CommandRefusal {
        /// There is no such command.
        Unknown = "unknown_command",
        /// `#assign` of whom?
        MissingValue = "missing_value",
        /// `#resolve Thanks`: a sentence that happens to begin like a command, or two lines made one.
        TakesNoValue = "takes_no_value",
        /// No such priority or category; not a tag, address, duration or ticket number.
        BadValue = "bad_value",
        /// Said twice, or against another one.
        Contradiction = "contradiction",
        /// There is no such ticket.
        NoSuchTicket = "no_such_ticket",
        /// A ticket can't be merged into itself.
        SameTicket = "same_ticket",
        /// No agent is called so.
        NoSuchAgent = "no_such_agent",
        /// Several agents are.
        AmbiguousAgent = "ambiguous_agent",
        /// No reply template is called so.
        NoSuchTemplate = "no_such_template",
        /// The template asks for something the ticket does not have.
        TemplateFails = "template_fails",
        /// The ticket's state does not allow it.
        NotAllowed = "not_allowed",
        /// No reply was kept back.
        NothingToSend = "nothing_to_send",
    }
}

/// Why a command is refused, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub why: CommandRefusal,
    /// What could be written instead, best first.
    pub near: Vec<String>,
}

impl From<CommandRefusal> for Refused {
    fn from(why: CommandRefusal) -> Self {
        Self { why, near: Vec::new() }
    }
}

/// A line of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// As the agent wrote it, without what the mail program added.
    pub written: String,
    /// What it asks for.
    pub command: Result<Command, Refused>,
}

/// An agent's text with the commands taken off its top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commanded {
    /// In their order.
    pub lines: Vec<Line>,
    /// What the agent says beside them; `##` at its start is a `#` by now.
    pub text: String,
    escaped: bool,
}

impl Commanded {
    /// A text in which nothing commands.
    pub fn without_commands(text: &str) -> Self {
        Self { lines: Vec::new(), text: text.to_owned(), escaped: false }
    }

    /// Whether something is wrong with one of the lines.
    pub fn is_refused(&self) -> bool {
        self.lines.iter().any(|line| line.command.is_err())
    }

    /// The commands, when nothing is wrong with any.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.lines.iter().filter_map(|line| line.command.as_ref().ok())
    }

    /// Whether it asks for this.
    pub fn has(&self, command: &Command) -> bool {
        self.commands().any(|own| own == command)
    }

    /// The same mail's HTML without the commands; `None` when it does not begin with them: then the text speaks
    /// alone, so that no command ever reaches a customer.
    pub fn html(&self, html: &str) -> Option<String> {
        if self.lines.is_empty() && !self.escaped {
            return Some(html.to_owned());
        }
        let mut wanted = self.lines.iter().map(|line| line.written.as_str());
        let mut left = self.lines.len();
        let cut = quote::without_top(html, |line| {
            let goes = left > 0 && wanted.next() == Some(plain(line).as_ref());
            left -= usize::from(goes);
            goes
        });
        (left == 0).then(|| if self.escaped { cut.replacen("##", "#", 1) } else { cut })
    }
}

/// Takes the commands off the top of what an agent newly wrote.
pub fn read(body: &str) -> Commanded {
    let mut lines: Vec<Line> = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let shown = plain(line);
        if is_command(&shown) {
            let command = parse(&shown[1..]);
            lines.push(Line { written: shown.into_owned(), command });
        } else if !shown.is_empty() {
            break;
        }
        rest = after;
    }
    refuse_contradictions(&mut lines);
    let start = rest.trim_start();
    let escaped = start.starts_with("##");
    let text = if escaped {
        start[1..].to_owned()
    } else if lines.is_empty() {
        body.to_owned()
    } else {
        rest.to_owned()
    };
    Commanded { lines, text, escaped }
}

/// `#` and a letter. `# heading`, `#1` and `##` are text.
fn is_command(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphabetic))
}

/// A line without what mail programs do to it: invisible characters, hard spaces, emphasis, targets of links, wide `＃`.
fn plain(line: &str) -> Cow<'_, str> {
    let visible = |c: char| !quote::is_invisible(c);
    let shown: String = line.chars().filter(|c| visible(*c)).collect();
    let shown = LINK.replace_all(&shown, "");
    let words: Vec<&str> = shown.split_whitespace().collect();
    let shown = words.join(" ").replacen('＃', "#", 1);
    match shown.strip_prefix(['*', '_']) {
        Some(_) => Cow::Owned(shown.trim_matches(['*', '_']).to_owned()),
        None => Cow::Owned(shown),
    }
}

/// What stands behind the `#`.
fn parse(text: &str) -> Result<Command, Refused> {
    let (name, value) = text.split_once(' ').unwrap_or((text, ""));
    let name = name.to_lowercase();
    if !NAMES.contains(&name.as_str()) {
        let near = near(&name, NAMES).into_iter().map(|name| format!("#{name}"));
        return Err(Refused { why: CommandRefusal::Unknown, near: near.collect() });
    }
    match (bare(&name), value) {
        (Some(command), "") => Ok(command),
        (Some(_), _) => Err(CommandRefusal::TakesNoValue.into()),
        (None, "") => Err(CommandRefusal::MissingValue.into()),
        (None, value) => valued(&name, value),
    }
}

/// Commands that stand alone.
fn bare(name: &str) -> Option<Command> {
    Some(match name {
        "note" => Command::Note,
        "open" => Command::Status(Status::Open),
        "wait" => Command::Status(Status::WaitingCustomer),
        "hold" => Command::Status(Status::WaitingThirdParty),
        "resolve" => Command::Status(Status::Resolved),
        "close" => Command::Status(Status::Closed),
        "spam" => Command::Spam,
        "help" => Command::Help,
        "send" => Command::Send,
        _ => return None,
    })
}

/// Commands that say with what.
fn valued(name: &str, value: &str) -> Result<Command, Refused> {
    match name {
        "assign" => Ok(Command::Assign(assignee(value))),
        "priority" => Priority::from_input(value)
            .map(Command::Priority)
            .ok_or_else(|| one_of(CommandRefusal::BadValue, Priority::ALL.iter().map(|p| p.as_str()))),
        "category" => Category::from_input(value).map(Command::Category).ok_or_else(|| {
            let all = Category::ALL.iter().map(|category| category.as_str());
            let near = near(&value.to_lowercase(), all.clone());
            if near.is_empty() {
                return one_of(CommandRefusal::BadValue, all);
            }
            one_of(CommandRefusal::BadValue, near)
        }),
        "tag" => tags(value).map(Command::Tag),
        "cc" => addresses(value).map(Command::Cc),
        "template" => Ok(Command::Template(value.to_owned())),
        "snooze" => duration_ms(value).map(Command::Snooze).ok_or_else(|| CommandRefusal::BadValue.into()),
        _ => TicketNumber::parse(value).map(Command::Merge).ok_or_else(|| CommandRefusal::BadValue.into()),
    }
}

fn assignee(value: &str) -> Assignee {
    match value.to_lowercase().as_str() {
        "me" => Assignee::Me,
        "none" | "nobody" => Assignee::Nobody,
        _ => Assignee::Named(value.trim_start_matches('@').to_owned()),
    }
}

fn one_of<'a>(why: CommandRefusal, words: impl IntoIterator<Item = &'a str>) -> Refused {
    Refused { why, near: words.into_iter().map(str::to_owned).collect() }
}

fn tags(value: &str) -> Result<TagChange, Refused> {
    let mut change = TagChange::default();
    for item in value.split(',').map(str::trim).take(MAX_ITEMS) {
        let (list, tag) = match item.strip_prefix('-') {
            Some(tag) => (&mut change.remove, tag),
            None => (&mut change.add, item),
        };
        let tag = tag.trim_start_matches('#').trim();
        if tag.is_empty() || tag.chars().count() > MAX_TAG {
            return Err(CommandRefusal::BadValue.into());
        }
        list.push(tag.to_owned());
    }
    Ok(change)
}

/// `sam@x.org, Ida <ida@x.org>`.
fn addresses(value: &str) -> Result<Vec<String>, Refused> {
    let mut found = Vec::new();
    for item in value.split([',', ';']).map(str::trim).filter(|item| !item.is_empty()).take(MAX_ITEMS) {
        let item = item.rsplit_once('<').map_or(item, |(_, address)| address.trim_end_matches('>'));
        let address: Address = item.trim().parse().map_err(|_| CommandRefusal::BadValue)?;
        found.push(address.to_string().to_lowercase());
    }
    if found.is_empty() { Err(CommandRefusal::BadValue.into()) } else { Ok(found) }
}

/// `30m`, `2d`, `3 h`, `1 week`.
fn duration_ms(value: &str) -> Option<i64> {
    let unit_at = value.find(|c: char| !c.is_ascii_digit())?;
    let count: i64 = value[..unit_at].parse().ok()?;
    let unit = match value[unit_at..].trim().to_lowercase().as_str() {
        "m" | "min" | "minute" | "minutes" => MINUTE_MS,
        "h" | "hour" | "hours" => HOUR_MS,
        "d" | "day" | "days" => 24 * HOUR_MS,
        "w" | "week" | "weeks" => 7 * 24 * HOUR_MS,
        _ => return None,
    };
    let ms = count.checked_mul(unit)?;
    (MINUTE_MS..=YEAR_MS).contains(&ms).then_some(ms)
}

/// Words that look like this one, the likest first.
fn near<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(usize, &str)> = among
        .into_iter()
        .map(|known| {
            let begins = known.len() >= 3 && (word.starts_with(known) || known.starts_with(word));
            (if begins { 1 } else { strsim::osa_distance(word, known) }, known)
        })
        .filter(|(distance, known)| *distance <= NEAR && *distance < known.len())
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, known)| known).take(MAX_NEAR).collect()
}

/// What may be said once is refused the second time; so is what can't be done together.
fn refuse_contradictions(lines: &mut [Line]) {
    let mut seen: HashSet<Discriminant<Command>> = HashSet::new();
    let (note, status) = (discriminant(&Command::Note), discriminant(&Command::Status(Status::Open)));
    let (merge, send) = (
        lines.iter().any(|line| matches!(line.command, Ok(Command::Merge(_)))),
        discriminant(&Command::Send),
    );
    for line in lines {
        let Ok(command) = &line.command else { continue };
        let kind = discriminant(command);
        let may_repeat = matches!(command, Command::Tag(_) | Command::Cc(_) | Command::Help);
        let again = !seen.insert(kind) && !may_repeat;
        let note_and_send = seen.contains(&note) && seen.contains(&send);
        // What is merged is closed by it.
        if again || (merge && kind == status) || (note_and_send && (kind == note || kind == send)) {
            line.command = Err(CommandRefusal::Contradiction.into());
        }
    }
}

#[cfg(test)]
mod tests;
