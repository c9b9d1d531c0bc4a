use super::*;

const ENTRY: Uuid = Uuid::from_u128(0x0199_8f2e_7a10_7c3b_9d4e_0011_2233_4455);

fn ring(secrets: &[&str]) -> KeyRing {
    KeyRing::new(secrets).unwrap()
}

fn ticket() -> TicketNumber {
    TicketNumber::parse("TKT-2026-K7Q4ZP").unwrap()
}

fn valid(reading: TokenReading) -> ReplyToken {
    match reading {
        TokenReading::Valid(token) => token,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ring_needs_secrets() {
    assert_eq!(KeyRing::new::<&str>(&[]).unwrap_err(), NoSecret);
    assert_eq!(KeyRing::new(&["good", ""]).unwrap_err(), NoSecret);
    assert!(!format!("{:?}", ring(&["hush-hush"])).contains("hush"));
}

#[test]
fn a_reply_token_names_ticket_and_recipient_in_any_case() {
    let ring = ring(&["first"]);
    for number in ["TKT-2026-K7Q4ZP", "TKT-0001-000000", "TKT-9999-ZZZZZZ"] {
        let ticket = TicketNumber::parse(number).unwrap();
        let token = ring.reply_token(&ticket, "Jo@Example.org");
        assert_eq!(token.len(), REPLY_LEN);
        for written in [token.clone(), token.to_uppercase()] {
            let read = valid(ring.read_reply(&written));
            assert_eq!(read.ticket, ticket);
            assert!(read.was_sent_to(&ring, " jo@example.ORG"));
            assert!(!read.was_sent_to(&ring, "joe@example.org"));
        }
    }
}

#[test]
fn a_note_token_leads_to_the_same_ticket_and_stays_internal() {
    let ring = ring(&["first"]);
    let (note, reply) = (ring.note_token(&ticket(), "a@b.c"), ring.reply_token(&ticket(), "a@b.c"));
    assert_eq!(note.len(), reply.len());
    let (note, reply) = (valid(ring.read_reply(&note)), valid(ring.read_reply(&reply)));
    assert_eq!((note.internal, reply.internal), (true, false));
    assert_eq!(note.ticket, reply.ticket);
    assert!(note.was_sent_to(&ring, "a@b.c"));
}

#[test]
fn a_link_says_what_it_does_and_to_what() {
    let ring = ring(&["first"]);
    for kind in LinkKind::ALL {
        let token = ring.link_token(kind, ENTRY);
        assert_eq!(ring.read_link(&token), Some((kind, ENTRY)));
        assert_eq!(ring.read_link(&token.to_uppercase()), Some((kind, ENTRY)));
        for at in 0..token.len() {
            let changed = if token.as_bytes()[at] == b'7' { "8" } else { "7" };
            let mut forged = token.clone();
            forged.replace_range(at..=at, changed);
            assert_eq!(ring.read_link(&forged), None, "{forged}");
        }
        for other in LinkKind::ALL.into_iter().filter(|other| *other != kind) {
            let forged = format!("{}{}{}", &token[..1], other.letter(), &token[2..]);
            assert_eq!(ring.read_link(&forged), None, "{kind:?} passes for {other:?}");
        }
    }
    assert_eq!(ring.read_link(&ring.bounce_token(ENTRY)), None);
    assert_eq!(ring.read_link(""), None);
}

#[test]
fn every_changed_character_is_a_forgery() {
    let ring = ring(&["first"]);
    let token = ring.reply_token(&ticket(), "jo@example.org");
    for at in 0..token.len() {
        let changed = if token.as_bytes()[at] == b'7' { "8" } else { "7" };
        let mut forged = token.clone();
        forged.replace_range(at..=at, changed);
        assert_eq!(ring.read_reply(&forged), TokenReading::Forged, "{forged}");
    }
    for other in ["", "newsletter", &token[1..], &format!("{token}0"), &token.replace(&token[0..1], "u"), "ü"]
    {
        assert_eq!(ring.read_reply(other), TokenReading::NotAToken, "{other}");
    }
}

#[test]
fn keys_rotate() {
    let old = ring(&["old"]);
    let token = old.reply_token(&ticket(), "jo@example.org");
    let bounce = old.bounce_token(ENTRY);
    for secrets in [&["new", "old"][..], &["old", "new"], &["newest", "new", "old"]] {
        let rotated = ring(secrets);
        let read = valid(rotated.read_reply(&token));
        assert!(read.was_sent_to(&rotated, "jo@example.org"));
        assert_eq!(rotated.read_bounce(&bounce), Some(ENTRY));
    }
    assert_ne!(ring(&["new", "old"]).reply_token(&ticket(), "jo@example.org"), token);
    assert_eq!(ring(&["new"]).read_reply(&token), TokenReading::Forged);
    assert_eq!(ring(&["new"]).read_bounce(&bounce), None);
}

#[test]
fn keys_that_share_an_id_both_verify() {
    let first = Key::new("secret 0");
    let twin = (1..).map(|n| format!("secret {n}")).find(|s| Key::new(s).id == first.id).unwrap();
    let token = ring(&["secret 0"]).reply_token(&ticket(), "jo@example.org");
    let both = ring(&[&twin, "secret 0"]);
    assert!(valid(both.read_reply(&token)).was_sent_to(&both, "jo@example.org"));
}

#[test]
fn a_bounce_token_names_its_entry_and_fits_a_local_part() {
    let ring = ring(&["first"]);
    let token = ring.bounce_token(ENTRY);
    assert!("bounce+".len() + token.len() <= 64);
    assert_eq!(ring.read_bounce(&token), Some(ENTRY));
    assert_eq!(ring.read_bounce(&token.to_uppercase()), Some(ENTRY));
    for at in 0..token.len() {
        let changed = if token.as_bytes()[at] == b'7' { "8" } else { "7" };
        let mut forged = token.clone();
        forged.replace_range(at..=at, changed);
        assert_eq!(ring.read_bounce(&forged), None, "{forged}");
    }
}

#[test]
fn our_message_ids_place_an_answer() {
    let ring = ring(&["first"]);
    let id = ring.message_id(&ticket(), "jo@example.org", ENTRY, "desk.example");
    let thread = ring.thread_id(&ticket(), "jo@example.org", "desk.example");
    assert!(id.as_str().split_once('@').unwrap().0.len() <= 64);
    let read = ring.read_message_id(&id).unwrap();
    assert_eq!((read.token.ticket.clone(), read.entry), (ticket(), Some(ENTRY)));
    assert!(read.token.was_sent_to(&ring, "jo@example.org"));
    assert_eq!(ring.read_message_id(&thread).unwrap().entry, None);
    for foreign in ["abc@desk.example", "no-at-sign", &id.as_str().replacen(&id.as_str()[..1], "u", 1), "@"] {
        assert_eq!(ring.read_message_id(&MessageId::new(foreign).unwrap()), None, "{foreign}");
    }
}

#[test]
fn no_kind_of_token_passes_for_another() {
    let key = Key::new("first");
    let part = ["0123"];
    let macs = [REPLY_LABEL, RECIPIENT_LABEL, BOUNCE_LABEL].map(|label| key.sign(label, &part));
    assert!(macs[0] != macs[1] && macs[1] != macs[2] && macs[0] != macs[2]);
}
