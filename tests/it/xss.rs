//! What of a stranger's HTML the API hands out: nothing that runs, nothing that is fetched, nothing that takes a name
//! from the page it is shown in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use postdesk::mail::parse::parse;
use postdesk::outbox::Transport;
use serde_json::{Value, json};

use crate::api::call::Client as Api;
use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::outgoing::{send_by, until};
use crate::support::{App, Engine, say};

/// One for each way in; the collection has more of each.
const ATTACKS: [&str; 30] = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=`x`onerror=alert(1) alt=\"`><img src=x onerror=alert(1)>\">",
    "<svg/onload=alert(1)><svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<iframe srcdoc='<script>alert(1)</script>' src=javascript:alert(1)></iframe>",
    "<style>@import 'http://evil.test/x.css'; p{background:url(http://evil.test/p.png)}</style><p>t</p>",
    "<p style=\"background:url(http://evil.test/p.png);width:expression(alert(1));-moz-binding:url(//evil.test)\">t</p>",
    "<p style=\"background-image:u\\72l(http://evil.test/p.png);list-style:url('//evil.test/p');color:red\">t</p>",
    "<div style=\"position:fixed;top:0;left:0;width:100%;height:100%;z-index:9\">overlay</div>",
    "<img srcset='http://evil.test/p.png 2x' src='http://evil.test/p.png' loading=eager>",
    "<picture><source srcset=//evil.test/p.png><img src=//evil.test/p.png></picture>",
    "<video src=//evil.test/v poster=//evil.test/p.png autoplay></video><audio src=//evil.test/a></audio>",
    "<table background=//evil.test/p.png><tr><td background=//evil.test/p.png>t</td></tr></table>",
    "<link rel=prefetch href=//evil.test/p><link rel=stylesheet href=//evil.test/c.css>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<base href=//evil.test/ target=_self><a href=/x>t</a>",
    "<object data=//evil.test/o></object><embed src=//evil.test/e><applet code=x></applet>",
    "<a id=location name=cookie class=btn>t</a><img name=getElementById><form id=x><input name=action></form>",
    "<form action=//evil.test><button formaction=javascript:alert(1)>t</button><select><option>t</select></form>",
    "<a href=javascript:alert(1)>t</a><a href=' java\tscript:alert(1)'>t</a><a href=JaVaScRiPt&colon;alert(1)>t</a>",
    "<a href=data:text/html,<script>alert(1)</script>>t</a><a href=vbscript:x>t</a><a href=blob:x>t</a>",
    "<img src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+'><img src='data:text/html,x'>",
    "<a href=//evil.test ping=//evil.test/ping download target=_top>t</a>",
    "<details open ontoggle=alert(1)>t</details><body onload=alert(1)><p onclick\u{c}=alert(1)>t",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    "<textarea></textarea><img src=x onerror=alert(1)><title></title><xmp><img src=x onerror=alert(1)></xmp>",
    "<!--><img src=x onerror=alert(1)>--><![CDATA[<img src=x onerror=alert(1)>]]><?x <img src=x onerror=alert(1)>?>",
    "<template><img src=x onerror=alert(1)></template><p dir=rtl\0 on\0click=x>t<marquee onstart=alert(1)>t",
];

/// Attributes that only say how something looks or reads; `href`, `src` and `style` are looked into.
const QUIET: &str = "align alt bgcolor border cellpadding cellspacing color colspan dir face height lang nowrap rel rowspan \
    scope size span start target title type valign value width";

/// Elements that run, load, frame, ask or change how others are read.
const ACTIVE: &str = "applet audio base body button dialog embed form frame frameset head html iframe input keygen link \
    marquee math meta noembed noframes noscript object option picture plaintext script select source style svg template \
    textarea title track video xmp";

/// What a browser would meet, and does not like; none is good.
fn found(html: &str) -> Vec<String> {
    #[derive(Default)]
    struct Tags(RefCell<Vec<Tag>>);
    impl TokenSink for Tags {
        type Handle = ();
        fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
            if let Token::TagToken(tag) = token {
                self.0.borrow_mut().push(tag);
            }
            TokenSinkResult::Continue
        }
    }
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Tags::default(), TokenizerOpts::default());
    while !matches!(tokenizer.feed(&queue), html5ever::TokenizerResult::Done) {}
    tokenizer.end();
    let tags = tokenizer.sink.0.into_inner();
    tags.iter().filter(|tag| tag.kind == TagKind::StartTag).flat_map(wrong_in).collect()
}

fn wrong_in(tag: &Tag) -> Vec<String> {
    let has = |words: &str, word: &str| words.split_whitespace().any(|one| one == word);
    let element = has(ACTIVE, &tag.name).then(|| format!("<{}>", tag.name));
    let attributes = tag.attrs.iter().filter(|attribute| {
        let (name, value) = (&*attribute.name.local, &*attribute.value);
        !match name {
            "href" => {
                ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| value.starts_with(scheme))
            }
            "src" => {
                let picture =
                    ["png", "jpeg", "jpg", "gif", "webp"].map(|kind| format!("data:image/{kind};base64,"));
                value.starts_with("/api/support/attachments/")
                    || picture.iter().any(|kind| value.starts_with(kind))
            }
            "style" => !["url", "\\", "@", "expression", "position", "binding", "image"]
                .iter()
                .any(|word| value.contains(word)),
            quiet => has(QUIET, quiet),
        }
    });
    let attributes = attributes.map(|one| format!("<{} {}={:?}>", tag.name, &*one.name.local, &*one.value));
    element.into_iter().chain(attributes).collect()
}

/// By both ways in, and out again as the API has them: what is wrong with any, and how many came out as HTML.
async fn sent_through(payloads: &[String]) -> (Vec<String>, usize) {
    let app = App::start_with(Engine::Sqlite, |config| config.api.limits.enabled = false).await;
    let api = Api::admin(&app.desk).await;
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    for (number, payload) in payloads.iter().enumerate() {
        let payload = payload.replace("\r\n", "\n").replace(['\r', '\n'], "\r\n");
        let raw = format!(
            "From: jo@shop.test\r\nSubject: {number}\r\nMessage-ID: <{number}@shop.test>\r\n\
             Content-Type: text/html; charset=utf-8\r\n\r\n<p>{number}</p>{payload}\r\n"
        );
        let reply = client.send("jo@shop.test", SUPPORT, raw.as_bytes()).await.expect("answered");
        assert!(reply.starts_with("250 "), "{reply}: {payload:?}");
    }
    let ticket =
        json!({"subject": "s", "description": "d", "customer_email": "jo@shop.test", "notify": false});
    let opened = api.json("POST", "/tickets", &ticket).await.json();
    let responses = format!("/tickets/{}/responses", opened["id"].as_str().expect("an id"));
    for payload in payloads {
        let body = json!({"body": format!("<p>a</p>{payload}"), "body_format": "html", "notify": false});
        let answered = api.json("POST", &responses, &body).await;
        let is_refused = answered.status.as_u16() == 422 && payload.contains('\0');
        assert!(is_refused || answered.status.as_u16() == 201, "{payload:?}: {answered:?}");
    }
    judged(&api).await
}

async fn judged(api: &Api) -> (Vec<String>, usize) {
    let (mut wrong, mut seen, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = api.get(&format!("/tickets?include=responses&limit=100{cursor}")).await.json();
        for ticket in page["data"].as_array().expect("a list") {
            for response in ticket["responses"].as_array().expect("a list") {
                let Some(html) = response["body_html"].as_str() else { continue };
                seen += 1;
                wrong.extend(found(html).into_iter().map(|what| format!("{what} in {html}")));
            }
        }
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (wrong, seen),
        }
    }
}

/// "CHECKLIST §3, stored XSS" (CWE-79) and "remote images/CSS/prefetch/forms/frames/overlay/clobbering".
#[tokio::test]
async fn a_strangers_html_neither_runs_nor_calls_home() {
    assert_eq!(
        found("<p style=\"color:red\">t</p><a href=https://x.test/ title=t>t</a>"),
        [""; 0],
        "the judge is fair"
    );
    for attack in [
        "<script>",
        "<p onclick=x>",
        "<a href=javascript:x>",
        "<img src=//x>",
        "<p id=x>",
        "<p style=position:fixed>",
    ] {
        assert_eq!(found(attack).len(), 1, "{attack}");
    }
    let (wrong, seen) = sent_through(&ATTACKS.map(str::to_owned)).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= ATTACKS.len(), "{seen} came out as HTML");
}

/// The same with the payloads that others collected: DOMPurify, bleach, Zammad.
#[tokio::test]
async fn collected_attacks_do_no_more() {
    let Some(corpora) = std::env::var_os("POSTDESK_CORPORA") else {
        return say("not tested: html-xss (POSTDESK_CORPORA names no directory)");
    };
    let file = Path::new(&corpora).join("html-xss/items.jsonl");
    let text = std::fs::read_to_string(file).expect("the collection");
    let items = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let payloads: BTreeSet<_> = items.filter_map(|item| Some(item["payload"].as_str()?.to_owned())).collect();
    let (wrong, seen) = sent_through(&payloads.into_iter().collect::<Vec<_>>()).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 100, "{seen} came out as HTML");
}

/// Names and subjects are text in the HTML of our mails, whoever wrote them.
#[tokio::test]
async fn names_and_subjects_are_text_in_our_mails() {
    const ATTACK: &str = "<img src=x onerror=alert(1)>'><script>alert(1)</script><a href=javascript:x>";
    let app = App::start(Engine::Sqlite).await;
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let raw = format!("From: \"{ATTACK}\" <jo@shop.test>\r\nSubject: {ATTACK}\r\n\r\n{ATTACK}\r\n");
    let reply = client.send("jo@shop.test", SUPPORT, raw.as_bytes()).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
    let api = Api::admin(&app.desk).await;
    let number = api.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();
    api.json(
        "POST",
        &format!("/tickets/{number}/responses"),
        &json!({"body": ATTACK, "body_format": "text"}),
    )
    .await;
    let _worker = send_by(&app, Transport::from_config(app.desk.config()).expect("it can work"));
    let captured = "SELECT COUNT(*) FROM outbox WHERE status = 'captured'";
    until("captured", async || app.database.count(captured).await == 3).await;
    for log in api.get("/email-logs").await.json()["data"].as_array().expect("a list") {
        let raw = api.get(&format!("/email-logs/{}/raw", log["id"].as_str().expect("an id"))).await.body;
        let html = parse(&raw).html.expect("HTML");
        assert!(html.contains("&lt;script"), "it is shown: {html}");
        for tag in ["<script", "<img", "<a href=javascript", "href=\"javascript"] {
            assert!(!html.contains(tag), "{tag} in {html}");
        }
    }
}
