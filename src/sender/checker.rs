//! Who really sent a mail (MAIL.md §1.2): SPF, DKIM, DMARC and ARC, checked at our own edge. What the DNS can't tell in
//! time is `temperror`, and counts as not proved; no result ever refuses a mail.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::arc::ArcError;
use mail_auth::common::crypto::Algorithm;
use mail_auth::dkim::Canonicalization;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::{
    ArcOutput, AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, Error,
    MessageAuthenticator, SpfOutput, SpfResult,
};
use tokio::time::{Instant, timeout_at};

use super::answers::Answers;
use super::blocklist;
use super::results::{Field, Results};
use super::spf::{self, Spf};
use super::tags;
use super::{LookupError, Resolver, ascii_domain};
use crate::config::Smtp;
use crate::model::{Authentication, Authority};

/// Most DKIM signatures of a mail that are looked at, those of the domain in `From` first.
const MOST_SIGNATURES: usize = 8;

/// What is known of a client and its mail before the mail is read.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// What it called itself.
    pub helo: String,
    /// The reverse-path; empty when null.
    pub mail_from: String,
}

/// What was found out of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// In our words.
    pub authentication: Authentication,
    /// As `Authentication-Results`, with its line end; empty where nothing was checked.
    pub header: String,
}

impl Checked {
    /// Nobody looked.
    pub const NOTHING: Self = Self { authentication: Authentication::UNAUTHENTICATED, header: String::new() };
}

/// Checks senders. Cheap to clone.
#[derive(Clone)]
pub struct Checker {
    resolver: Resolver,
    /// It asks nobody: see [`Answers`].
    mail_auth: MessageAuthenticator,
    settings: Arc<Settings>,
}

struct Settings {
    authserv_id: String,
    authserv_ids: Vec<String>,
    sealers: Vec<String>,
    block_lists: Vec<String>,
    patience: Duration,
}

impl Checker {
    /// As configured; `authserv_id` is our own name.
    ///
    /// # Errors
    /// Hardly: when no resolver can be made at all.
    pub fn new(smtp: &Smtp, authserv_id: &str, resolver: Resolver) -> Result<Self, LookupError> {
        let nobody = ResolverConfig::from_name_servers(Vec::new());
        let nobody = TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default()).build();
        Ok(Self {
            resolver,
            mail_auth: MessageAuthenticator(nobody.map_err(|error| LookupError::Trouble(error.to_string()))?),
            settings: Arc::new(Settings {
                authserv_id: authserv_id.to_owned(),
                authserv_ids: smtp.authserv_ids.clone(),
                sealers: smtp.trusted_sealers.iter().filter_map(|domain| ascii_domain(domain)).collect(),
                block_lists: smtp.block_lists.clone(),
                patience: Duration::from_secs(smtp.check_timeout_seconds),
            }),
        })
    }

    /// The first of the configured block lists that has an address.
    pub async fn listed(&self, ip: IpAddr) -> Option<&str> {
        blocklist::listed(&self.resolver, ip, &self.settings.block_lists).await
    }

    /// Mail of our own MTA: what it found out, where it is one that checks; else it vouches for the sender itself.
    pub fn believe(&self, raw: &[u8]) -> Authentication {
        if self.settings.authserv_ids.is_empty() {
            return Authentication::TRUSTED;
        }
        let Some(results) = Results::reported(raw, &self.settings.authserv_ids) else {
            return Authentication::UNAUTHENTICATED;
        };
        let from = AuthenticatedMessage::parse(head(raw)).as_ref().and_then(author_domain);
        let proves = |method: &str, property: &str| {
            let mut passed = results.all.iter().filter(|r| r.method == method && r.result == Authority::Pass);
            passed.any(|result| speaks_for(result.domain(property).as_deref(), from.as_deref()))
        };
        Authentication {
            spf: results.of("spf"),
            dkim: results.of("dkim"),
            dmarc: results.of("dmarc"),
            arc: results.of("arc"),
            from_aligned: proves("spf", "smtp.mailfrom")
                || proves("dkim", "header.d")
                || proves("dkim", "header.i"),
            ..Authentication::UNAUTHENTICATED
        }
    }

    /// Mail of a stranger. Takes no longer than `smtp.check_timeout_seconds`.
    pub async fn check(&self, client: &Client, raw: &[u8]) -> Checked {
        // Whatever a mail does to the library that reads it, it is taken, and nothing of it believed.
        let checked = AssertUnwindSafe(self.examine(client, raw)).catch_unwind().await;
        checked.unwrap_or_else(|_| {
            tracing::error!(ip = %client.ip, "the check of a sender panicked");
            Checked::NOTHING
        })
    }

    async fn examine(&self, client: &Client, raw: &[u8]) -> Checked {
        let until = Instant::now() + self.settings.patience;
        let with_blanks = parse(raw);
        let without_blanks = ends_in_blanks(raw).and_then(|end| parse(&raw[..end]));
        let mut message = Message { simple: with_blanks, relaxed: without_blanks, unfit: 0 };
        let from = message.any().and_then(author_domain);
        message.limit_signatures(from.as_deref());
        let answers = async {
            let mut answers = Answers::default();
            message.want_keys(&mut answers);
            from.iter().for_each(|domain| answers.want_policies(domain));
            spf_domain(client).iter().for_each(|domain| answers.want_policies(domain));
            timeout_at(until, answers.ask(&self.resolver)).await.ok()
        };
        let spf = timeout_at(until, spf::check(&self.resolver, client.ip, &client.helo, &client.mail_from));
        let (spf, answers) = tokio::join!(spf, answers);
        let spf = spf.unwrap_or_else(|_| Spf {
            result: Authority::Temperror,
            domain: spf_domain(client).unwrap_or_default(),
        });
        let Some(answers) = answers else { return self.in_vain(&message, &spf, from.as_deref()) };
        self.judge(&message, &spf, from.as_deref(), &answers)
    }

    /// The DNS is silent.
    fn in_vain(&self, message: &Message<'_>, spf: &Spf, from: Option<&str>) -> Checked {
        let or_none = |there: bool| if there { Authority::Temperror } else { Authority::None };
        let found = Found {
            dkim: message
                .signatures()
                .map(|signed| (or_none(true), signed.d.clone(), signed.s.clone()))
                .collect(),
            arc: or_none(message.any().is_some_and(|message| !message.as_headers.is_empty())),
            dmarc: or_none(from.is_some()),
        };
        self.tell(spf, from, &found)
    }

    fn judge(&self, message: &Message<'_>, spf: &Spf, from: Option<&str>, answers: &Answers) -> Checked {
        let outputs: Vec<_> = message.views().flat_map(|view| self.dkim(view, answers)).collect();
        let arc = message.sealed().map(|view| self.arc(view, answers)).unwrap_or_default();
        let dmarc = message.any().map(|view| {
            let spf_output = SpfOutput::new(spf.domain.clone()).with_result(spf_result(spf.result));
            let parameters = DmarcParameters {
                message: view,
                dkim_output: &outputs,
                dkim2_output: None,
                rfc5321_mail_from_domain: &spf.domain,
                spf_output: &spf_output,
            };
            at_once(self.mail_auth.verify_dmarc(answers.to(parameters))).unwrap_or_default()
        });
        let mut found = Found {
            dkim: message.errors().chain(outputs.iter().filter_map(signature_found)).collect(),
            arc: arc_word(arc.result()),
            dmarc: dmarc.as_ref().map_or(Authority::None, dmarc_word),
        };
        if found.dmarc != Authority::Pass && self.sealed_as_good(&arc, from) {
            found.dmarc = Authority::Pass;
        }
        self.tell(spf, from, &found)
    }

    fn dkim<'x>(&self, message: &'x AuthenticatedMessage<'x>, answers: &'x Answers) -> Vec<DkimOutput<'x>> {
        at_once(self.mail_auth.verify_dkim(answers.to(message))).unwrap_or_default()
    }

    fn arc<'x>(&self, message: &'x AuthenticatedMessage<'x>, answers: &'x Answers) -> ArcOutput<'x> {
        if !is_soundly_sealed(message) {
            let broken = DkimResult::Fail(Error::Arc(ArcError::BrokenChain));
            return ArcOutput::default().with_result(broken);
        }
        at_once(self.mail_auth.verify_arc(answers.to(message))).unwrap_or_default()
    }

    /// A chain that holds, sealed by trusted domains alone, the first of whom found the author proved (RFC 8617 §7.2).
    fn sealed_as_good(&self, arc: &ArcOutput<'_>, from: Option<&str>) -> bool {
        let is_trusted =
            |domain: &str| self.settings.sealers.iter().any(|sealer| sealer.eq_ignore_ascii_case(domain));
        let first = arc.sets().first().and_then(|set| {
            let value = String::from_utf8_lossy(set.results.value);
            Results::parse(value.split_once(';')?.1)
        });
        *arc.result() == DkimResult::Pass
            && arc.sets().iter().all(|set| is_trusted(&set.seal.header.d))
            && first.is_some_and(|first| {
                first.all.iter().any(|one| {
                    one.method == "dmarc"
                        && one.result == Authority::Pass
                        && one.domain("header.from").as_deref() == from
                })
            })
    }

    fn tell(&self, spf: &Spf, from: Option<&str>, found: &Found) -> Checked {
        let passed = |result: &Authority| *result == Authority::Pass;
        let best = found.dkim.iter().find(|(result, ..)| passed(result)).or(found.dkim.first());
        let from_aligned = passed(&spf.result) && speaks_for(Some(&spf.domain), from)
            || found.dkim.iter().any(|(result, domain, _)| passed(result) && speaks_for(Some(domain), from));
        let authentication = Authentication {
            spf: spf.result,
            dkim: best.map_or(Authority::None, |(result, ..)| *result),
            dmarc: found.dmarc,
            arc: found.arc,
            from_aligned,
            ..Authentication::UNAUTHENTICATED
        };
        let mut field = Field::of(&self.settings.authserv_id);
        field.add("spf", spf.result, &[("smtp.mailfrom", &spf.domain)]);
        if found.dkim.is_empty() {
            field.add("dkim", Authority::None, &[]);
        }
        for (result, domain, selector) in &found.dkim {
            field.add("dkim", *result, &[("header.d", domain), ("header.s", selector)]);
        }
        field.add("dmarc", found.dmarc, &[("header.from", from.unwrap_or_default())]);
        if found.arc != Authority::None {
            field.add("arc", found.arc, &[]);
        }
        Checked { authentication, header: field.end() }
    }
}

/// Results besides SPF's. Of each DKIM signature: its domain and selector.
struct Found {
    dkim: Vec<(Authority, String, String)>,
    arc: Authority,
    dmarc: Authority,
}

/// A mail as signatures see it. Blank lines at its end count for nothing where a signature is relaxed, also when there
/// are blanks in them (RFC 6376 §3.4.4), which mail-auth overlooks: those signatures are shown the mail without them.
struct Message<'x> {
    simple: Option<AuthenticatedMessage<'x>>,
    relaxed: Option<AuthenticatedMessage<'x>>,
    /// How many signatures were put aside.
    unfit: usize,
}

impl<'x> Message<'x> {
    fn any(&self) -> Option<&AuthenticatedMessage<'x>> {
        self.simple.as_ref()
    }

    fn views(&self) -> impl Iterator<Item = &AuthenticatedMessage<'x>> {
        self.simple.iter().chain(&self.relaxed)
    }

    /// As the newest seal saw it.
    fn sealed(&self) -> Option<&AuthenticatedMessage<'x>> {
        let newest = self.any()?.ams_headers.last().map(|header| header.header.cb);
        self.relaxed.as_ref().filter(|_| newest == Some(Canonicalization::Relaxed)).or(self.any())
    }

    fn signatures(&self) -> impl Iterator<Item = &mail_auth::dkim::Signature> {
        self.views().flat_map(|view| view.dkim_headers.iter().map(|header| &header.header))
    }

    /// Signatures that can't prove anything.
    fn errors(&self) -> impl Iterator<Item = (Authority, String, String)> {
        let broken = self.any().map_or(0, |view| {
            view.errors.iter().filter(|error| error.name.eq_ignore_ascii_case(b"DKIM-Signature")).count()
        });
        let number = (broken + self.unfit).min(MOST_SIGNATURES);
        std::iter::repeat_n((Authority::Permerror, String::new(), String::new()), number)
    }

    /// Keeps those that may prove something: they sign `From` (RFC 6376 §5.4) and all of what should be there once
    /// (§8.15), are no SHA-1 (RFC 8301 §3.1), and few; and each in the view it is for.
    fn limit_signatures(&mut self, from: Option<&str>) {
        let split = self.relaxed.is_some();
        let views =
            [(&mut self.simple, Canonicalization::Simple), (&mut self.relaxed, Canonicalization::Relaxed)];
        for (view, body) in views {
            let Some(AuthenticatedMessage { dkim_headers: signatures, headers: fields, .. }) = view else {
                continue;
            };
            signatures.retain(|header| !split || header.header.cb == body);
            signatures.sort_by_key(|header| !speaks_for(Some(&header.header.d), from));
            signatures.truncate(MOST_SIGNATURES);
            let all = signatures.len();
            signatures.retain(|header| {
                tags::sign_enough(&header.header.h, fields)
                    && header.header.a != Algorithm::RsaSha1
                    && tags::are_sound(header.value, tags::SIGNATURE)
            });
            self.unfit += all - signatures.len();
        }
    }

    fn want_keys(&self, answers: &mut Answers) {
        for signature in self.signatures() {
            answers.want_key(&signature.s, &signature.d);
            answers.want_policies(&signature.d);
        }
        if let Some(view) = self.any() {
            let newest = view.ams_headers.last().map(|header| (&header.header.s, &header.header.d));
            let seals = view.as_headers.iter().map(|header| (&header.header.s, &header.header.d));
            newest.into_iter().chain(seals).for_each(|(selector, domain)| answers.want_key(selector, domain));
        }
    }
}

/// A mail whose header ends where everybody else says it does: what stands between header and body is signed by nobody.
fn parse(raw: &[u8]) -> Option<AuthenticatedMessage<'_>> {
    let message = AuthenticatedMessage::parse_with_opts(raw, None, true)?;
    (usize::try_from(message.body_offset) == Ok(head(raw).len())).then_some(message)
}

/// The header with the empty line at its end.
fn head(raw: &[u8]) -> &[u8] {
    memchr::memmem::find(raw, b"\r\n\r\n").map_or(raw, |end| &raw[..end + 4])
}

/// Where the text ends, if blank lines with blanks in them follow it.
fn ends_in_blanks(raw: &[u8]) -> Option<usize> {
    let text = raw.iter().rposition(|byte| !b" \t\r\n".contains(byte)).map_or(0, |last| last + 1);
    let text = text.max(head(raw).len());
    raw[text..].iter().any(|byte| b" \t".contains(byte)).then_some(text)
}

/// The one domain in `From`.
fn author_domain(message: &AuthenticatedMessage<'_>) -> Option<String> {
    let mut domains = message.from.iter().filter_map(|from| ascii_domain(from.rsplit_once('@')?.1));
    let first = domains.next()?;
    domains.all(|domain| domain == first).then_some(first)
}

fn spf_domain(client: &Client) -> Option<String> {
    let domain = client.mail_from.rsplit_once('@').map_or(client.helo.as_str(), |(_, domain)| domain);
    ascii_domain(domain)
}

/// Whether who is proved may speak for the author's domain, where no policy says how near they must be: it is the same,
/// or one above it. (One below it may be anybody's, if the author's is `github.io`.)
fn speaks_for(proved: Option<&str>, author: Option<&str>) -> bool {
    let (Some(proved), Some(author)) = (proved.and_then(ascii_domain), author) else { return false };
    proved.contains('.')
        && author.strip_suffix(proved.as_str()).is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

fn signature_found(output: &DkimOutput<'_>) -> Option<(Authority, String, String)> {
    let signature = output.signature()?;
    Some((dkim_word(output.result()), signature.d.clone(), signature.s.clone()))
}

/// The word of RFC 8601 §2.7.1.
fn dkim_word(result: &DkimResult) -> Authority {
    match result {
        DkimResult::Pass => Authority::Pass,
        DkimResult::None => Authority::None,
        DkimResult::TempError(_) => Authority::Temperror,
        DkimResult::PermError(_) => Authority::Permerror,
        DkimResult::Fail(_) | DkimResult::Neutral(_) => Authority::Fail,
    }
}

/// A chain holds, or it does not (RFC 8617 §4.1.4).
fn arc_word(result: &DkimResult) -> Authority {
    match dkim_word(result) {
        Authority::Permerror => Authority::Fail,
        word => word,
    }
}

/// Nothing is missing or twice in the seals, no SHA-1 is in them (RFC 8301 §3.1), no signature of the message signs
/// seals (RFC 8617 §4.1.2), and the newest signs what a signature must.
fn is_soundly_sealed(message: &AuthenticatedMessage<'_>) -> bool {
    let messages = message.ams_headers.iter().all(|header| {
        let signs_seals = header.header.h.iter().any(|name| name.eq_ignore_ascii_case("arc-seal"));
        tags::are_sound(header.value, tags::SEALED_MESSAGE)
            && header.header.a != Algorithm::RsaSha1
            && !signs_seals
    });
    let newest =
        message.ams_headers.last().is_none_or(|header| tags::sign_enough(&header.header.h, &message.headers));
    messages
        && newest
        && message
            .as_headers
            .iter()
            .all(|header| tags::are_sound(header.value, tags::SEAL) && header.header.a != Algorithm::RsaSha1)
}

fn dmarc_word(output: &DmarcOutput) -> Authority {
    match output.result() {
        DmarcResult::Pass => Authority::Pass,
        DmarcResult::Fail(_) => Authority::Fail,
        DmarcResult::TempError(_) => Authority::Temperror,
        DmarcResult::PermError(_) => Authority::Permerror,
        DmarcResult::None => Authority::None,
    }
}

fn spf_result(result: Authority) -> SpfResult {
    match result {
        Authority::Pass => SpfResult::Pass,
        Authority::Fail => SpfResult::Fail,
        Authority::Softfail => SpfResult::SoftFail,
        Authority::Neutral => SpfResult::Neutral,
        Authority::None => SpfResult::None,
        Authority::Temperror => SpfResult::TempError,
        Authority::Permerror => SpfResult::PermError,
    }
}

/// What a check says that has all its answers.
fn at_once<T>(check: impl Future<Output = T>) -> Option<T> {
    check.now_or_never()
}
