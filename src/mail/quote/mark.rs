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

/// For each line whether it is cut.
pub fn mark(lines: &[Line]) -> Vec<bool> {
    let mut runs = runs(lines);
    for run in &mut runs {
        if run.kind == Kind::Own {
            let own = &lines[run.start..run.end];
            run.end = run.start + signature::begins_at(own);
        }
    }
    let mut cut = vec![true; lines.len()];
    for run in kept(lines, &runs) {
        for index in run.start..run.end {
            cut[index] = lines[index].hint == Hint::Signature;
        }
    }
    cut
}

/// The runs that stay. Answers between quotes stay with the quotes they answer; other quotes go.
fn kept<'r>(lines: &[Line], runs: &'r [Run]) -> Vec<&'r Run> {
    let written =
        |run: &Run| run.kind == Kind::Own && lines[run.start..run.end].iter().any(|line| !line.is_blank());
    let Some(last) = runs.iter().rposition(written) else { return Vec::new() };
    let first_quote = runs.iter().position(|run| matches!(run.kind, Kind::Attributed | Kind::Chosen));
    let answered = |run: &Run| first_quote.is_some_and(|quote| runs[quote].start < run.start) && written(run);
    let interleaved = runs.iter().filter(|run| answered(run)).count() > 1;
    runs[..=last]
        .iter()
        .filter(|run| match run.kind {
            Kind::Own | Kind::Chosen => true,
            Kind::Attributed => interleaved,
            Kind::Tail => false,
        })
        .collect()
}

/// Cuts the lines into runs, top down.
fn runs(lines: &[Line]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (kind, end) = next_run(lines, at);
        match runs.last_mut() {
            Some(last) if last.kind == kind && kind == Kind::Own => last.end = end,
            _ => runs.push(Run { kind, start: at, end }),
        }
        at = end;
    }
    runs
}

/// The run that begins at `at`, and the index behind it.
fn next_run(lines: &[Line], at: usize) -> (Kind, usize) {
    let line = &lines[at];
    if line.hint == Hint::Tail || is_tail(lines, at) {
        return (Kind::Tail, lines.len());
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
        return quote_run(lines, at);
    }
    (Kind::Own, at + 1)
}

/// A quote without attribution: three lines of it at least, else it is the person's (a prompt, an arrow, a saying).
fn quote_run(lines: &[Line], at: usize) -> (Kind, usize) {
    let end = quote_end(lines, at);
    let hinted = lines[at..end].iter().any(|line| line.hint == Hint::Quoted);
    let marked = lines[at..end].iter().filter(|line| line.depth > 0).count();
    if hinted {
        return (Kind::Attributed, end);
    }
    (if marked >= 2 { Kind::Chosen } else { Kind::Own }, end)
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
        && before.raw.chars().count() >= 60
        && !before.content.ends_with(['.', '!', '?', ':'])
}

fn skip_blank(lines: &[Line], mut at: usize) -> usize {
    while lines.get(at).is_some_and(Line::is_blank) {
        at += 1;
    }
    at
}

/// History begins here and goes on to the end: an announcement or a header block, with the rule drawn above it.
fn is_tail(lines: &[Line], at: usize) -> bool {
    let mut start = at;
    for _ in 0..2 {
        if lines.get(start).is_some_and(headers::is_rule) {
            start = skip_blank(lines, start + 1);
        }
    }
    let Some(line) = lines.get(start) else { return false };
    !line.content.is_empty() && (headers::announces(line) || headers::block_begins(lines, start))
}
