//! Which lines are kept, and which are cut.

use super::{
    attribution, headers,
    line::{Hint, Line},
    signature,
};

/// What a run of lines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The person's.
    Own,
    /// Quoted, under an attribution.
    Attributed,
    /// Quoted, no attribution: the person chose it.
    Chosen,
    /// History to the end of the mail.
    Tail,
}

/// A run of lines of one kind.
#[derive(Debug, Clone, Copy)]
struct Run {
    kind: Kind,
    start: usize,
    end: usize,
}

impl Run {
    /// The person wrote something in it.
    fn is_own(&self, lines: &[Line]) -> bool {
        self.kind == Kind::Own && lines[self.start..self.end].iter().any(|line| !line.is_blank())
    }
}

/// For each line whether it is cut. Where a signature is all that a person sent, it is what they wrote.
pub fn mark(lines: &[Line]) -> Vec<bool> {
    let runs = runs(lines);
    let cut = cut(lines, runs.clone(), true);
    let nothing_left = !cut.iter().zip(lines).any(|(cut, line)| !cut && !line.content.is_empty());
    if nothing_left { self::cut(lines, runs, false) } else { cut }
}

fn cut(lines: &[Line], mut runs: Vec<Run>, signatures: bool) -> Vec<bool> {
    for run in runs.iter_mut().filter(|run| signatures && run.kind == Kind::Own) {
        run.end = run.start + signature::begins_at(&lines[run.start..run.end]);
    }
    let mut cut = vec![true; lines.len()];
    for run in kept(lines, &runs) {
        for index in run.start..run.end {
            cut[index] = signatures && lines[index].hint == Hint::Signature;
        }
    }
    cut
}

/// The runs that stay. Answers between quotes stay with the quotes they answer; other quotes go.
fn kept<'r>(lines: &[Line], runs: &'r [Run]) -> Vec<&'r Run> {
    let Some(last) = runs.iter().rposition(|run| run.is_own(lines)) else { return Vec::new() };
    let first_quote = runs.iter().position(|run| matches!(run.kind, Kind::Attributed | Kind::Chosen));
    let answers = first_quote.map_or(0, |quote| runs[quote..].iter().filter(|run| run.is_own(lines)).count());
    runs[..=last]
        .iter()
        .filter(|run| match run.kind {
            Kind::Own | Kind::Chosen => true,
            Kind::Attributed => answers > 1,
            Kind::Tail => false,
        })
        .collect()
}

/// Cuts the lines into runs, top down.
fn runs(lines: &[Line]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let (mut at, mut above) = (0, Above::default());
    while at < lines.len() {
        let (kind, end) = next_run(lines, at, above);
        above.own |= kind == Kind::Own && !lines[at].is_blank();
        above.quotes |= matches!(kind, Kind::Attributed | Kind::Chosen);
        match runs.last_mut() {
            Some(last) if last.kind == kind && kind == Kind::Own => last.end = end,
            _ => runs.push(Run { kind, start: at, end }),
        }
        at = end;
    }
    runs
}

/// What stands above a line.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    /// Something the person wrote.
    own: bool,
    /// A quote.
    quotes: bool,
}

/// The run that begins at `at`, and the index behind it.
fn next_run(lines: &[Line], at: usize, above: Above) -> (Kind, usize) {
    let line = &lines[at];
    if line.hint == Hint::Tail {
        return (Kind::Tail, lines.len());
    }
    if let Some(start) = tail_start(lines, at) {
        return tail_run(lines, start, line.depth > 0 || !above.own);
    }
    if line.is_blank() {
        return (Kind::Own, at + 1);
    }
    if let Some(end) = attribution::end_of(lines, at) {
        let quote = skip_blank(lines, end);
        return match lines.get(quote) {
            Some(next) if next.is_quoted() => (Kind::Attributed, quote_end(lines, quote)),
            _ if line.is_quoted() => (Kind::Attributed, quote_end(lines, at).max(end)),
            _ => (Kind::Tail, lines.len()),
        };
    }
    if line.is_quoted() {
        return quote_run(lines, at, above.quotes);
    }
    (Kind::Own, at + 1)
}

/// History to the end, unless the person may go on below it and its lines are marked: then to the last of these.
fn tail_run(lines: &[Line], start: usize, goes_on: bool) -> (Kind, usize) {
    let body = headers::block_end(lines, start);
    if goes_on && lines.get(body).is_some_and(Line::is_quoted) {
        return (Kind::Attributed, quote_end(lines, body));
    }
    (Kind::Tail, lines.len())
}

/// A quote without attribution: two lines of it at least, or one that ends the mail or follows others; else it is the person's
/// (a prompt, an arrow, a saying).
fn quote_run(lines: &[Line], at: usize, among_quotes: bool) -> (Kind, usize) {
    let end = quote_end(lines, at);
    let run = &lines[at..end];
    if run.iter().any(|line| line.hint == Hint::Quoted) {
        return (Kind::Attributed, end);
    }
    let apart = at == 0 || lines[at - 1].is_blank();
    let marked = run.iter().filter(|line| line.depth > 0).count();
    let ends = apart && skip_blank(lines, end) == lines.len();
    (if marked >= 2 || ends || among_quotes { Kind::Chosen } else { Kind::Own }, end)
}

/// The index behind the quoted lines from `at` on; blank lines between, and lines that a mailer broke, belong to them.
fn quote_end(lines: &[Line], at: usize) -> usize {
    let mut end = at;
    while end < lines.len() {
        if lines[end].is_quoted() || is_wrapped(lines, end) {
            end += 1;
            continue;
        }
        let next = skip_blank(lines, end);
        if next == end || !lines.get(next).is_some_and(Line::is_quoted) {
            break;
        }
        end = next;
    }
    end.max(at + 1)
}

/// The rest of a quoted line that a mailer broke: short, between two quoted lines, going on in the middle of a sentence.
fn is_wrapped(lines: &[Line], at: usize) -> bool {
    let (Some(before), Some(after)) = (at.checked_sub(1).map(|i| &lines[i]), lines.get(at + 1)) else {
        return false;
    };
    before.depth > 0
        && after.depth > 0
        && lines[at].depth == 0
        && !lines[at].is_blank()
        && before.raw.chars().count() >= 66
        && !before.content.ends_with(['.', '!', '?', ':'])
        && lines[at].content.starts_with(char::is_lowercase)
}

fn skip_blank(lines: &[Line], mut at: usize) -> usize {
    while lines.get(at).is_some_and(Line::is_blank) {
        at += 1;
    }
    at
}

/// History begins here: the line of its announcement or header block, below the rule drawn above it.
fn tail_start(lines: &[Line], at: usize) -> Option<usize> {
    let mut start = at;
    for _ in 0..2 {
        if lines.get(start).is_some_and(headers::is_rule) {
            start = skip_blank(lines, start + 1);
        }
    }
    let line = lines.get(start).filter(|line| !line.content.is_empty())?;
    (headers::announces(line) || headers::block_begins(lines, start)).then_some(start)
}
