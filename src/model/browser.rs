//! Which browser a visitor uses, in plain words. Browsers name others before themselves, so the order counts.

const KNOWN: [(&str, &str); 9] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// `Firefox 141`; `None` for what is no browser that is known here.
pub fn browser(user_agent: &str) -> Option<String> {
    let (rest, name) = KNOWN.iter().find_map(|(mark, name)| Some((user_agent.split_once(mark)?.1, name)))?;
    if *name == "Safari" && !user_agent.contains("Safari/") {
        return None;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).take(6).count();
    (digits > 0).then(|| format!("{name} {}", &rest[..digits]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_in_plain_words() {
        for (user_agent, want) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0", Some("Firefox 141")),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
                Some("Chrome 139"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537.36 Edg/139.0",
                Some("Edge 139"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5) AppleWebKit/605 (KHTML, like Gecko) Version/18.5 Mobile Safari/604.1",
                Some("Safari 18"),
            ),
            ("curl/8.5.0", None),
            ("Chrome/", None),
            ("", None),
        ] {
            assert_eq!(browser(user_agent).as_deref(), want, "{user_agent}");
        }
    }
}
