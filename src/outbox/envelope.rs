//! What is said of a mail before the mail itself: MAIL and RCPT, as the server can take them.

use lettre::Address;
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};

use super::judge::Ending;
use super::line::Step;
use super::transport::Letter;
use crate::sender::ascii_domain;

/// What a server can do, by its answer to EHLO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offers {
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit: bool,
    /// RFC 6531.
    pub utf8: bool,
    /// RFC 1870; the largest mail it takes, where it says so.
    pub size: Option<Option<usize>>,
}

impl Offers {
    /// Reads the lines of the answer; the first is its name.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut offers = Self::default();
        for line in lines.skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "STARTTLS" => offers.starttls = true,
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit = true,
                "SMTPUTF8" => offers.utf8 = true,
                "SIZE" => {
                    let most = words.next().and_then(|number| number.parse().ok());
                    offers.size = Some(most.filter(|most| *most > 0));
                }
                _ => {}
            }
        }
        offers
    }
}

/// The commands, each with its line end.
///
/// # Errors
/// When this server can't take the mail.
pub(super) fn envelope(letter: Letter<'_>, offers: &Offers) -> Step<(String, String)> {
    let from = if letter.from.is_empty() { None } else { Some(address(letter.from)?) };
    let to = address(letter.to)?;
    let ascii = |address: &Address| address.to_string().is_ascii();
    let all_ascii = ascii(&to) && from.as_ref().is_none_or(ascii) && header(letter.mime).is_ascii();
    if let Some(Some(most)) = offers.size.filter(|most| most.is_some_and(|most| letter.mime.len() > most)) {
        let size = letter.mime.len();
        return impossible(format!("the mail has {size} octets, and the server takes no more than {most}"));
    }
    if !all_ascii && !offers.utf8 {
        return impossible("the address is not ASCII, and the server has no SMTPUTF8");
    }
    let all_7bit = letter.mime.is_ascii();
    if !all_7bit && !offers.eight_bit {
        return impossible("the mail is 8-bit, and the server has no 8BITMIME");
    }
    let size = offers.size.map(|_| MailParameter::Size(letter.mime.len()));
    let body = (!all_7bit).then_some(MailParameter::Body(MailBodyParameter::EightBitMime));
    let utf8 = (!all_ascii).then_some(MailParameter::SmtpUtfEight);
    let parameters = [size, body, utf8].into_iter().flatten().collect();
    Ok((Mail::new(from, parameters).to_string(), Rcpt::new(to, Vec::new()).to_string()))
}

/// An address as it goes on the wire: a domain beyond ASCII has an ASCII form, which every server takes.
fn address(text: &str) -> Step<Address> {
    let wrong = || Ending::Impossible(format!("{text:?} is not an address"));
    let address: Address = text.parse().map_err(|_| wrong())?;
    if address.domain().starts_with('[') {
        return Ok(address);
    }
    let domain = ascii_domain(address.domain()).ok_or_else(wrong)?;
    Address::new(address.user(), domain).map_err(|_| wrong())
}

/// The header section.
fn header(mime: &[u8]) -> &[u8] {
    let end = memchr::memmem::find(mime, b"\r\n\r\n").or_else(|| memchr::memmem::find(mime, b"\n\n"));
    &mime[..end.unwrap_or(mime.len())]
}

fn impossible<T>(words: impl Into<String>) -> Step<T> {
    Err(Ending::Impossible(words.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(from: &str, to: &str, mime: &str, offers: &Offers) -> Result<String, String> {
        let letter = Letter { from, to, mime: mime.as_bytes(), release: false };
        envelope(letter, offers).map(|(mail, rcpt)| mail + &rcpt).map_err(|ending| ending.words())
    }

    #[test]
    fn offers_are_read() {
        let lines =
            ["mx.test at your service", "pipelining", "SIZE 1000", "8BITMIME", "STARTTLS ", "X-ODD", ""];
        let all = Offers {
            starttls: true,
            pipelining: true,
            eight_bit: true,
            utf8: false,
            size: Some(Some(1_000)),
        };
        assert_eq!(Offers::read(lines.into_iter()), all);
        assert_eq!(Offers::read(["STARTTLS"].into_iter()), Offers::default(), "that is its name");
        assert_eq!(Offers::read(["mx", "SIZE 0"].into_iter()).size, Some(None), "no limit");
    }

    #[test]
    fn the_envelope_says_what_the_server_can_take() {
        let none = Offers::default();
        let all = Offers { eight_bit: true, utf8: true, size: Some(Some(100)), ..Offers::default() };
        for (from, to, mime, offers, want) in [
            ("", "jo@a.test", "A: b", &none, Ok("MAIL FROM:<>\r\nRCPT TO:<jo@a.test>\r\n")),
            (
                "x@b.test",
                "Jo@A.test",
                "A: b",
                &all,
                Ok("MAIL FROM:<x@b.test> SIZE=4\r\nRCPT TO:<Jo@a.test>\r\n"),
            ),
            ("", "jo@bücher.test", "A: b", &none, Ok("MAIL FROM:<>\r\nRCPT TO:<jo@xn--bcher-kva.test>\r\n")),
            ("", "jö@a.test", "A: b", &all, Ok("MAIL FROM:<> SIZE=4 SMTPUTF8\r\nRCPT TO:<jö@a.test>\r\n")),
            ("", "jö@a.test", "A: b", &none, Err("the address is not ASCII, and the server has no SMTPUTF8")),
            (
                "",
                "jo@a.test",
                "A: ö",
                &all,
                Ok("MAIL FROM:<> SIZE=5 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<jo@a.test>\r\n"),
            ),
            (
                "",
                "jo@a.test",
                "A: b\r\n\r\nö",
                &all,
                Ok("MAIL FROM:<> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<jo@a.test>\r\n"),
            ),
            (
                "",
                "jo@a.test",
                "A: b\r\n\r\nö",
                &none,
                Err("the mail is 8-bit, and the server has no 8BITMIME"),
            ),
            ("", "jo@[192.0.2.1]", "A: b", &none, Ok("MAIL FROM:<>\r\nRCPT TO:<jo@[192.0.2.1]>\r\n")),
            ("", "jo", "A: b", &none, Err("\"jo\" is not an address")),
            ("", "jo@a.test>\r\nDATA", "A: b", &none, Err("\"jo@a.test>\\r\\nDATA\" is not an address")),
        ] {
            assert_eq!(said(from, to, mime, offers), want.map(str::to_owned).map_err(str::to_owned), "{to}");
        }
        let long = "A: b\r\n\r\n".to_owned() + &"x".repeat(93);
        let want = "the mail has 101 octets, and the server takes no more than 100";
        assert_eq!(said("", "jo@a.test", &long, &all), Err(want.into()));
    }
}
