//! What the types of [`raw`](crate::config::raw) are made of: a value with its place, and values that can be written in
//! more than one way.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use crate::config::source::Span;

/// The name by which [`At`] asks for the place of a value.
pub(super) const AT: &str = "$at";
/// The name by which [`TextOr`] asks for a text or a section.
pub(super) const TEXT_OR: &str = "$text_or";
/// The name by which [`SwitchOr`] asks for `true`, `false` or a section.
pub(super) const SWITCH_OR: &str = "$switch_or";
/// The name by which [`ListOr`] asks for a list or a section.
pub(super) const LIST_OR: &str = "$list_or";
/// The name by which [`OneOrMany`] asks for a list, or one value in place of it.
pub(super) const ONE_OR_MANY: &str = "$one_or_many";

/// A value and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct At<T> {
    /// Where the value stands.
    pub(crate) span: Span,
    /// The value; absent if it was wrong, which is then already reported.
    pub(crate) value: Option<T>,
}

/// A map with names of people's choice, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(At<String>, At<T>)>);

/// A section, or a text that stands for the most usual one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TextOr<T> {
    /// The text.
    Text(String),
    /// The section.
    Section(T),
}

/// `true` or `false`, or a section that means `true` and says more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SwitchOr<T> {
    /// On or off.
    Switch(bool),
    /// The section.
    Section(T),
}

/// A list, or a section that holds one and says more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ListOr<I, T> {
    /// The list.
    List(Vec<At<I>>),
    /// The section.
    Section(T),
}

/// A list; a single value stands for a list of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<At<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
                let file: u32 = parts.next_element()?.unwrap_or(0);
                let start = parts.next_element()?.unwrap_or(0);
                let end = parts.next_element()?.unwrap_or(0);
                let span = Span {
                    file: u16::try_from(file).unwrap_or(u16::MAX),
                    start,
                    end,
                };
                Ok(At {
                    span,
                    value: parts.next_element()?,
                })
            }
        }

        deserializer.deserialize_newtype_struct(AT, AtVisitor(std::marker::PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names, each with its settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Named<T>, A::Error> {
                let mut out = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    out.push(entry);
                }
                Ok(Named(out))
            }
        }

        deserializer.deserialize_map(NamedVisitor(std::marker::PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrVisitor<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or keys and values")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<TextOr<T>, D::Error> {
                T::deserialize(deserializer).map(TextOr::Section)
            }
        }

        deserializer.deserialize_newtype_struct(TEXT_OR, TextOrVisitor(std::marker::PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for SwitchOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchOrVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for SwitchOrVisitor<T> {
            type Value = SwitchOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false`, or keys and values")
            }

            fn visit_bool<E>(self, is_on: bool) -> Result<SwitchOr<T>, E> {
                Ok(SwitchOr::Switch(is_on))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<SwitchOr<T>, D::Error> {
                T::deserialize(deserializer).map(SwitchOr::Section)
            }
        }

        deserializer
            .deserialize_newtype_struct(SWITCH_OR, SwitchOrVisitor(std::marker::PhantomData))
    }
}

impl<'de, I: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for ListOr<I, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrVisitor<I, T>(std::marker::PhantomData<(I, T)>);

        impl<'de, I: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for ListOrVisitor<I, T> {
            type Value = ListOr<I, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or keys and values")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ListOr<I, T>, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = items.next_element()? {
                    out.push(item);
                }
                Ok(ListOr::List(out))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<ListOr<I, T>, D::Error> {
                T::deserialize(deserializer).map(ListOr::Section)
            }
        }

        deserializer.deserialize_newtype_struct(LIST_OR, ListOrVisitor(std::marker::PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany<T>, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = items.next_element()? {
                    out.push(item);
                }
                Ok(OneOrMany(out))
            }
        }

        deserializer
            .deserialize_newtype_struct(ONE_OR_MANY, OneOrManyVisitor(std::marker::PhantomData))
    }
}
