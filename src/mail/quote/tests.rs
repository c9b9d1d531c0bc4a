//! Mails as the clients of the world send them, and what their writers newly wrote.

use super::{NewText, new_html, split};
use proptest::prelude::*;

/// A mail of `own` with history under `intro`: only `own` is new.
fn assert_cut_below(intro: &str, history: &str) {
    let own = "Vielen Dank, das hat geholfen.";
    for gap in ["\n\n", "\n"] {
        let cut = split(&format!("{own}{gap}{intro}\n{history}\n"), None);
        assert_eq!(cut.body, own, "under {intro:?}");
        assert!(cut.quoted.contains(history), "kept under {intro:?}");
    }
}

#[test]
fn attributions_in_many_languages() {
    for intro in [
        "On Tue, Mar 3, 2026 at 9:41 AM Jo Doe <jo@shop.example> wrote:",
        "On Tue, Mar 3, 2026 at 9:41 AM Jo Doe <\njo@shop.example> wrote:",
        "On 3 Mar 2026, at 09:41, Jo Doe <jo@shop.example> wrote:",
        "On Tuesday, March 3rd, 2026 at 9:41 AM, Jo Doe <jo@shop.example> wrote:",
        "Am Di., 3. März 2026 um 09:41 Uhr schrieb Jo Doe <jo@shop.example>:",
        "Am 03.03.2026 um 09:41 schrieb Jo Doe:",
        "Jo Doe <jo@shop.example> schrieb am Di., 3. März 2026, 09:41:",
        "Gesendet: Dienstag, 03. März 2026 um 09:41 Uhr\nVon: \"Jo Doe\" <jo@shop.example>\nAn: kim@example.org\nBetreff: Re: Frage",
        "Le mar. 3 mars 2026 à 09:41, Jo Doe <jo@shop.example> a écrit :",
        "Le mar. 3 mars 2026 à 09:41, Jo Doe <jo@shop.example>\na écrit :",
        "El mar, 3 mar 2026 a las 9:41, Jo Doe (<jo@shop.example>) escribió:",
        "Em ter., 3 de mar. de 2026 às 09:41, Jo Doe <jo@shop.example> escreveu:",
        "Il giorno mar 3 mar 2026 alle ore 09:41 Jo Doe <jo@shop.example> ha scritto:",
        "Op di 3 mrt 2026 om 09:41 schreef Jo Doe <jo@shop.example>:",
        "Den tis 3 mars 2026 kl 09:41 skrev Jo Doe <jo@shop.example>:",
        "tir. 3. mar. 2026 kl. 09:41 skrev Jo Doe <jo@shop.example>:",
        "Den tirs. 3. mar. 2026 kl. 09.41 skrev Jo Doe <jo@shop.example>:",
        "ti 3. maalisk. 2026 klo 9.41 Jo Doe (jo@shop.example) kirjoitti:",
        "wt., 3 mar 2026 o 09:41 Jo Doe <jo@shop.example> napisał(a):",
        "út 3. 3. 2026 v 9:41 odesílatel Jo Doe <jo@shop.example> napsal:",
        "ut 3. 3. 2026 o 9:41 Jo Doe <jo@shop.example> napísal(a):",
        "Jo Doe <jo@shop.example> ezt írta (időpont: 2026. márc. 3., K, 9:41):",
        "În mar., 3 mar. 2026 la 09:41, Jo Doe <jo@shop.example> a scris:",
        "вт, 3 мар. 2026 г. в 09:41, Jo Doe <jo@shop.example>:",
        "03.03.2026 09:41, Jo Doe пишет:",
        "вт, 3 бер. 2026 р. о 09:41 Jo Doe <jo@shop.example> пише:",
        "На вт, 3.03.2026 г. в 9:41 Jo Doe <jo@shop.example> написа:",
        "Στις Τρί 3 Μαρ 2026 στις 9:41 π.μ., ο χρήστης Jo Doe <jo@shop.example> έγραψε:",
        "Jo Doe <jo@shop.example>, 3 Mar 2026 Sal, 09:41 tarihinde şunu yazdı:",
        "uto, 3. ožu 2026. u 09:41 Jo Doe <jo@shop.example> napisao je:",
        "V V tor., 3. mar. 2026 ob 09:41 je oseba Jo Doe <jo@shop.example> napisala:",
        "Kontakt Jo Doe (<jo@shop.example>) kirjutas kuupäeval T, 3. märts 2026 kell 09:41:",
        "2026-03-03, an, 09:41 Jo Doe <jo@shop.example> rašė:",
        "otrd., 2026. g. 3. marts, plkst. 09:41 — lietotājs Jo Doe (<jo@shop.example>) rakstīja:",
        "Vào Th 3, 3 thg 3, 2026 vào lúc 09:41 Jo Doe <jo@shop.example> đã viết:",
        "Pada tanggal Sel, 3 Mar 2026 pukul 09.41 Jo Doe <jo@shop.example> menulis:",
        "เมื่อ อ. 3 มี.ค. 2026 เวลา 09:41 Jo Doe <jo@shop.example> เขียนว่า:",
        "2026年3月3日(火) 9:41 Jo Doe <jo@shop.example>:",
        "2026/03/03 9:41、Jo Doe <jo@shop.example>のメール:",
        "Jo Doe <jo@shop.example> 于2026年3月3日周二 09:41写道：",
        "在 2026-03-03 09:41:00，Jo Doe <jo@shop.example> 写道：",
        "2026년 3월 3일 (화) 오전 9:41, Jo Doe <jo@shop.example>님이 작성:",
        "\u{200e}في الثلاثاء، 3 مارس 2026 في 9:41 ص تمت كتابة ما يلي بواسطة \u{202a}Jo Doe\u{202c}\u{200f} <\u{200e}jo@shop.example\u{200f}>:",
        "\u{200f}בתאריך יום ג׳, 3 במרץ 2026 ב-9:41 מאת \u{200f}Jo Doe\u{200f} <\u{200e}jo@shop.example\u{200e}>:\u{200f}",
        "El dt., 3 de març 2026 a les 9:41, Jo Doe <jo@shop.example> va escriure:",
        "---- On Tue, 03 Mar 2026 09:41:00 +0100 Jo Doe <jo@shop.example> wrote ----",
        "--- On Tue, 3/3/26, Jo Doe <jo@shop.example> wrote:",
        "At 09:41 AM 3/3/2026, Jo Doe wrote:",
        "Jo Doe/ACME wrote on 03/03/2026 09:41:00 AM:",
        "2026-03-03 9:41 GMT+01:00 Jo Doe <jo@shop.example>:",
        "Op 3 mrt. 2026, om 09:41 heeft Jo Doe <jo@shop.example> het volgende geschreven:",
        "------On 3/3/2026 9:41 AM, Jo Doe wrote-----",
        "W dniu 3 marca 2026 09:41 użytkownik Jo Doe <jo@shop.example>\nnapisał:",
        "Wiadomość napisana przez Jo Doe <jo@shop.example> w dniu 3 mar 2026, o godz. 09:41:",
        "On Mar 3, 2026, at 9:41 AM, Jo Doe <\njo.with.a.very.long.address\n@shop.example>wrote:",
        "On Tue, 3 Mar 2026 09:41:00 +0100\nJo Doe <jo@shop.example> wrote:",
        "Jo Doe 於 2026/3/3 上午 9:41 寫道:",
        "(2026/03/03 9:41), Jo Doe wrote:",
        "2026. 3. 3. 오전 9:41에 Jo Doe 이(가) 쓴 글:",
        "2026. 03. 03. 9:41 keltezéssel, Jo Doe írta:",
        "Dne 3. 3. 2026 v 9:41 Jo Doe napsal(a):",
        "Dne 3. března 2026, v 09:41, Jo Doe <jo@shop.example>:",
        "No dia 03/03/2026, às 09:41, Jo Doe <jo@shop.example> escreveu:",
        "Jo Doe <jo@shop.example> kirjoitti 3.3.2026 kello 9.41:",
        "Jo Doe <jo@shop.example> şunları yazdı (3 Mar 2026 09:41):",
        "3 марта 2026 г., в 09:41, Jo Doe <jo@shop.example> написал(а):",
        "On Tue, 3 Mar 2026 at 09:41 Jo Doe\n\n<\nmailto:Jo Doe <jo@shop.example>\n> wrote:",
        "In a message dated 3/3/2026 9:41:00 A.M. Eastern Standard Time, jo@shop.example writes:",
        "Jo Doe kirjoitti 3.3.2026 klo 9.41:",
        "Jo Doe napisał(a) w dniu 03.03.2026 09:41:",
        "Missatge de Jo Doe <jo@shop.example> del dia dt., 3 de març 2026 a les 9:41:",
        "O mar, 3 mar 2026 ás 09:41, Jo Doe (<jo@shop.example>) escribiu:",
        "уто, 3. мар 2026. у 09:41 Jo Doe <jo@shop.example> је написао/ла:",
        "Noong Mar, 3 Mar 2026 nang 9:41 AM, isinulat ni Jo Doe <jo@shop.example> ang:",
        "मंगल, 3 मार्च 2026 को 9:41 am बजे को Jo Doe <jo@shop.example> ने लिखा:",
    ] {
        assert_cut_below(intro, "Wie geht es?");
        assert_cut_below(intro, "> Wie geht es?\n> Gut?");
    }
}

#[test]
fn announcements_and_header_blocks() {
    for intro in [
        "-----Original Message-----\nFrom: Jo",
        "-----Ursprüngliche Nachricht-----\nVon: Jo",
        "-------- Message d'origine --------",
        "-----Mensaje original-----",
        "-----Messaggio originale-----",
        "-----Oorspronkelijk bericht-----",
        "-----Mensagem original-----",
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
        "-----Исходное сообщение-----",
        "----- Reply message -----",
        "----- Forwarded message from Jo Doe <jo@shop.example> -----",
        "-----原始邮件-----",
        "---- Replied Message ----\n| From | Jo<jo@shop.example> |\n| Date | 03/03/2026 09:41 |",
        "---- 回复的原邮件 ----",
        "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐",
        "________________________________\nFrom: Jo Doe <jo@shop.example>\nSent: Tuesday, March 3, 2026 9:41 AM\nTo: Kim\nSubject: Hi",
        "From: Jo Doe [mailto:jo@shop.example]\nSent: Tuesday\nTo: Kim\nSubject: Hi",
        "*From:* Jo Doe <jo@shop.example>\n*Sent:* Tuesday\n*To:* Kim\n*Subject:* Hi",
        "Von: Jo Doe <jo@shop.example>\nGesendet: Dienstag, 3. März 2026 09:41\nAn: Kim\nBetreff: Hallo",
        "De : Jo Doe <jo@shop.example>\nEnvoyé : mardi 3 mars 2026 09:41\nÀ : Kim\nObjet : Salut",
        "De: Jo Doe <jo@shop.example>\nEnviado el: martes, 3 de marzo de 2026 9:41\nPara: Kim\nAsunto: Hola",
        "Da: Jo Doe <jo@shop.example>\nInviato: martedì 3 marzo 2026 09:41\nA: Kim\nOggetto: Ciao",
        "Van: Jo Doe <jo@shop.example>\nVerzonden: dinsdag 3 maart 2026 09:41\nAan: Kim\nOnderwerp: Hallo",
        "Od: Jo Doe <jo@shop.example>\nWysłano: wtorek, 3 marca 2026 09:41\nDo: Kim\nTemat: Cześć",
        "От: Jo Doe <jo@shop.example>\nОтправлено: 3 марта 2026 г. 9:41\nКому: Kim\nТема: Привет",
        "差出人: Jo Doe <jo@shop.example>\n送信日時: 2026年3月3日 9:41\n宛先: Kim\n件名: こんにちは",
        "发件人: Jo Doe <jo@shop.example>\n发送时间: 2026年3月3日 9:41\n收件人: Kim\n主题: 你好",
        "보낸 사람: Jo Doe <jo@shop.example>\n보낸 날짜: 2026년 3월 3일\n받는 사람: Kim\n제목: 안녕",
        "寄件者: Jo Doe\n寄件日期: 2026年3月3日\n收件者: Kim\n主旨: 你好",
        "Jo Doe---03/03/2026 09:41:00 AM---Hello Kim, how are",
        "Jo Doe ---03.03.2026 09:41:00---Hallo Kim, wie",
        "----- Weitergeleitet von Jo Doe/ACME am 03.03.2026 09:41 -----",
    ] {
        assert_cut_below(intro, "Wie geht es?");
    }
}

#[test]
fn what_a_person_writes_stays() {
    for text in [
        "On Monday I tried it again.\nIt still fails.",
        "From: Berlin\nTo: Paris\nDate: 3 May\n\nTwo seats, please.",
        "Here is the list:\n- one\n- two\n\n---\n\nAnd that is all.",
        "My number, as you asked:\n\nJo Doe\n+49 30 1234567\njo@shop.example",
        "I sent from my account an order yesterday, and nothing came.",
        "Prompt:\n> run\nand it stops.",
        "Thanks,\nJo",
        "A message from your site:\n\nFrom: Jo Doe\nEmail: jo@shop.example\nSubject: Hi\nMessage: Where is it?",
        "New request:\n===========\nNom: Doe\nTél: +33 1 23 45 67 89\nEmail: jo@shop.example",
        "The two I mean:\n\n-----\n\nOrder 1\nOrder 2",
        "Sent from Berlin on 3 May",
        "Where is it?\n\nBest regards\nJo Doe\nOrder number 123 456 789",
        "Where is it?\n\nJo Doe\njo@shop.example\n+49 30 1234567\nKundennummer: 4711",
        "As I wrote on 3 March 2026:\nthe door is blue.",
        "Wir treffen uns am 3. März um 9:41:\nam Tor.",
        "Please send it to my wife's address.\n\nBest regards\nJo Doe",
        "It keeps coming.\n\nTo unsubscribe from this list I wrote to jo@shop.example twice.",
        "It is down.\n\nOur mailing list shop-talk@lists.example sends nothing.",
        "It is slow.\n\nI can't get Outlook for iOS to work.",
        "One more.\n\nDiese Nachricht ging an den falschen Empfänger. Ist das vertraulich?",
        "He wrote 3 mails:\nnone arrived.",
        "Room 4 --- 03/03/2026 --- is booked twice.",
    ] {
        assert_eq!(split(text, None), NewText { body: text.to_owned(), quoted: String::new() });
    }
}

#[test]
fn signatures_go() {
    for signature in [
        "-- \nJo Doe\nACME Ltd.",
        "--\nJo Doe\nACME Ltd.",
        "Sent from my iPhone",
        "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
        "Von meinem iPhone gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的 iPhone",
        "나의 iPhone에서 보냄",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Jo Doe\njo@shop.example\n+49 30 1234567\nwww.shop.example",
        "*Jo Doe*\n*E:* jo@shop.example\n*T:* +49 30 1234567",
        "[cid:image001.png@01D9]\nJo Doe\njo@shop.example\n+49 30 1234567",
        "_______________________\nshop-talk mailing list\nshop-talk@lists.example\nhttps://lists.example/shop-talk",
        "This e-mail is confidential and meant for the intended recipient only.",
        "Von unterwegs gesendet",
        "Mobil gesendet",
        "Sent from Mailspring (https://getmailspring.com/), the best free email app for work",
        "Отправлено из мобильного приложения Яндекс Почты",
        "Wysłane z aplikacji Poczta",
        "获取 Outlook for iOS",
        "iOS용 Outlook 다운로드",
        "To unsubscribe from this group, send email to shop-unsubscribe@lists.example",
        "---\nYou are currently subscribed to shop as: kim@example.org",
        "_____________________\nshop-talk mailing list -- shop-talk@lists.example\nTo unsubscribe send an email to shop-talk-leave@lists.example",
        "---\nDeze e-mail is gecontroleerd op virussen door AVG.\nhttp://www.avg.com",
        "<https://www.avast.com/sig-email>\n\tVirenfrei.www.avast.com",
        "Este mensaje va dirigido exclusivamente a su destinatario, pudiendo contener información confidencial.",
    ] {
        let cut = split(&format!("It works now.\n\n{signature}\n"), None);
        assert_eq!((cut.body.as_str(), cut.quoted.as_str()), ("It works now.", signature));
    }
}

#[test]
fn a_line_that_begins_like_an_attribution_stays() {
    let cut =
        split("Am besten morgen\nAm 03.03.2026 um 09:41 schrieb Jo Doe <jo@shop.example>:\n> Wann?", None);
    assert_eq!(cut.body, "Am besten morgen");
}

#[test]
fn contact_lines_below_the_name_go() {
    let cut = split("It works now.\n\nBest regards\nJo Doe\nACME Ltd.\nTel. +49 30 1234567\n", None);
    assert_eq!(cut.body, "It works now.\n\nBest regards\nJo Doe");
}

#[test]
fn a_mail_of_quotes_alone() {
    let quotes = "> On 3 Mar 2026 at 9:41 Jo wrote:\n> > Does it work?\n> > Really?";
    assert_eq!(split(quotes, None).body, "");
    let forwarded = "---------- Forwarded message ---------\nFrom: Jo <jo@shop.example>\nTo: Kim\nSubject: Hi\n\nDoes it work?";
    assert_eq!(split(forwarded, None).body, forwarded);
    let phone =
        "Sent from my iPhone\n\n> On 3 Mar 2026, at 09:41, Jo <jo@shop.example> wrote:\n>\n> Does it work?";
    assert_eq!(split(phone, None).body, "Sent from my iPhone");
}

#[test]
fn answers_below_and_between() {
    let below = split("On 3 Mar 2026 at 9:41 Jo wrote:\n> Does it work?\n> Really?\n\nYes.", None);
    assert_eq!(below.body, "Yes.");
    let around = split("Hello Jo,\n\nOn 3 Mar 2026 at 9:41 Jo wrote:\n> Does it work?\n\nYes.", None);
    assert_eq!(around.body, "Hello Jo,\n\nYes.");
    let colonless = split("Yes.\n\nQuoting Jo Doe (2026-03-03 09:41:00)\n> Does it work?\n> Really?", None);
    assert_eq!(colonless.body, "Yes.");
    let single = "On 3 Mar 2026 Jo wrote:\n> Which size?\n\nXL.\n\n> Which colour?\n\nBlue.";
    assert_eq!(split(&format!("{single}\n\n> Regards\n> Jo"), None).body, single);
    let between = "> Which size?\n> Say it.\n\nXL.\n\n> Which colour?\n> Say it.\n\nBlue.";
    assert_eq!(split(between, None).body, between);
}

#[test]
fn containers_of_known_clients() {
    for quote in [
        r#"<div class="gmail_quote"><div class="gmail_attr">Jo <a>jo@x</a> typed<br></div><blockquote>Does it work?</blockquote></div>"#,
        r#"<blockquote type="cite">Does it work?</blockquote>"#,
        r#"<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>Wer:</b> Jo</div><div>Does it work?</div>"#,
        r#"<div class="desk-q" id="desk-q-1f">Does it work?</div>"#,
        r#"<div class="x_desk-q">Does it work?</div>"#,
        r#"<div class="m_-4711desk-q">Does it work?</div>"#,
        r#"<div class="ydp4a1byahoo_quoted">Does it work?</div>"#,
        r#"<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p>Wer: Jo</p></div><p>Does it work?</p>"#,
        r#"<div class="yahoo_quoted">Does it work?</div>"#,
        r#"<div class="protonmail_quote">Does it work?</div>"#,
        r#"<div class="moz-cite-prefix">Jo:</div><blockquote type="cite">Does it work?</blockquote>"#,
        r#"<hr id="stopSpelling">Date: Tue<br>Does it work?"#,
        r#"<div class="ms-outlook-mobile-reference-message skipProofing">Does it work?</div>"#,
        r#"<blockquote class="front-blockquote">Does it work?</blockquote>"#,
        r#"<div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px;">Wer: Jo</div>Does it work?"#,
        r#"<hr id="zwchr" data-marker="__DIVIDER__"><div>Does it work?</div>"#,
    ] {
        let html = format!("<html><body><p>Yes, it does &amp; well.</p>{quote}</body></html>");
        let new = new_html(&html);
        assert!(new.contains("<p>Yes, it does &amp; well.</p>") && !new.contains("Does it work"), "{new}");
        let cut = split("Yes, it does & well.\n\nDoes it work?\n", Some(&html));
        assert_eq!(
            (cut.body.as_str(), cut.quoted.as_str()),
            ("Yes, it does & well.", "Does it work?"),
            "{quote}"
        );
    }
}

#[test]
fn unknown_html_stays_whole() {
    for html in
        ["<p>Hi<blockquote>A saying.</blockquote>", "<div class=gmail_quote>All of it</div>", "", "<<p", "<p"]
    {
        assert_eq!(new_html(html), html);
    }
}

fn mailish() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("On Tue, Mar 3, 2026 at 9:41 AM Jo <jo@x.example> wrote:".to_owned()),
        Just("-----Original Message-----".to_owned()),
        Just("From: Jo <jo@x.example>".to_owned()),
        Just("Subject: Hi".to_owned()),
        Just("-- ".to_owned()),
        Just("____".to_owned()),
        Just("Sent from my iPhone".to_owned()),
        Just("> > quoted".to_owned()),
        Just(String::new()),
        "[ >]{0,3}[a-z:<@. \u{200f}é日\r]{0,20}",
        ".{0,20}",
    ];
    proptest::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    words.sort();
    words
}

proptest! {
    #[test]
    fn nothing_is_lost(text in mailish(), html in proptest::option::of(".{0,60}")) {
        let cut = split(&text, html.as_deref());
        prop_assert_eq!(words(&format!("{}\n{}", cut.body, cut.quoted)), words(&text));
    }

    #[test]
    fn any_html_is_read(html in "(<(/?)(div|p|blockquote|hr|pre|br|td)( (class|id|type)=(gmail_quote|cite|divRplyFwdMsg|x))?>|[a-z<&> \n]{0,5}){0,30}") {
        let _ = new_html(&html);
        let _ = split("a b c", Some(&html));
    }
}

#[test]
fn what_stands_above_our_line_is_new() {
    let marker = "-- Please write above this line --";
    for (text, body, quoted) in [
        (
            "Thanks!\n\n> -- Please write above this line --\n>\n> Hello",
            "Thanks!",
            "> -- Please write above this line --\n>\n> Hello",
        ),
        (
            "Thanks!\n-- Please write above this line --\nHello",
            "Thanks!",
            "-- Please write above this line --\nHello",
        ),
        (
            "-- Please write above this line --\n\nI write below.",
            "-- Please write above this line --\n\nI write below.",
            "",
        ),
        ("No line.", "No line.", ""),
    ] {
        let new = super::split_above(marker, text, None);
        assert_eq!((new.body.as_str(), new.quoted.trim()), (body, quoted), "{text}");
    }
}
