//! Lists that may be written as a single value: `listen = "127.0.0.1:2525"`.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// One value of a list, from its text.
pub(super) trait Item: Sized {
    /// What would be right.
    const EXPECTED: &'static str;
    /// Reads it.
    fn read(text: &str) -> Option<Self>;
}

impl Item for SocketAddr {
    const EXPECTED: &'static str = "an IP address with a port, such as 127.0.0.1:2525 or [::]:25";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Item for IpNet {
    const EXPECTED: &'static str = "a network or an address, such as 10.0.0.0/8 or 192.0.2.7";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(Self::from))
    }
}

impl Item for String {
    const EXPECTED: &'static str = "text";
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// Reads `"x"` as well as `["x", "y"]`.
pub(super) fn one_or_many<'de, T: Item, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let many: Vec<Text<T>> = deserializer.deserialize_any(OneOrMany(PhantomData))?;
    Ok(many.into_iter().map(|text| text.0).collect())
}

/// A value that is read from text; what is wrong with it is said in its words.
struct Text<T>(T);

impl<'de, T: Item> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text)
    }
}

fn read<T: Item, E: Error>(text: &str) -> Result<Text<T>, E> {
    let value = T::read(text.trim());
    value.map(Text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &T::EXPECTED))
}

struct OneOrMany<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for OneOrMany<T> {
    type Value = Vec<Text<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a list of such", T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(vec![read(text)?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = seq.next_element()? {
            all.push(item);
        }
        Ok(all)
    }
}
