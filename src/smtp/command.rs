//! One command line made into a value. smtp-proto reads verbs and parameter values; paths are read by us.

use smtp_proto::request::parser::Rfc5321Parser;
use smtp_proto::{
    Error, MAIL_BODY_BINARYMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8, RCPT_NOTIFY_DELAY,
    RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, Request,
};

use super::path;
use super::reply::{self, Reply};

/// Longest line of a verb without parameters, CR LF included (RFC 5321 §4.5.3.1.4).
const MAX_PLAIN_LINE: usize = 512;
/// What may stand behind the path of `MAIL` (RFC 1870, 3461, 6152, 6531).
const MAIL_PARAMETERS: &[&str] = &["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID"];
/// What may stand behind the path of `RCPT` (RFC 3461).
const RCPT_PARAMETERS: &[&str] = &["NOTIFY", "ORCPT"];
/// First words of HTTP, and of the PROXY protocol, which no stranger may speak here.
const FOREIGN: &[&str] =
    &["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROXY"];

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `HELO name`.
    Helo(String),
    /// `EHLO name`.
    Ehlo(String),
    /// `LHLO name`.
    Lhlo(String),
    /// `MAIL FROM:<…>`.
    Mail(Mail),
    /// `RCPT TO:<…>`.
    Rcpt(Rcpt),
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]`.
    Bdat {
        /// Octets that follow the line.
        size: usize,
        /// Whether the mail ends with them.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `VRFY`.
    Vrfy,
    /// `HELP`.
    Help,
    /// `STARTTLS`.
    StartTls,
    /// `QUIT`.
    Quit,
}

/// `MAIL`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// Address without brackets; empty for `<>`.
    pub sender: String,
    /// `SIZE=`; 0 when absent.
    pub size: usize,
    /// Whether `SMTPUTF8` was given.
    pub utf8: bool,
    /// `RET=`, as `FULL` or `HDRS`.
    pub ret: Option<&'static str>,
    /// `ENVID=`, as written (xtext).
    pub envid: Option<String>,
}

/// `RCPT`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rcpt {
    /// Address without brackets.
    pub recipient: String,
    /// `NOTIFY=`, in the order of RFC 3461 §4.1; empty when absent.
    pub notify: Vec<&'static str>,
    /// `ORCPT=`, as written.
    pub orcpt: Option<String>,
}

/// Why a line is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Say this, and go on.
    Reply(Reply),
    /// Say this, and hang up: the client does not speak SMTP, or we can't know where its next command begins.
    Close(Reply),
}

impl From<Reply> for Refused {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// Reads one line, its CR LF included.
pub fn parse(line: &[u8]) -> Result<Command, Refused> {
    let text = line.strip_suffix(b"\r\n").and_then(|text| std::str::from_utf8(text).ok());
    let Some(text) = text.filter(|text| !text.chars().any(char::is_control)) else {
        return Err(reply::NOT_TEXT.into());
    };
    let (verb, arguments) = text.split_once(' ').unwrap_or((text, ""));
    let is = |known: &str| verb.eq_ignore_ascii_case(known);
    if FOREIGN.iter().any(|&known| is(known)) {
        return Err(Refused::Close(reply::NOT_SMTP));
    }
    if is("MAIL") {
        return Ok(Command::Mail(mail(arguments)?));
    }
    if is("RCPT") {
        return Ok(Command::Rcpt(rcpt(arguments)?));
    }
    if line.len() > MAX_PLAIN_LINE {
        return Err(reply::LINE_TOO_LONG.into());
    }
    if !arguments.is_empty() && ["DATA", "RSET", "QUIT", "STARTTLS"].into_iter().any(is) {
        return Err(reply::NO_ARGUMENTS.into());
    }
    if is("BDAT") {
        // Where a chunk ends is unknown when its size is: its octets would be read as commands.
        return bdat(arguments).ok_or(Refused::Close(Reply::syntax("BDAT chunk-size [LAST]")));
    }
    other(line)
}

/// The verbs smtp-proto reads whole.
fn other(line: &[u8]) -> Result<Command, Refused> {
    Ok(match Request::parse(&mut line.iter()) {
        Ok(Request::Helo { host }) => Command::Helo(hello(&host)?),
        Ok(Request::Ehlo { host }) => Command::Ehlo(hello(&host)?),
        Ok(Request::Lhlo { host }) => Command::Lhlo(hello(&host)?),
        Ok(Request::Data) => Command::Data,
        Ok(Request::Rset) => Command::Rset,
        Ok(Request::Noop { .. }) => Command::Noop,
        Ok(Request::Vrfy { .. }) => Command::Vrfy,
        Ok(Request::Help { .. }) => Command::Help,
        Ok(Request::StartTls) => Command::StartTls,
        Ok(Request::Quit) => Command::Quit,
        Ok(_) => return Err(reply::NOT_IMPLEMENTED.into()),
        Err(error) => return Err(refusal(error).into()),
    })
}

/// The name a client gives itself; it goes into `Received`, so it has to be one.
fn hello(name: &str) -> Result<String, Reply> {
    if path::is_domain(name) { Ok(name.to_owned()) } else { Err(reply::BAD_HELLO) }
}

fn mail(arguments: &str) -> Result<Mail, Reply> {
    let (sender, parameters) =
        path_after(arguments, "FROM:", reply::BAD_SENDER, Reply::syntax("MAIL FROM:<address> [parameters]"))?;
    if !sender.is_empty() && !sender.contains('@') {
        return Err(reply::BAD_SENDER);
    }
    check_keywords(parameters, MAIL_PARAMETERS)?;
    let size = value(parameters, "SIZE").map_or(Ok(0), size)?;
    let line = line_without(parameters, "SIZE");
    let read =
        Rfc5321Parser::new(&mut line.as_bytes().iter()).mail_from_parameters("".into()).map_err(refusal)?;
    if read.flags & MAIL_BODY_BINARYMIME != 0 {
        return Err(Reply::bad_parameter("BODY"));
    }
    let utf8 = read.flags & MAIL_SMTPUTF8 != 0;
    if !sender.is_ascii() && !utf8 {
        return Err(reply::NEEDS_UTF8);
    }
    let envid = xtext(parameters, "ENVID")?;
    let ret = match read.flags {
        flags if flags & MAIL_RET_FULL != 0 => Some("FULL"),
        flags if flags & MAIL_RET_HDRS != 0 => Some("HDRS"),
        _ => None,
    };
    Ok(Mail { sender, size, utf8, ret, envid })
}

fn bdat(arguments: &str) -> Option<Command> {
    let mut words = words(arguments);
    let size = size(words.next()?).ok().filter(|size| *size < usize::MAX)?;
    let last = words.next();
    let ends_there = last.is_none_or(|word| word.eq_ignore_ascii_case("LAST")) && words.next().is_none();
    ends_there.then_some(Command::Bdat { size, last: last.is_some() })
}

/// What is larger than any number of ours is too big, and no error.
fn size(digits: &str) -> Result<usize, Reply> {
    let is_size = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_size { Ok(digits.parse().unwrap_or(usize::MAX)) } else { Err(Reply::bad_parameter("SIZE")) }
}

fn rcpt(arguments: &str) -> Result<Rcpt, Reply> {
    let (recipient, parameters) =
        path_after(arguments, "TO:", reply::BAD_RECIPIENT, Reply::syntax("RCPT TO:<address> [parameters]"))?;
    if recipient.is_empty() {
        return Err(reply::BAD_RECIPIENT);
    }
    check_keywords(parameters, RCPT_PARAMETERS)?;
    let orcpt = xtext(parameters, "ORCPT")?;
    if orcpt.as_ref().is_some_and(|orcpt| !is_typed_address(orcpt)) {
        return Err(Reply::bad_parameter("ORCPT"));
    }
    // smtp-proto knows no address type but rfc822; RFC 6533 §3 adds utf-8, and gateways have their own.
    let line = line_without(parameters, "ORCPT");
    let read =
        Rfc5321Parser::new(&mut line.as_bytes().iter()).rcpt_to_parameters("".into()).map_err(refusal)?;
    Ok(Rcpt { recipient, notify: notify(read.flags)?, orcpt })
}

/// `NEVER` stands alone (RFC 3461 §4.1).
fn notify(flags: u64) -> Result<Vec<&'static str>, Reply> {
    let words: Vec<&str> = [
        (RCPT_NOTIFY_NEVER, "NEVER"),
        (RCPT_NOTIFY_SUCCESS, "SUCCESS"),
        (RCPT_NOTIFY_FAILURE, "FAILURE"),
        (RCPT_NOTIFY_DELAY, "DELAY"),
    ]
    .into_iter()
    .filter_map(|(flag, word)| (flags & flag != 0).then_some(word))
    .collect();
    if words.len() > 1 && words[0] == "NEVER" { Err(Reply::bad_parameter("NOTIFY")) } else { Ok(words) }
}

/// The path behind `FROM:` or `TO:` (spaces behind the colon are common, and taken), and the parameters.
fn path_after<'a>(
    arguments: &'a str,
    prefix: &str,
    bad_path: Reply,
    bad_syntax: Reply,
) -> Result<(String, &'a str), Reply> {
    let Some((start, text)) = arguments.trim_start().split_at_checked(prefix.len()) else {
        return Err(bad_syntax);
    };
    let text = text.trim_start();
    if !start.eq_ignore_ascii_case(prefix) || !text.starts_with('<') {
        return Err(bad_syntax);
    }
    match path::read(text) {
        Some((path, rest)) if rest.is_empty() || rest.starts_with(' ') => Ok((path, rest)),
        Some(_) => Err(bad_syntax),
        None => Err(bad_path),
    }
}

/// The parameters but for one that we read ourselves.
fn line_without(parameters: &str, name: &str) -> String {
    let others: Vec<_> = words(parameters).filter(|word| !keyword(word).eq_ignore_ascii_case(name)).collect();
    others.join(" ") + "\r\n"
}

fn words(parameters: &str) -> impl Iterator<Item = &str> {
    parameters.split(' ').filter(|word| !word.is_empty())
}

fn keyword(word: &str) -> &str {
    word.split_once('=').map_or(word, |(keyword, _)| keyword)
}

/// What stands behind `name=`; empty where nothing does.
fn value<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let word = words(parameters).find(|word| keyword(word).eq_ignore_ascii_case(name))?;
    Some(word.split_once('=').map_or("", |(_, value)| value))
}

/// smtp-proto takes parameters of extensions that we don't offer; a client that uses one must hear of it.
fn check_keywords(parameters: &str, offered: &[&str]) -> Result<(), Reply> {
    let is_offered = |word: &str| offered.iter().any(|known| keyword(word).eq_ignore_ascii_case(known));
    if !words(parameters).all(is_offered) {
        return Err(reply::UNKNOWN_PARAMETER);
    }
    // Each may be given once (RFC 1869 §6, RFC 3461 §4).
    let given =
        |known: &&&str| words(parameters).filter(|word| keyword(word).eq_ignore_ascii_case(known)).count();
    match offered.iter().find(|known| given(known) > 1) {
        Some(twice) => Err(Reply::bad_parameter(twice)),
        None => Ok(()),
    }
}

/// The value of a parameter as written. smtp-proto decodes xtext and passes over what is broken in it (RFC 3461 §4).
fn xtext(parameters: &str, name: &str) -> Result<Option<String>, Reply> {
    let Some(value) = value(parameters, name) else { return Ok(None) };
    let is_hex = |digit: u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit);
    let escapes_hold =
        value.split('+').skip(1).all(|rest| rest.bytes().take(2).filter(|b| is_hex(*b)).count() == 2);
    let is_plain =
        value.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b'=' || !b.is_ascii() && name == "ORCPT");
    if value.is_empty() || !escapes_hold || !is_plain {
        return Err(Reply::bad_parameter(name));
    }
    Ok(Some(value.to_owned()))
}

/// `rfc822;a+40b.example` (RFC 3461 §4.2).
fn is_typed_address(text: &str) -> bool {
    let is_type =
        |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.split_once(';').is_some_and(|(kind, address)| is_type(kind) && !address.is_empty())
}

fn refusal(error: Error) -> Reply {
    match error {
        Error::SyntaxError { syntax } => Reply::syntax(syntax),
        Error::InvalidParameter { param } => Reply::bad_parameter(param),
        Error::UnsupportedParameter { .. } => reply::UNKNOWN_PARAMETER,
        _ => reply::UNKNOWN_COMMAND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn line(text: &str) -> Result<Command, Refused> {
        parse(format!("{text}\r\n").as_bytes())
    }

    #[test]
    fn commands_are_read() {
        let mail = |sender: &str| Mail { sender: sender.into(), ..Mail::default() };
        let rcpt = |recipient: &str| Rcpt { recipient: recipient.into(), ..Rcpt::default() };
        for (text, want) in [
            ("ehlo mail.example", Command::Ehlo("mail.example".into())),
            ("HELO [192.0.2.1]", Command::Helo("[192.0.2.1]".into())),
            ("LhLo x", Command::Lhlo("x".into())),
            ("MAIL FROM:<>", Command::Mail(mail(""))),
            ("mail from: <a@b.example>", Command::Mail(mail("a@b.example"))),
            (
                "MAIL FROM:<a@b.example> SIZE=12 BODY=8BITMIME",
                Command::Mail(Mail { size: 12, ..mail("a@b.example") }),
            ),
            ("MAIL FROM:<> SIZE=99999999999999999999", Command::Mail(Mail { size: usize::MAX, ..mail("") })),
            ("MAIL FROM:<jö@b.example> SMTPUTF8", Command::Mail(Mail { utf8: true, ..mail("jö@b.example") })),
            (
                "MAIL FROM:<> RET=HDRS ENVID=a+2Bb",
                Command::Mail(Mail { ret: Some("HDRS"), envid: Some("a+2Bb".into()), ..mail("") }),
            ),
            ("RCPT TO:<Postmaster>", Command::Rcpt(rcpt("Postmaster"))),
            (
                "RCPT TO:<a@b.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@b.example",
                Command::Rcpt(Rcpt {
                    notify: vec!["FAILURE", "DELAY"],
                    orcpt: Some("rfc822;a@b.example".into()),
                    ..rcpt("a@b.example")
                }),
            ),
            (
                "RCPT TO:<a@b.example> ORCPT=utf-8;a@b.example",
                Command::Rcpt(Rcpt { orcpt: Some("utf-8;a@b.example".into()), ..rcpt("a@b.example") }),
            ),
            ("RCPT TO:<@x.example:a@b.example>", Command::Rcpt(rcpt("a@b.example"))),
            ("DATA", Command::Data),
            ("BDAT 12", Command::Bdat { size: 12, last: false }),
            ("BDAT 0 last", Command::Bdat { size: 0, last: true }),
            ("NOOP with words", Command::Noop),
            ("QUIT", Command::Quit),
        ] {
            assert_eq!(line(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_command_is_told_why() {
        let long = format!("NOOP {}", "x".repeat(512));
        for (text, want) in [
            ("EHLO", "501 5.5.4"),
            ("EHLO a(b", "501 5.5.4"),
            ("FOO", "500 5.5.1"),
            ("", "500 5.5.1"),
            ("MAIL", "501 5.5.4"),
            ("MAIL FROM:a@b.example", "501 5.5.4"),
            ("MAIL FROM:<a@b.example>x", "501 5.5.4"),
            ("MAIL FROM:<a b@c.example>", "501 5.1.7"),
            ("MAIL FROM:<root>", "501 5.1.7"),
            ("MAIL FROM:<jö@b.example>", "553 5.6.7"),
            ("MAIL FROM:<> SIZE=x", "501 5.5.4"),
            ("MAIL FROM:<> SIZE=", "501 5.5.4"),
            ("MAIL FROM:<> BODY=BASE64", "501 5.5.4"),
            ("MAIL FROM:<> BODY=BINARYMIME", "501 5.5.4"),
            ("MAIL FROM:<> RET=SOME", "501 5.5.4"),
            ("MAIL FROM:<> ENVID=a+2", "501 5.5.4"),
            ("MAIL FROM:<> AUTH=<>", "555 5.5.4"),
            ("MAIL FROM:<> FOO=1", "555 5.5.4"),
            ("RCPT TO:<>", "501 5.1.3"),
            ("RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", "501 5.5.4"),
            ("RCPT TO:<a@b.example> NOTIFY=MAYBE", "501 5.5.4"),
            ("RCPT TO:<a@b.example> ORCPT=nothing", "501 5.5.4"),
            ("RCPT TO:<a@b.example> SIZE=1", "555 5.5.4"),
            ("RCPT TO:<a\0@b.example>", "500 5.5.2"),
            ("NOOP \u{1b}[1m", "500 5.5.2"),
            ("VRFY", "501 5.5.4"),
            ("EXPN list", "502 5.5.1"),
            ("ETRN x.example", "502 5.5.1"),
            ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
            ("TURN", "500 5.5.1"),
            ("DATA now", "501 5.5.4"),
            ("STARTTLS now", "501 5.5.4"),
            (&long, "500 5.5.2"),
        ] {
            let Err(Refused::Reply(reply)) = line(text) else { panic!("{text}: {:?}", line(text)) };
            assert!(wire(&reply).starts_with(want), "{text}: {}", wire(&reply));
        }
        for (text, want) in [
            ("GET / HTTP/1.1", "554 5.5.1"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2", "554 5.5.1"),
            ("BDAT", "501 5.5.4"),
            ("BDAT -1", "501 5.5.4"),
            ("BDAT 1 FIRST", "501 5.5.4"),
        ] {
            let Err(Refused::Close(reply)) = line(text) else { panic!("{text}: {:?}", line(text)) };
            assert!(wire(&reply).starts_with(want), "{text}: {}", wire(&reply));
        }
    }
}
