//! Records of JSON files, one at a time: the file as a whole never becomes a tree.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::source::{Source, seconds};
use crate::files::{quoted, shown};
use crate::windows::Span;
use crate::{Error, Result};

/// One record with its place in the file.
pub(super) struct Record<'a> {
    source: &'a Source,
    /// The name of the collection it is in; empty for the file's own.
    section: &'a str,
    pub at: At,
    value: Value,
}

/// Where a record stands in its collection.
#[derive(Clone)]
pub(super) enum At {
    /// In a list, from 0.
    Index(usize),
    /// In an object.
    Key(String),
}

/// Calls `take` with each record of the list or object at the top of the file.
pub(super) fn each(source: &Source, take: impl FnMut(Record) -> Result<()>) -> Result<()> {
    walk(source, &[], take)
}

/// Calls `take` with each record of each of `sections`, which are lists or objects in the object at the
/// top of the file, and with the section it is in. They come in the order of the file.
pub(super) fn each_in(
    source: &Source,
    sections: &[&str],
    take: impl FnMut(Record) -> Result<()>,
) -> Result<()> {
    walk(source, sections, take)
}

fn walk(
    source: &Source,
    sections: &[&str],
    mut take: impl FnMut(Record) -> Result<()>,
) -> Result<()> {
    let mut walk = Walk {
        source,
        take: &mut take,
        at: None,
        refused: None,
    };
    let mut input = serde_json::Deserializer::from_str(&source.text);
    let read = match sections {
        [] => Collection(&mut walk, "").deserialize(&mut input),
        _ => Top(&mut walk, sections).deserialize(&mut input),
    };
    let Err(error) = read.and_then(|()| input.end()) else {
        return Ok(());
    };
    Err(match (walk.refused, walk.at) {
        (Some(refused), _) => refused,
        (None, Some(place)) => source.error(place, quoted(error)),
        (None, None) => source.whole_error(quoted(error)),
    })
}

/// What the visitors share.
struct Walk<'w, 'a> {
    source: &'a Source,
    take: &'w mut dyn FnMut(Record) -> Result<()>,
    /// The record that is being read.
    at: Option<String>,
    /// Why `take` stopped the walk.
    refused: Option<Error>,
}

impl Walk<'_, '_> {
    /// Passes on a record.
    fn give<E: serde::de::Error>(&mut self, section: &str, at: At, value: Value) -> Result<(), E> {
        let source = self.source;
        let record = Record {
            source,
            section,
            at,
            value,
        };
        (self.take)(record).map_err(|error| {
            self.refused = Some(error);
            E::custom("refused")
        })
    }
}

/// The object at the top, of which some entries are collections of records.
struct Top<'s, 'w, 'a>(&'s mut Walk<'w, 'a>, &'s [&'s str]);

impl<'de> DeserializeSeed<'de> for Top<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "an object with {}", self.1.join(" and "))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut missing = self.1.to_vec();
        while let Some(key) = map.next_key::<String>()? {
            match self.1.iter().find(|name| **name == key) {
                Some(name) => {
                    missing.retain(|other| other != name);
                    map.next_value_seed(Collection(self.0, name))?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            self.0.at = None;
        }
        match missing.first() {
            Some(name) => Err(M::Error::custom(format_args!(
                "expected an object with {}, found no {name}",
                self.1.join(" and ")
            ))),
            None => Ok(()),
        }
    }
}

/// A list or an object of records.
struct Collection<'s, 'w, 'a>(&'s mut Walk<'w, 'a>, &'s str);

impl<'de> DeserializeSeed<'de> for Collection<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collection<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a list or an object of records")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        for i in 0.. {
            let at = At::Index(i);
            self.0.at = Some(place(self.1, &at));
            match list.next_element()? {
                Some(value) => self.0.give(self.1, at, value)?,
                None => break,
            }
        }
        self.0.at = None;
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key()? {
            let at = At::Key(key);
            self.0.at = Some(place(self.1, &at));
            let value = map.next_value()?;
            self.0.give(self.1, at, value)?;
        }
        self.0.at = None;
        Ok(())
    }
}

/// How messages call a record: `sentences[17]`, `database.Ptf_2VRj-V0`, `record 17`.
fn place(section: &str, at: &At) -> String {
    match (section, at) {
        ("", At::Index(i)) => format!("record {i}"),
        ("", At::Key(key)) => format!("record {}", shown(key)),
        (_, At::Index(i)) => format!("{section}[{i}]"),
        (_, At::Key(key)) => format!("{section}.{}", shown(key)),
    }
}

impl<'a> Record<'a> {
    /// The collection that the record is in.
    pub fn section(&self) -> &'a str {
        self.section
    }

    /// The name that an object has the record under; a list has none.
    pub fn key(&self) -> Result<&str> {
        match &self.at {
            At::Key(key) => Ok(key),
            At::Index(_) => Err(self.error("expected an object of records, found a list")),
        }
    }

    /// An error at this record.
    pub fn error(&self, problem: impl fmt::Display) -> Error {
        self.source.error(place(self.section, &self.at), problem)
    }

    pub fn has(&self, field: &str) -> bool {
        self.value.get(field).is_some()
    }

    /// A text; blanks around it are dropped.
    pub fn text(&self, field: &str) -> Result<String> {
        let value = self.field(field)?;
        let text = value.as_str();
        text.map(|text| text.trim().to_owned())
            .ok_or_else(|| self.wrong(field, "a text", value))
    }

    /// A whole number from 0.
    pub fn whole(&self, field: &str) -> Result<u64> {
        let value = self.field(field)?;
        (value.as_u64()).ok_or_else(|| self.wrong(field, "a whole number", value))
    }

    /// A whole number or a text that may stand for one, as identifiers do.
    pub fn identifier(&self, field: &str) -> Result<String> {
        match self.field(field)? {
            Value::String(text) => Ok(text.trim().to_owned()),
            Value::Number(number) if number.is_u64() => Ok(number.to_string()),
            other => Err(self.wrong(field, "a text or a whole number", other)),
        }
    }

    /// A list of texts; blanks around them are dropped.
    pub fn texts(&self, field: &str) -> Result<Vec<String>> {
        let text = |(i, value): (usize, &Value)| match value.as_str() {
            Some(text) => Ok(text.trim().to_owned()),
            None => Err(self.wrong(&format!("{field}[{i}]"), "a text", value)),
        };
        let list = self.list(field)?;
        list.iter().enumerate().map(text).collect()
    }

    /// A list of stretches of time in seconds, `[[from, to], …]`; see [`stretch`](Self::stretch).
    pub fn stretches(&self, field: &str) -> Result<Vec<Span>> {
        let list = self.list(field)?.iter().enumerate();
        list.map(|(i, value)| self.stretch_of(&format!("{field}[{i}]"), value))
            .collect()
    }

    /// A stretch of time in seconds, `[from, to]`. Published files have a few the wrong way round, which
    /// are turned.
    pub fn stretch(&self, field: &str) -> Result<Span> {
        self.stretch_of(field, self.field(field)?)
    }

    fn stretch_of(&self, field: &str, value: &Value) -> Result<Span> {
        let pair = value.as_array().map(|list| {
            let times = list.iter().map(|value| value.as_f64().and_then(seconds));
            times.collect::<Vec<_>>()
        });
        match pair.as_deref() {
            Some(&[Some(from), Some(to)]) => Ok(Span {
                start: from.min(to),
                end: from.max(to),
            }),
            _ => Err(self.wrong(field, "two times in seconds", value)),
        }
    }

    /// The elements of a list, each of which is a record of its own.
    pub fn records(&self, field: &str) -> Result<Vec<Record<'_>>> {
        let place = format!("{}.{field}", place(self.section, &self.at));
        let list = self.list(field)?.iter().enumerate();
        Ok(list
            .map(|(i, value)| Record {
                source: self.source,
                section: "",
                at: At::Key(format!("{place}[{i}]")),
                value: value.clone(),
            })
            .collect())
    }

    fn list(&self, field: &str) -> Result<&[Value]> {
        let value = self.field(field)?;
        let list = value.as_array();
        list.map(Vec::as_slice)
            .ok_or_else(|| self.wrong(field, "a list", value))
    }

    fn field(&self, field: &str) -> Result<&Value> {
        let Some(object) = self.value.as_object() else {
            let problem = format!("expected an object, found {}", brief(&self.value));
            return Err(self.error(problem));
        };
        object.get(field).ok_or_else(|| {
            let names: Vec<&str> = object.keys().map(String::as_str).collect();
            let found = match names.is_empty() {
                true => "none".to_owned(),
                false => shown(&names.join(", ")),
            };
            self.error(format_args!("expected the field {field}, found {found}"))
        })
    }

    fn wrong(&self, field: &str, expected: &str, found: &Value) -> Error {
        self.error(format_args!(
            "field {field}: expected {expected}, found {}",
            brief(found)
        ))
    }
}

/// A value in a message.
fn brief(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        other => shown(&other.to_string()),
    }
}
