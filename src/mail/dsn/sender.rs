//! Who writes reports, and under which subjects.

use std::sync::LazyLock;

use regex::Regex;

use super::super::parse::ParsedMail;
use crate::model::Envelope;

/// Subjects of reports in the languages of the large providers. Alone they prove nothing: people forward bounces.
static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) undeliver | un-?deliverable | not\ deliver | non-?deliver | delivery\ (status|failure|failed|problem|report|error|notification|delayed|has\ failed)
        | (mail|message|e-?mail)\ (delivery|system\ error|failure|failed|could\ not|status) | failed\ delivery | failure\ (notice|delivery|notification)
        | returned\ (mail|to\ sender|message) | returning\ (message\ )?to\ sender | could\ not\ (send|be\ delivered|deliver) | mail\ not\ sent | (error|problem|trouble)\ (sending|delivering)
        | delivery\ notification | warning:\ (could\ not|message) | delayed\ mail | postmaster\ notify | rejected\ mail | bounced?\ (mail|message|e-?mail)
        | unzustellbar | nicht\ zugestellt | zustellung | non\ remis | non\ distribu | échec | no\ se\ (ha\ )?(puede|pudo|podido|entreg) | devuelto | no\ entregado
        | mancato\ recapito | mancata\ consegna | non\ recapita | não\ (foi\ )?(pode|entreg) | devolvid | onbestelbaar | niet\ (worden\ )?(bezorgd|afgeleverd)
        | olevererat | kunde\ inte | ikke\ lever | kunne\ ikke | ei\ voitu | niedostarcz | nie\ można | nedoruč | iletilemedi | teslim\ edil | не\ доставлен | недостав
        | 配信不能 | 配信エラー | エラーメール | 退信 | 无法投递 | 無法 | 未送达 | 반송 | 전송\ 실패",
    )
    .expect("a constant pattern")
});
static DAEMON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(mailer|mail)[._-]?(daemon|deamon)|^(post[_-]?master|mdaemon|mail-?er|mmdf|uucp|daemon|bounces?|delivery|mail-?delivery|microsoftexchange[0-9a-f]*|mailserver|mail-system|smtp-?daemon|ndr|mta|imail|notifier|double-bounce)([+@-]|$)",
    )
    .expect("a constant pattern")
});
static DAEMON_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)mail(er)?[ -]?(delivery|daemon|administrator|system)|delivery (sub)?system|postmaster|system administrator|microsoft (outlook|exchange)|mailer[ -]?daemon")
        .expect("a constant pattern")
});

/// Signs that a program of the mail system wrote the mail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    /// `From` names a mailer daemon or postmaster, or `X-Failed-Recipients` stands there.
    pub daemon: bool,
    /// A machine wrote it: null reverse-path, `Auto-Submitted`, or a daemon.
    pub machine: bool,
    /// The subject is one of a report.
    pub subject: bool,
}

/// Reads the signs from envelope and headers.
pub(super) fn signs(envelope: &Envelope, mail: &ParsedMail) -> Signs {
    let daemon = mail.header("x-failed-recipients").is_some()
        || mail.from.iter().any(|from| {
            DAEMON.is_match(&from.email)
                || from.name.as_deref().is_some_and(|name| DAEMON_NAME.is_match(name))
        })
        || mail.header("from").is_some_and(|from| from.to_ascii_lowercase().contains("mailer-daemon"));
    let automatic =
        mail.header("auto-submitted").is_some_and(|v| v.trim().to_ascii_lowercase().starts_with("auto"));
    Signs {
        daemon,
        machine: daemon || automatic || envelope.reverse_path.is_null(),
        subject: SUBJECT.is_match(&mail.subject),
    }
}
