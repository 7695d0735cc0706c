//! Foreign JSON, read once, within limits, and without copying what need not be copied.

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

/// How deep arrays and objects may nest. Chosen: the deepest honest health body seen has 8 levels; below serde's own
/// limit of 128, so that no stack is at risk.
const DEPTH_MAX: u32 = 32;

/// How many values one body may hold. Chosen: an application with 500 components and their details stays below it;
/// above it lies only what was made to cost memory.
const NODES_MAX: u32 = 5_000;

/// One JSON value. Texts borrow from the body wherever they hold no escapes; an object keeps its members in order and
/// keeps a key that is there twice, because which of the two counts is a decision and not an accident.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Map(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Node<'a> {
    /// The members of an object; nothing for anything else.
    pub(super) fn members(&self) -> &[(Cow<'a, str>, Self)] {
        if let Self::Map(members) = self {
            members
        } else {
            &[]
        }
    }

    /// The items of an array; nothing for anything else.
    pub(super) fn items(&self) -> &[Self] {
        if let Self::List(items) = self {
            items
        } else {
            &[]
        }
    }

    /// Every member with this key, whatever the case of its letters.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &Self> {
        self.members()
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    }

    /// The last member with this key, as most parsers have it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.all(key).last()
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    /// The same as serde's own value, for what only speaks that; of a key that is there twice the last one stays.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Map(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, value)| (key.clone().into_owned(), value.to_value()))
                    .collect(),
            ),
        }
    }
}

/// Reads one JSON document.
///
/// # Errors
///
/// What is wrong with it and where, for people; it holds nothing of the document itself.
pub(super) fn parse(text: &str) -> Result<Node<'_>, String> {
    let mut nodes_left = NODES_MAX;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Seed {
        depth_left: DEPTH_MAX,
        nodes_left: &mut nodes_left,
    };
    seed.deserialize(&mut deserializer)
        .and_then(|node| deserializer.end().map(|()| node))
        .map_err(|error| error.to_string())
}

struct Seed<'n> {
    depth_left: u32,
    nodes_left: &'n mut u32,
}

impl Seed<'_> {
    fn deeper(&mut self) -> Option<Seed<'_>> {
        Some(Seed {
            depth_left: self.depth_left.checked_sub(1)?,
            nodes_left: self.nodes_left,
        })
    }
}

fn too_deep<E: de::Error>() -> E {
    E::custom(format_args!("nested deeper than {DEPTH_MAX} levels"))
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        *self.nodes_left = self
            .nodes_left
            .checked_sub(1)
            .ok_or_else(|| de::Error::custom(format_args!("more than {NODES_MAX} values")))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        loop {
            let seed = self.deeper().ok_or_else(too_deep)?;
            match list.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(Node::List(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Node<'de>, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            let seed = self.deeper().ok_or_else(too_deep)?;
            members.push((key, map.next_value_seed(seed)?));
        }
        if let [(key, Node::Text(digits))] = members.as_slice()
            && key == WIDE_NUMBER_KEY
        {
            return Ok(number(digits));
        }
        Ok(Node::Map(members))
    }
}

/// How serde hands over numbers that fit no machine number when any crate of the build has asked for exact ones
/// (`arbitrary_precision`), which is not for us to decide.
const WIDE_NUMBER_KEY: &str = "$serde_json::private::Number";

/// Such a number; null if it is too large for a double.
fn number(digits: &str) -> Node<'static> {
    digits
        .parse()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Node::Null, Node::Number)
}

/// A key, borrowed where it can be; serde's own `Cow` always copies.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// A body as text: without a byte order mark, broken UTF-8 replaced, and in JSON the escapes of half a surrogate pair
/// replaced too. Those come from languages whose strings may hold them, and one bad character inside a message must not
/// hide what the rest says.
pub(super) fn decode(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    match mend_surrogates(&text) {
        Some(mended) => Cow::Owned(mended),
        None => text,
    }
}

/// The text with every lone surrogate escape exchanged, or nothing if it has none.
fn mend_surrogates(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut mended: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|&byte| byte == b'\\'))
    {
        at += found;
        match unit_at(bytes, at) {
            Some(0xD800..=0xDBFF) if matches!(unit_at(bytes, at + 6), Some(0xDC00..=0xDFFF)) => {
                at += 12;
            }
            Some(0xD800..=0xDFFF) => {
                let out = mended.get_or_insert_default();
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    mended.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

/// The UTF-16 unit that the six bytes `\uXXXX` at this place mean.
fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit: u16, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_borrowed_and_both_of_two_equal_keys_are_kept() {
        let node = parse(r#"{"status":"DOWN","a":[1,2.5,null,true],"Status":"U\u0050"}"#).unwrap();
        let said: Vec<_> = node.all("status").filter_map(Node::text).collect();
        assert_eq!(said, ["DOWN", "UP"]);
        assert_eq!(node.get("status").and_then(Node::text), Some("UP"));
        assert!(matches!(
            node.members()[0].1,
            Node::Text(Cow::Borrowed("DOWN"))
        ));
        assert_eq!(
            node.to_value()["a"],
            serde_json::json!([1, 2.5, null, true])
        );
    }

    #[test]
    fn limits_of_depth_and_number_hold() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(32)).is_ok());
        assert!(parse(&nested(33)).unwrap_err().contains("deeper than 32"));
        assert!(
            parse(&nested(100_000))
                .unwrap_err()
                .contains("deeper than 32")
        );
        assert!(
            parse(&r#"{"a":"#.repeat(50_000))
                .unwrap_err()
                .contains("deeper than 32")
        );
        let flat = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
        assert!(parse(&flat(4_999)).is_ok());
        assert!(parse(&flat(5_000)).unwrap_err().contains("more than 5000"));
    }

    #[test]
    fn what_follows_the_document_breaks_it() {
        assert!(parse("{} {}").is_err());
        assert!(parse("").is_err());
        assert!(parse("123456789012345678901234567890").is_ok());
    }

    #[test]
    fn half_surrogates_are_mended_and_whole_ones_are_left_alone() {
        let cases: &[(&[u8], &str)] = &[
            (b"\xEF\xBB\xBF{}", "{}"),
            (br#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (br#""a\ud83db\uDC00""#, r#""a\ufffdb\ufffd""#),
            (br#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (br#""\\ud83d""#, r#""\\ud83d""#),
            (br#""\ud83"#, r#""\ud83"#),
            (b"\\", "\\"),
            (b"\"\xff\"", "\"\u{FFFD}\""),
        ];
        for (body, expected) in cases {
            assert_eq!(decode(body), *expected);
        }
    }
}
