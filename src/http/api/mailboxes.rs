//! Support addresses.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{id, personal};
use crate::config::{Config, TransportKind};
use crate::desk::query::Param;
use crate::desk::{Ending, MailboxRequest, StoredAnswer};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, words};
use crate::http::list::{List, ListRequest};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{Category, Mailbox, Scope};
use crate::sender::{Finding, LookupError, Resolver, SigningKey, Weight, ascii_domain, examine};

/// How mail may come in.
const WAYS: &[&str] = &["smtp", "lmtp", "api"];

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(change, deactivate))
        .routes(routes!(check))
}

/// A mailbox to be made or changed; null clears what may be null.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct MailboxBody {
    /// No other mailbox's and no agent's. Required for a new mailbox, and fixed from then on.
    #[schema(example = "support@shop.example")]
    address: Option<String>,
    /// Display name in `From`.
    from_name: Option<String>,
    /// Put under public replies of agents who have none of their own.
    signature: Option<String>,
    /// How its mail comes in: `smtp` (the default), `lmtp` or `api`.
    receive: Option<String>,
    /// Category of tickets that come by it.
    default_category: Option<String>,
    /// The team that tickets that come by it are given to.
    team_id: Option<Uuid>,
    /// The store that tickets of it belong to.
    store_id: Option<String>,
    /// Language of its mails, where the requester's is not known.
    locale: Option<String>,
    /// False closes it, as DELETE does; true opens it again.
    is_active: Option<bool>,
}

/// Support addresses.
///
/// Oldest first, those that were closed too. The first open one gets mail to `postmaster` and `abuse`.
#[utoipa::path(
    get,
    path = "/api/support/mailboxes",
    operation_id = "list_mailboxes",
    tag = "Mail",
    responses((status = 200, description = "A page of mailboxes.", body = List<view::Mailbox<'static>>))
)]
pub async fn list(State(api): State<Api>, ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::Admin)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_mailboxes(&listing.page).await?;
    let keys = |row: &Mailbox| vec![Param::Id(row.id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(view::Mailbox::of)))
}

/// Open a mailbox.
///
/// Mail to it is taken from now on, on other nodes within seconds.
#[utoipa::path(
    post,
    path = "/api/support/mailboxes",
    operation_id = "create_mailbox",
    tag = "Mail",
    request_body = MailboxBody,
    responses((status = 201, description = "The mailbox.", body = view::Mailbox<'static>))
)]
pub async fn create(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let address = fields.required("address", |f| f.address("address"));
    let wanted = MailboxRequest { address, ..read(&mut fields) };
    fields.finish()?;
    let show = shown(terms.dry_run, StatusCode::CREATED);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.create_mailbox(wanted, caller, ending).await?))
}

/// Change a mailbox.
///
/// Its address stays: it stands in mails that people answer years later. Open another one, and close this.
#[utoipa::path(
    patch,
    path = "/api/support/mailboxes/{id}",
    operation_id = "change_mailbox",
    tag = "Mail",
    params(("id" = Uuid, Path, description = "The mailbox's id.")),
    request_body(content = MailboxBody, example = json!({"from_name": "Shop"})),
    responses((status = 200, description = "The mailbox.", body = view::Mailbox<'static>))
)]
pub async fn change(
    State(api): State<Api>,
    who: Who,
    Path(mailbox): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let mailbox = id(&mailbox, "mailbox")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.absent(&["address"], "stays what it is: open another mailbox, and close this one");
    fields.not_null(&["receive", "default_category", "is_active"]);
    let wanted = read(&mut fields);
    fields.finish()?;
    let show = shown(dry_run, StatusCode::OK);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_mailbox(mailbox, wanted, version, caller, ending).await?))
}

/// Close a mailbox.
///
/// Mail to it is refused; its tickets stay, and are answered from the first mailbox that is open. The last open one stays
/// open: 409.
#[utoipa::path(
    delete,
    path = "/api/support/mailboxes/{id}",
    operation_id = "deactivate_mailbox",
    tag = "Mail",
    params(("id" = Uuid, Path, description = "The mailbox's id.")),
    responses((status = 204, description = "It takes no more mail."))
)]
pub async fn deactivate(
    State(api): State<Api>,
    who: Who,
    Path(mailbox): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let mailbox = id(&mailbox, "mailbox")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |_: &Mailbox| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    let wanted = MailboxRequest { is_active: Some(false), ..MailboxRequest::default() };
    Ok(writing::send(api.desk.change_mailbox(mailbox, wanted, version, caller, ending).await?))
}

/// Check a mailbox.
///
/// Whether mail reaches it and whether others will believe mail from it: the listener, MX, SPF, DKIM and DMARC of its
/// domain, the way out, and a relay that would bring mail straight back. Nothing is sent. What fails is kept as
/// `last_error`.
#[utoipa::path(
    post,
    path = "/api/support/mailboxes/{id}/check",
    operation_id = "check_mailbox",
    tag = "Mail",
    params(("id" = Uuid, Path, description = "The mailbox's id.")),
    responses((status = 200, description = "What was found.", body = view::MailboxCheck))
)]
pub async fn check(
    State(api): State<Api>,
    who: Who,
    Path(mailbox): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::Admin)?;
    let mailbox = id(&mailbox, "mailbox")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    extract::nothing(request.into_body(), api.body_timeout()).await?;
    let mailbox = api.desk.mailbox(mailbox).await?;
    let found = findings(&api, &mailbox).await;
    let checked = view::MailboxCheck::of(&found);
    if !dry_run {
        let error = (!checked.ok).then_some(checked.detail.as_str());
        api.desk.note_mailbox_check(mailbox.id, error).await?;
    }
    Ok(answer::json(&checked))
}

/// Everything there is to say of a mailbox, the worst first.
async fn findings(api: &Api, mailbox: &Mailbox) -> Vec<Finding> {
    let config = api.desk.config();
    let mut found = vec![way_in(config, mailbox), way_out(config, api.desk.outbox_trouble()), loops(config)];
    let domain = mailbox.address.rsplit_once('@').and_then(|(_, domain)| ascii_domain(domain));
    match (domain, Resolver::from_config(&config.dns)) {
        (Some(domain), Ok(resolver)) => {
            let keys: Vec<_> = config.dkim.iter().filter_map(|key| SigningKey::load(key).ok()).collect();
            found.extend(examine(&resolver, &domain, &keys).await);
        }
        (None, _) => found.push(Finding::new("mx", Weight::Broken, "the address has no domain of the DNS")),
        (_, Err(error)) => found.push(unasked(&error)),
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    found
}

fn unasked(error: &LookupError) -> Finding {
    Finding::new("mx", Weight::Doubtful, format!("the DNS was not asked: {error}"))
}

/// Whether mail to it would be taken.
fn way_in(config: &Config, mailbox: &Mailbox) -> Finding {
    let smtp = &config.smtp;
    let open = match mailbox.receive.as_str() {
        "api" => config.http.enabled,
        "lmtp" => smtp.enabled && !smtp.lmtp_listen.is_empty(),
        _ => smtp.enabled && !(smtp.listen.is_empty() && smtp.listen_tls.is_empty()),
    };
    let (weight, detail) = match (mailbox.is_active, open) {
        (false, _) => (Weight::Broken, format!("{} is closed: mail to it is refused", mailbox.address)),
        (true, false) => (Weight::Broken, format!("no {} door is open on this node", mailbox.receive)),
        (true, true) => (Weight::Fine, format!("the {} door is open", mailbox.receive)),
    };
    Finding::new("receive", weight, detail)
}

/// Whether mail leaves; `trouble` is what the outbox says of its relays.
fn way_out(config: &Config, trouble: Option<String>) -> Finding {
    let (weight, detail) = match (config.outbox.enabled, config.outbox.transport, trouble) {
        (false, ..) => (Weight::Doubtful, "no mail leaves by this node: outbox.enabled = false".into()),
        (true, _, Some(trouble)) => (Weight::Broken, format!("mail can't leave: {trouble}")),
        (true, TransportKind::Capture, None) => {
            (Weight::Doubtful, "mail is kept and not sent: outbox.transport = \"capture\"".into())
        }
        (true, _, None) => (Weight::Fine, "no trouble with mail that leaves".into()),
    };
    Finding::new("outbox", weight, detail)
}

/// Whether a relay is our own door: all mail would come straight back.
fn loops(config: &Config) -> Finding {
    let ours = |host: &str, port: u16| {
        let listens = config.smtp.listen.iter().chain(&config.smtp.listen_tls);
        let here = host.eq_ignore_ascii_case(&config.smtp.hostname)
            || host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| {
                address.is_loopback() || config.smtp.listen.iter().any(|own| own.ip() == address)
            });
        config.smtp.enabled && here && listens.into_iter().any(|own| own.port() == port)
    };
    match config.outbox.relays_in_order().find(|(_, relay)| ours(&relay.host, relay.port)) {
        Some((_, relay)) => {
            let detail = format!("the relay {}:{} is this desk's own door", relay.host, relay.port);
            Finding::new("loop", Weight::Broken, detail)
        }
        None => Finding::new("loop", Weight::Fine, "no relay leads back here"),
    }
}

impl view::MailboxCheck {
    fn of(found: &[Finding]) -> Self {
        let details: Vec<_> = found.iter().map(|finding| finding.detail.as_str()).collect();
        let checks = found.iter().map(|finding| view::MailboxFinding {
            name: finding.name,
            state: match finding.weight {
                Weight::Fine => "ok",
                Weight::Doubtful => "warning",
                Weight::Broken => "failed",
            },
            detail: finding.detail.clone(),
        });
        Self {
            ok: found.iter().all(|finding| finding.weight != Weight::Broken),
            detail: details.join("; "),
            checks: checks.collect(),
        }
    }
}

fn read(f: &mut Fields) -> MailboxRequest {
    let way = |word: &str| WAYS.iter().find(|way| way.eq_ignore_ascii_case(word));
    MailboxRequest {
        address: None,
        from_name: personal::line(f, "from_name", 120),
        signature: personal::text(f, "signature"),
        receive: f.word("receive", way, WAYS.to_vec()).map(|way| (*way).to_owned()),
        default_category: f.word("default_category", Category::from_input, words(Category::ALL)),
        team_id: f.clearable_uuid("team_id"),
        store_id: personal::line(f, "store_id", 128),
        locale: personal::locale(f),
        is_active: f.flag("is_active"),
    }
}

fn shown(dry_run: bool, status: StatusCode) -> impl Fn(&Mailbox) -> StoredAnswer + Sync {
    move |mailbox: &Mailbox| {
        let location = format!("{BASE}/mailboxes/{}", mailbox.id);
        let new: &[_] = if status == StatusCode::CREATED { &["/id"] } else { &[] };
        writing::shown(status, location, view::Mailbox::of(mailbox), dry_run, new)
    }
}
