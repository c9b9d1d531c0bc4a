//! Tickets of anybody, from a contact form (API.md §4.1). Off by default. What keeps robots out comes in the order of its
//! price: limits, the field that only robots fill, the puzzle, the captcha.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::attachments::Form;
use super::new_ticket::{self, Client};
use crate::desk::{self, Ending, TicketRequest, TicketWritten};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, captcha, view};

/// Where ALTCHA's widget puts its solution.
const PUZZLE_FIELD: &str = "altcha";

/// What a form says besides its ticket.
struct Proofs {
    /// Only robots fill this in.
    bait: bool,
    puzzle: Option<String>,
    captcha: Option<String>,
}

/// A puzzle for a contact form.
///
/// In ALTCHA's format, for its widget or a few lines of script: the number that was hashed with the salt is to be found,
/// and sent along as the form's `altcha`. Asked for when `intake.proof_of_work` is on. It works once, within the hour.
#[utoipa::path(
    get,
    path = "/api/support/tickets/challenge",
    operation_id = "get_ticket_challenge",
    tag = "Tickets",
    security(()),
    responses(
        (status = 200, description = "A puzzle", body = view::Puzzle),
        (status = 403, description = "Tickets can't be opened without a token here")
    )
)]
pub async fn challenge(State(api): State<Api>) -> Result<Response, Problem> {
    refuse_when_closed(&api)?;
    let puzzle = api.desk.set_puzzle();
    let body = serde_json::to_string(&view::Puzzle::of(&puzzle)).expect("a puzzle is JSON");
    let mut response = answer::with_status(StatusCode::OK, body);
    response.headers_mut().insert("cache-control", axum::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Takes the form of somebody without a token.
///
/// # Errors
/// 403 `intake_closed`; 429; 422; 503 when the captcha can't be checked.
pub async fn open(api: &Api, terms: Terms, request: Request) -> Result<Response, Problem> {
    refuse_when_closed(api)?;
    let client = Client::of(&request);
    let mut form = Form::of_ticket(request, api).await?;
    let key = terms.key(&form.digested);
    if let Some(key) = &key
        && let Some(answered) = api.desk.earlier_answer(key).await?
    {
        return Ok(writing::send(answered));
    }
    let proofs = Proofs::take(api, &mut form);
    let mut wanted = new_ticket::read(form, None, &client)?;
    api.limits.anonymous(client.ip, None).await?;
    let settings = &api.desk.config().intake;
    if proofs.bait {
        tracing::info!(client = ?client.ip, "a form that only a robot fills in: thrown away");
        return pretend(api, wanted, terms.dry_run).await;
    }
    if settings.proof_of_work {
        let solution = proofs.puzzle.as_deref().unwrap_or_default();
        wanted.puzzle = Some(api.desk.check_solution(solution)?);
    }
    if let Some(settings) = settings.captcha.as_ref().filter(|_| !terms.dry_run) {
        captcha::check(settings, proofs.captcha.as_deref(), client.ip).await?;
    }
    let dry_run = terms.dry_run;
    // Last, so that nobody uses up the tickets of an address that is not theirs without a proof each.
    let counted = wanted.customer_email.as_deref().filter(|_| !dry_run);
    api.limits.anonymous(None, counted).await?;
    if settings.require_confirmation {
        let ending = Ending { key, dry_run, show: &|()| verification_sent(dry_run) };
        return Ok(writing::send(api.desk.ask_to_confirm(wanted, ending).await?));
    }
    let show = |written: &TicketWritten| receipt(written, dry_run);
    Ok(writing::send(api.desk.create_ticket(wanted, None, Ending { key, dry_run, show: &show }).await?))
}

/// Answers as if the ticket were opened; nothing is kept.
async fn pretend(api: &Api, wanted: TicketRequest, dry_run: bool) -> Result<Response, Problem> {
    if api.desk.config().intake.require_confirmation {
        let answer = verification_sent(dry_run);
        return Ok(writing::send(desk::Answered { answer, replayed: false }));
    }
    let show = |written: &TicketWritten| receipt(written, dry_run);
    let ending = Ending { key: None, dry_run: true, show: &show };
    Ok(writing::send(api.desk.create_ticket(wanted, None, ending).await?))
}

fn verification_sent(dry_run: bool) -> desk::StoredAnswer {
    writing::shown(StatusCode::ACCEPTED, String::new(), view::VerificationSent::default(), dry_run, &[])
}

/// Nothing of it is news to the caller: who has an account here, and who was told, is not theirs to know.
fn receipt(written: &TicketWritten, dry_run: bool) -> desk::StoredAnswer {
    let location = format!("{BASE}/tickets/{}", written.view.ticket.id);
    let receipt = view::TicketReceipt::of(&written.view);
    writing::shown(StatusCode::CREATED, location, receipt, dry_run, &["/id", "/number", "/mail_subject"])
}

fn refuse_when_closed(api: &Api) -> Result<(), Problem> {
    if api.desk.config().intake.public {
        return Ok(());
    }
    Err(Problem::new("intake_closed", "send a token, or have intake.public switched on"))
}

impl Proofs {
    /// Takes them out of the form, so that they are no unknown members.
    fn take(api: &Api, form: &mut Form) -> Self {
        let settings = &api.desk.config().intake;
        let mut pull = |name: Option<&str>| form.fields.as_mut().and_then(|fields| fields.pull(name?));
        let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        let bait = pull(settings.honeypot_field.as_deref());
        Self {
            bait: bait.is_some_and(|value| !matches!(value, Value::Null) && value != ""),
            puzzle: text(pull(Some(PUZZLE_FIELD))),
            captcha: text(pull(settings.captcha.as_ref().map(|captcha| captcha.field.as_str()))),
        }
    }
}
