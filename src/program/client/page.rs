//! What is printed: tables and texts for a terminal, JSON for scripts. Customers' words never reach the terminal as
//! commands to it.

use std::io::IsTerminal as _;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Row, Table, presets};
use serde_json::Value;

use super::super::say::answer;

/// Whether colours are welcome: on a terminal that is not dumb, without `NO_COLOR` (no-color.org).
pub fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !set("NO_COLOR") && std::env::var("TERM").as_deref() != Ok("dumb")
}

/// JSON: on lines for people, on one line for programs.
pub fn json(value: &Value) {
    match std::io::stdout().is_terminal() {
        true => answer(format_args!("{value:#}")),
        false => answer(value),
    }
}

/// A table with a heading, as wide as the terminal; columns apart by two blanks, for programs by a tab.
pub fn table(heading: &[&str], rows: Vec<Vec<Cell>>) {
    if !std::io::stdout().is_terminal() {
        for row in rows {
            let fields: Vec<_> = row.iter().map(Cell::content).collect();
            answer(fields.join("\t"));
        }
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let strong = |text: &&str| match colours() {
        true => Cell::new(text).add_attribute(Attribute::Dim),
        false => Cell::new(text),
    };
    table.set_header(heading.iter().map(strong));
    for row in rows {
        let mut row = Row::from(row);
        row.max_height(1);
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        answer(line.trim_end());
    }
}

/// Text on one line, harmless to a terminal.
pub fn cell(text: &str) -> Cell {
    Cell::new(clean(text))
}

/// A word of a closed set, coloured by how much it wants to be seen.
pub fn word(text: &str) -> Cell {
    let cell = Cell::new(clean(text).replace('_', " "));
    if !colours() {
        return cell;
    }
    match text {
        "urgent" | "failed" | "bounced" => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        "high" | "open" | "deferred" => cell.fg(Color::Yellow),
        "in_progress" => cell.fg(Color::Cyan),
        "resolved" | "sent" | "delivered" => cell.fg(Color::Green),
        "closed" | "low" => cell.add_attribute(Attribute::Dim),
        _ => cell,
    }
}

/// Text without what a terminal would obey, on one line: control characters, and those that turn writing round.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| is_harmless(*c)).collect()
}

/// The same, its lines kept.
pub fn clean_lines(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || *c == '\t' || is_harmless(*c)).collect()
}

fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_do_not_command_the_terminal() {
        for (text, want) in [
            ("\u{1b}[2JHi\r\nthere", "[2JHi  there"),
            ("\u{9b}31mred", "31mred"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("Größe\tXL", "Größe XL"),
        ] {
            assert_eq!(clean(text), want, "{text:?}");
        }
        assert_eq!(clean_lines("a\r\n\u{7}b"), "a\nb");
    }
}
