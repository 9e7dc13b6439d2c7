//! The documents of an import, and references between them. Reads files beside those that were named; nothing from the network.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::report::{Entry, Kind, Report};
use crate::exit::{Exit, Failure};
use crate::source;

/// Longest chain of references that is followed.
const MAX_CHAIN: usize = 64;
/// Most files that references may lead to.
const MAX_FILES: usize = 256;

/// A place in one of the documents.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// Index of the document.
    pub(super) file: usize,
    /// JSON Pointer into it.
    pub(super) pointer: String,
}

impl Place {
    pub(super) fn root(file: usize) -> Self {
        Self {
            file,
            pointer: String::new(),
        }
    }

    /// The place of a key or an index below this one.
    pub(super) fn at(&self, key: impl ToString) -> Self {
        let key = key.to_string().replace('~', "~0").replace('/', "~1");
        Self {
            file: self.file,
            pointer: format!("{}/{key}", self.pointer),
        }
    }

    /// The last key, as it stands in the document.
    pub(super) fn last(&self) -> Option<String> {
        let (_, last) = self.pointer.rsplit_once('/')?;
        Some(last.replace("~1", "/").replace("~0", "~"))
    }
}

/// What a `$ref` has beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Siblings {
    /// It counts: JSON Schema since 2019-09.
    Count,
    /// It does not: drafts up to 7, and AsyncAPI, which is based on draft 7.
    Ignored,
}

#[derive(Debug)]
struct Document {
    path: PathBuf,
    root: Value,
    siblings: Siblings,
}

/// All documents that were read.
#[derive(Debug, Default)]
pub(super) struct Documents {
    files: Vec<Document>,
    /// Names of files for the report.
    pub(super) report: Report,
}

impl Documents {
    /// Reads a document; `-` is standard input.
    pub(super) fn open(&mut self, path: &Path) -> Result<usize, Failure> {
        let text = if path == Path::new("-") {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(path)
        };
        let text = text.map_err(|cause| source::unreadable(path, &cause))?;
        let root = parse(path, &text)
            .map_err(|cause| Failure::new(Exit::Usage, format!("{}: {cause}", path.display())))?;
        Ok(self.add(path.to_owned(), root))
    }

    fn add(&mut self, path: PathBuf, root: Value) -> usize {
        let old = ["draft-03", "draft-04", "draft-06", "draft-07"];
        let dialect = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let siblings = if root.get("asyncapi").is_some() && root.get("x-wireloom").is_none()
            || old.iter().any(|draft| dialect.contains(draft))
        {
            Siblings::Ignored
        } else {
            Siblings::Count
        };
        self.files.push(Document { path, root, siblings });
        self.files.len() - 1
    }

    pub(super) fn at(&self, place: &Place) -> Option<&Value> {
        self.files.get(place.file)?.root.pointer(&place.pointer)
    }

    pub(super) fn siblings(&self, place: &Place) -> Siblings {
        self.files
            .get(place.file)
            .map_or(Siblings::Count, |file| file.siblings)
    }

    /// The name of a document's file, without folders and endings.
    pub(super) fn stem(&self, file: usize) -> String {
        let name = self.files.get(file).and_then(|file| file.path.file_name());
        let name = name.unwrap_or_default().to_string_lossy();
        let endings = [".json", ".yaml", ".yml", ".schema"];
        let mut stem: &str = &name;
        while let Some(short) = endings.iter().find_map(|ending| stem.strip_suffix(ending)) {
            stem = short;
        }
        stem.to_owned()
    }

    /// Something that the protocol does not say.
    pub(super) fn lost(&mut self, place: &Place, what: impl Into<String>, instead: impl Into<String>) {
        self.say(Kind::Lost, place, what, instead);
    }

    /// Something that the protocol says differently.
    pub(super) fn changed(&mut self, place: &Place, what: impl Into<String>, instead: impl Into<String>) {
        self.say(Kind::Changed, place, what, instead);
    }

    pub(super) fn say(
        &mut self,
        kind: Kind,
        place: &Place,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let file = self
            .files
            .get(place.file)
            .map_or_else(String::new, |file| file.path.display().to_string());
        self.report.push(Entry {
            kind,
            file,
            pointer: place.pointer.clone(),
            what: what.into(),
            instead: instead.into(),
        });
    }

    /// Where a reference leads that stands at a place. The error says why it leads nowhere.
    pub(super) fn follow(&mut self, from: &Place, reference: &str) -> Result<Place, String> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let file = if file.is_empty() {
            from.file
        } else {
            self.file_of(from, file)?
        };
        let fragment = percent_decoded(fragment);
        let root = Place::root(file);
        if fragment.is_empty() {
            return Ok(root);
        }
        let pointer = if fragment.starts_with('/') {
            fragment
        } else {
            let document = self.at(&root).unwrap_or(&Value::Null);
            anchor(document, &fragment, String::new())
                .ok_or_else(|| format!("`{reference}` leads to no anchor"))?
        };
        let place = Place { file, pointer };
        match self.at(&place) {
            Some(_) => Ok(place),
            None => Err(format!("`{reference}` leads nowhere")),
        }
    }

    /// The place behind a Reference Object, or the place itself if it is none.
    pub(super) fn target(&mut self, place: &Place) -> Result<Place, String> {
        let mut place = place.clone();
        for _ in 0..MAX_CHAIN {
            let reference = self.at(&place).and_then(|value| value.get("$ref"));
            let Some(reference) = reference.and_then(Value::as_str).map(str::to_owned) else {
                return Ok(place);
            };
            place = self.follow(&place, &reference)?;
        }
        Err("the reference leads to itself".to_owned())
    }

    fn file_of(&mut self, from: &Place, reference: &str) -> Result<usize, String> {
        let by_id = self.files.iter().position(|file| {
            let id = file.root.get("$id").or_else(|| file.root.get("id"));
            let id = id
                .and_then(Value::as_str)
                .unwrap_or_default()
                .trim_end_matches('#');
            id == reference
                || !id.is_empty() && id.ends_with(&format!("/{}", reference.trim_start_matches("./")))
        });
        if let Some(index) = by_id {
            return Ok(index);
        }
        if reference.contains(':') {
            return Err(format!("`{reference}` is another address, which is not read"));
        }
        let folder = self.files.get(from.file).and_then(|file| file.path.parent());
        let path = folder.unwrap_or(Path::new("")).join(percent_decoded(reference));
        let same = |known: &Path| match (fs::canonicalize(known), fs::canonicalize(&path)) {
            (Ok(known), Ok(path)) => known == path,
            _ => false,
        };
        if let Some(index) = self.files.iter().position(|file| same(&file.path)) {
            return Ok(index);
        }
        if self.files.len() >= MAX_FILES {
            return Err(format!("`{reference}` is one file too many"));
        }
        let text =
            fs::read_to_string(&path).map_err(|cause| format!("cannot read {}: {cause}", path.display()))?;
        let root = parse(&path, &text)?;
        Ok(self.add(path, root))
    }
}

/// JSON or YAML. The error is for people.
fn parse(path: &Path, text: &str) -> Result<Value, String> {
    let is_json =
        path.extension().is_some_and(|ending| ending == "json") || text.trim_start().starts_with('{');
    if is_json && let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let options = serde_yaml::options! { strict_booleans: true, with_snippet: false };
    serde_yaml::from_str_with_options(text, options).map_err(|cause| cause.to_string())
}

/// The pointer to the schema that has an anchor.
fn anchor(value: &Value, name: &str, pointer: String) -> Option<String> {
    match value {
        Value::Object(entries) => {
            let is = |key: &str, text: &str| entries.get(key).and_then(Value::as_str) == Some(text);
            let old = format!("#{name}");
            if is("$anchor", name) || is("$dynamicAnchor", name) || is("$id", &old) || is("id", &old) {
                return Some(pointer);
            }
            entries.iter().find_map(|(key, value)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                anchor(value, name, format!("{pointer}/{key}"))
            })
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, value)| anchor(value, name, format!("{pointer}/{index}"))),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let hex = text.get(index + 1..index + 3).filter(|_| *byte == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                index += 3;
            }
            None => {
                decoded.push(*byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
