//! Sums as the mail's language writes them.

use minijinja::value::Value;
use minijinja::{Error, ErrorKind, State};

use super::{fill, text_of};
use crate::templates::catalog::Catalogs;

/// `1234.5 | money("EUR")` is `EUR 1,234.50` in English, `1.234,50 EUR` in German. A number, or its decimal digits.
pub(super) fn money(
    state: &State<'_, '_>,
    catalogs: &Catalogs,
    amount: &Value,
    currency: &str,
) -> Result<String, Error> {
    let amount = digits(&amount.to_string()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("money: {amount} is no decimal number"))
    })?;
    let (group, decimal) =
        (text_of(state, catalogs, "number.group")?, text_of(state, catalogs, "number.decimal")?);
    fill(text_of(state, catalogs, "number.money")?, |name| {
        Ok(match name {
            "currency" => currency.to_uppercase(),
            _ => amount.written(group, decimal),
        })
    })
}

/// A decimal number, cut after two places.
struct Decimal {
    sign: &'static str,
    whole: String,
    fraction: String,
}

fn digits(text: &str) -> Option<Decimal> {
    let (sign, text) = text.trim().strip_prefix('-').map_or(("", text.trim()), |rest| ("-", rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction = format!("{fraction:0<2}")[..2].to_owned();
    Some(Decimal { sign, whole: whole.to_owned(), fraction })
}

impl Decimal {
    fn written(&self, group: &str, decimal: &str) -> String {
        let mut whole = String::new();
        for (i, digit) in self.whole.chars().enumerate() {
            if i > 0 && (self.whole.len() - i).is_multiple_of(3) {
                whole.push_str(group);
            }
            whole.push(digit);
        }
        format!("{}{whole}{decimal}{}", self.sign, self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_grouped() {
        for (text, want) in [
            ("0", Some("0.00")),
            ("12.5", Some("12.50")),
            ("1234567.899", Some("1,234,567.89")),
            ("-999", Some("-999.00")),
            ("1000", Some("1,000.00")),
            ("", None),
            ("1e9", None),
            ("12,5", None),
            ("x", None),
        ] {
            assert_eq!(digits(text).map(|d| d.written(",", ".")).as_deref(), want, "{text}");
        }
    }
}
