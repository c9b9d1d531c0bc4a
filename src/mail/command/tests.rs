use super::*;

fn command(text: &str) -> Result<Command, Refused> {
    let read = read(text);
    assert_eq!(read.lines.len(), 1, "{text:?}");
    read.lines.into_iter().next().unwrap().command
}

#[test]
fn every_command_is_read() {
    let tags = |add: &[&str], remove: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|tag| (*tag).to_owned()).collect();
        Command::Tag(TagChange { add: owned(add), remove: owned(remove) })
    };
    let cc = |list: &[&str]| Command::Cc(list.iter().map(|a| (*a).to_owned()).collect());
    for (text, want) in [
        ("#note", Command::Note),
        ("#open", Command::Status(Status::Open)),
        ("#wait", Command::Status(Status::WaitingCustomer)),
        ("#hold", Command::Status(Status::WaitingThirdParty)),
        ("#Resolve", Command::Status(Status::Resolved)),
        ("#CLOSE ", Command::Status(Status::Closed)),
        ("#assign Ada Lovelace", Command::Assign(Assignee::Named("Ada Lovelace".into()))),
        ("#assign @ada", Command::Assign(Assignee::Named("ada".into()))),
        ("#assign Me", Command::Assign(Assignee::Me)),
        ("#assign none", Command::Assign(Assignee::Nobody)),
        ("#priority high", Command::Priority(Priority::High)),
        ("#priority Critical", Command::Priority(Priority::Urgent)),
        ("#category return-refund", Command::Category(Category::ReturnRefund)),
        ("#category other", Command::Category(Category::General)),
        ("#tag vip", tags(&["vip"], &[])),
        ("#tag vip, -wait,big order,-#old", tags(&["vip", "big order"], &["wait", "old"])),
        ("#cc Sam@X.org", cc(&["sam@x.org"])),
        ("#cc sam@x.org, Ida <ida@x.org>; bo@x.org", cc(&["sam@x.org", "ida@x.org", "bo@x.org"])),
        ("#template refund started", Command::Template("refund started".into())),
        ("#snooze 2d", Command::Snooze(48 * HOUR_MS)),
        ("#snooze 3 hours", Command::Snooze(3 * HOUR_MS)),
        ("#snooze 30m", Command::Snooze(30 * MINUTE_MS)),
        ("#snooze 1W", Command::Snooze(168 * HOUR_MS)),
        ("#merge tkt-2026-k7q4zp", Command::Merge(TicketNumber::parse("TKT-2026-K7Q4ZP").unwrap())),
        ("#spam", Command::Spam),
        ("#help", Command::Help),
        ("#send", Command::Send),
    ] {
        assert_eq!(command(text), Ok(want), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_may_be_meant() {
    use CommandRefusal::*;
    for (text, why, near) in [
        ("#reslove", Unknown, vec!["#resolve"]),
        ("#resolved", Unknown, vec!["#resolve"]),
        ("#assing ada", Unknown, vec!["#assign"]),
        ("#frobnicate", Unknown, vec![]),
        ("#résolve", Unknown, vec!["#resolve"]),
        ("#resolve Thanks!", TakesNoValue, vec![]),
        ("#assign", MissingValue, vec![]),
        ("#merge  ", MissingValue, vec![]),
        ("#priority asap", BadValue, vec!["low", "medium", "high", "urgent"]),
        ("#category shiping", BadValue, vec!["shipping"]),
        ("#tag a,,b", BadValue, vec![]),
        ("#tag -", BadValue, vec![]),
        ("#cc sam", BadValue, vec![]),
        ("#cc sam@x.org jo@y.org", BadValue, vec![]),
        ("#cc ;", BadValue, vec![]),
        ("#snooze tomorrow", BadValue, vec![]),
        ("#snooze 2", BadValue, vec![]),
        ("#snooze 0d", BadValue, vec![]),
        ("#snooze 53w", BadValue, vec![]),
        ("#snooze 99999999999999999999d", BadValue, vec![]),
        ("#snooze 9000000000000000000w", BadValue, vec![]),
        ("#merge 17", BadValue, vec![]),
    ] {
        let refused = command(text).unwrap_err();
        assert_eq!(
            (refused.why, refused.near),
            (why, near.into_iter().map(str::to_owned).collect()),
            "{text}"
        );
    }
    let many = read(&format!("#tag {}", "x".repeat(65)));
    assert!(many.is_refused());
}

#[test]
fn commands_end_where_the_text_begins() {
    for (body, lines, text) in [
        ("#resolve\nDone.\n", vec!["#resolve"], "Done.\n"),
        ("\n#resolve\n\n#tag a\n\n\nDone.\n#close", vec!["#resolve", "#tag a"], "Done.\n#close"),
        ("Hello\n#resolve", vec![], "Hello\n#resolve"),
        ("#resolve", vec!["#resolve"], ""),
        ("##resolve is a command", vec![], "#resolve is a command"),
        ("#note\n##1 of them", vec!["#note"], "#1 of them"),
        ("##\nx", vec![], "#\nx"),
        ("# Heading\nx", vec![], "# Heading\nx"),
        ("#1 is yours", vec![], "#1 is yours"),
        ("> #resolve\n#close", vec![], "> #resolve\n#close"),
        ("#", vec![], "#"),
        ("", vec![], ""),
        ("\u{200b}#resolve\u{a0}\r\n\u{feff}\nDone.", vec!["#resolve"], "Done."),
        ("*#resolve*\nDone.", vec!["#resolve"], "Done."),
        ("＃resolve\nDone.", vec!["#resolve"], "Done."),
        ("#resolve<https://x.example/resolve>\nDone.", vec!["#resolve"], "Done."),
        ("#cc sam@x.org<mailto:sam@x.org>\n", vec!["#cc sam@x.org"], ""),
    ] {
        let read = read(body);
        let written: Vec<_> = read.lines.iter().map(|line| line.written.as_str()).collect();
        assert_eq!((written, read.text.as_str()), (lines, text), "{body:?}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (body, refused) in [
        ("#open\n#close", vec![false, true]),
        ("#note\n#note", vec![false, true]),
        ("#tag a\n#tag b\n#cc a@b.c\n#cc d@e.f", vec![false; 4]),
        ("#merge TKT-2026-K7Q4ZP\n#resolve", vec![false, true]),
        ("#resolve\n#merge TKT-2026-K7Q4ZP", vec![true, false]),
        ("#note\n#send", vec![false, true]),
        ("#assign me\n#assign none", vec![false, true]),
    ] {
        let lines = read(body).lines;
        assert_eq!(lines.iter().map(|line| line.command.is_err()).collect::<Vec<_>>(), refused, "{body:?}");
    }
}

#[test]
fn the_html_loses_the_same_lines() {
    for (body, html, want) in [
        ("#resolve\nDone.", "<p>#resolve</p><p>Done.</p>", Some("<p>Done.</p>")),
        ("#resolve\n\nDone.", "<div>#resolve<br><br>Done.</div>", Some("<div>Done.</div>")),
        (
            "#resolve\nDone.",
            "<div><a href=\"x\">#resolve</a></div><div>\u{a0}</div><div>Done.</div>",
            Some("<div>Done.</div>"),
        ),
        ("#resolve", "<p>#resolve</p>", Some("")),
        ("##1 of them", "<p>##1 of them</p>", Some("<p>#1 of them</p>")),
        ("#resolve\nDone.", "<p>Done.</p>", None),
        ("#resolve\nDone.", "<p>Hello</p><p>#resolve</p>", None),
        ("#resolve\n#tag a\nDone.", "<p>#resolve #tag a</p><p>Done.</p>", None),
        ("Done.", "<p>Done.</p>", Some("<p>Done.</p>")),
    ] {
        let got = read(body).html(html);
        assert_eq!(got.as_deref().map(str::trim), want, "{body:?}");
    }
}
