//! Objects: structs, maps, and the merging of `allOf`.

use std::collections::HashSet;
use std::rc::Rc;

use indexmap::IndexMap;

use super::classify::{Class, Classified, Classifier, Constants, MAX_CHAIN};
use crate::canonical;
use crate::schema::keywords::Applies;
use crate::schema::{Form, Keywords, Property, Raw, View};

/// Most schemas that one `allOf` may bring together.
const MAX_SOURCES: usize = 1_000;

/// The schemas that describe one object: its own, and those of its `allOf`.
#[derive(Debug, Clone)]
pub(super) struct Parts<'a> {
    /// In the order in which their properties are listed.
    pub(super) sources: Vec<&'a Keywords>,
    /// Whether together they say more than their properties side by side.
    pub(super) conflict: bool,
}

impl<'a> Parts<'a> {
    /// Every property once, as first described.
    pub(super) fn properties(&self) -> IndexMap<&'a str, &'a Property> {
        let mut all = IndexMap::new();
        for (name, property) in self
            .sources
            .iter()
            .flat_map(|source| source.properties.iter().flatten())
        {
            all.entry(name.as_str()).or_insert(property);
        }
        all
    }

    pub(super) fn requires(&self, property: &str) -> bool {
        self.sources.iter().any(|source| source.requires(property))
    }

    /// What is said of properties that are not named, where a single schema says it.
    pub(super) fn additional(&self) -> Option<&'a Raw> {
        match self.sources.as_slice() {
            [only] if !self.conflict && !only.has("patternProperties") => only.additional.as_deref(),
            _ => None,
        }
    }
}

/// What gathering has seen.
struct Gathering<'a> {
    sources: Vec<&'a Keywords>,
    /// Whether some part says that the value is an object.
    typed: bool,
    conflict: bool,
    seen: HashSet<usize>,
}

impl<'a> Classifier<'a> {
    /// A struct or a map, if the schema is one of an object.
    pub(super) fn object(
        &self,
        view: View<'a>,
        keywords: &'a Keywords,
        typed: bool,
    ) -> Option<(Class<'a>, Vec<&'static str>)> {
        let mut decided = vec!["type", "properties", "required", "minProperties", "maxProperties"];
        // A part of a schema with several types leaves what applies to all of them to the whole.
        let merges = keywords.all_of.is_some() && view.only.is_none();
        let mut gathering = Gathering {
            sources: vec![keywords],
            typed,
            conflict: false,
            seen: HashSet::from([view.raw.id]),
        };
        let branches = keywords.all_of.as_deref().filter(|_| merges).unwrap_or_default();
        let merged = branches
            .iter()
            .all(|branch| self.gather(branch, 0, &mut gathering));
        if !merged {
            gathering = Gathering {
                sources: vec![keywords],
                conflict: false,
                ..gathering
            };
        }
        if !gathering.typed {
            return None;
        }
        let several = gathering.sources.len() > 1;
        let conflict = gathering.conflict || (several && says_more(&gathering.sources));
        if merges && merged && !conflict {
            decided.push("allOf");
        }
        let parts = Parts {
            sources: gathering.sources,
            conflict: conflict || (merges && !merged),
        };
        if !keywords.has("patternProperties") && (!parts.conflict || keywords.additional.is_none()) {
            decided.push("additionalProperties");
        }
        let named = parts
            .sources
            .iter()
            .any(|source| source.properties.is_some() || !source.required.is_empty());
        let closed = matches!(
            keywords.additional.as_deref(),
            Some(Raw {
                form: Form::Never,
                ..
            })
        );
        let is_map = !named && !several && (!closed || keywords.has("patternProperties"));
        Some((if is_map { Class::Map } else { Class::Struct(parts) }, decided))
    }

    /// Adds a branch of `allOf`; `false` if it is not plainly an object.
    fn gather(&self, raw: &'a Raw, depth: usize, into: &mut Gathering<'a>) -> bool {
        if depth > MAX_CHAIN || into.sources.len() > MAX_SOURCES {
            return false;
        }
        // What was added by another way adds nothing.
        if !into.seen.insert(raw.id) {
            return true;
        }
        let keywords = match &raw.form {
            Form::Any => return true,
            Form::Broken | Form::Never => return false,
            Form::Object(keywords) => keywords,
        };
        if let Some((name, _)) = &keywords.reference {
            let plain = keywords.present.len() == 1;
            return plain
                && self
                    .types
                    .get(name)
                    .is_some_and(|target| self.gather(target, depth + 1, into));
        }
        let is_object = match keywords.types.as_deref() {
            None => true,
            Some(types) => types == [crate::schema::Type::Object],
        };
        if !is_object {
            return false;
        }
        into.typed |= keywords.types.is_some();
        let merged = [
            "type",
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties",
            "allOf",
        ];
        let others = keywords.present.iter().any(|(name, applies)| {
            !merged.contains(name) && (*applies == Applies::Any || *applies == Applies::Objects)
        });
        into.conflict |= others;
        into.sources.push(keywords);
        keywords
            .all_of
            .iter()
            .flatten()
            .all(|branch| self.gather(branch, depth + 1, into))
    }

    /// The required string constants among an object's properties; none if the schema is no plain object.
    pub(super) fn constants_of(&self, view: View<'a>) -> Option<(Constants, Option<&'a str>)> {
        let (mut view, mut named) = (view, None);
        for _ in 0..MAX_CHAIN {
            if is_choice(view) {
                return None;
            }
            let classified = self.classify(view);
            let Classified { class, residual } = &*classified;
            match class {
                Class::Ref(name) if residual.is_empty() => {
                    view = View::whole(self.types.get(*name)?);
                    named = Some(*name);
                }
                Class::Same(inner) if residual.is_empty() => view = *inner,
                Class::Struct(parts) if !parts.conflict => {
                    return Some((self.constants_in(view, parts), named));
                }
                _ => return None,
            }
        }
        None
    }

    fn constants_in(&self, view: View<'a>, parts: &Parts<'a>) -> Constants {
        if let Some(known) = self
            .constants
            .borrow()
            .get(&view.raw.id)
            .filter(|_| view.is_whole())
        {
            return Rc::clone(known);
        }
        let properties = parts.properties();
        let constants = properties
            .into_iter()
            .filter(|(name, _)| parts.requires(name))
            .filter_map(|(name, property)| {
                self.constant(View::whole(&property.schema))
                    .map(|value| (name.to_owned(), value))
            });
        let constants: Constants = Rc::new(constants.collect());
        if view.is_whole() {
            self.constants
                .borrow_mut()
                .insert(view.raw.id, Rc::clone(&constants));
        }
        constants
    }

    /// The only string that a schema lets through, if that is what it says.
    pub(super) fn constant(&self, view: View<'a>) -> Option<String> {
        let mut view = view;
        for _ in 0..MAX_CHAIN {
            if is_choice(view) {
                return None;
            }
            let classified = self.classify(view);
            let Classified { class, residual } = &*classified;
            match class {
                _ if !residual.is_empty() => return None,
                Class::Ref(name) => view = View::whole(self.types.get(*name)?),
                Class::Same(inner) => view = *inner,
                Class::Strings(values) => {
                    return match values.as_slice() {
                        [value] => Some(value.clone()),
                        _ => None,
                    };
                }
                _ => return None,
            }
        }
        None
    }
}

/// Whether it is a `oneOf` or `anyOf` of several: neither an object nor a constant. Told without looking into the
/// variants, which may lead back here.
fn is_choice(view: View<'_>) -> bool {
    view.raw.keywords().is_some_and(|keywords| {
        keywords
            .one_of
            .iter()
            .chain(&keywords.any_of)
            .any(|variants| variants.len() > 1)
    })
}

/// Whether several schemas of one object say more than their properties side by side.
fn says_more(sources: &[&Keywords]) -> bool {
    let limits_others = sources.iter().any(|source| {
        source
            .additional
            .as_deref()
            .is_some_and(|raw| !matches!(raw.form, Form::Any))
    });
    let mut known: IndexMap<&str, &Property> = IndexMap::new();
    let differs = sources
        .iter()
        .flat_map(|source| source.properties.iter().flatten())
        .any(|(name, property)| {
            let first = known.entry(name).or_insert(property);
            first.schema.id != property.schema.id
                && canonical::text(&first.schema.json) != canonical::text(&property.schema.json)
        });
    limits_others || differs
}
