//! Which shape a schema has, and which of its keywords that shape decides. Looks, and makes nothing.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value;

use super::object::Parts;
use crate::model::{IntRepr, LiteralBase, NumberRange, StringRule};
use crate::schema::{Form, IntFormat, Keywords, Raw, SAFE, Type, View};

/// Longest chain of references that is followed to find out what a schema is.
pub(super) const MAX_CHAIN: usize = 64;
/// Most schemas that are looked at to find out which types one lets through.
const MAX_SEEN: usize = 1_000;

/// What a schema is.
#[derive(Debug, Clone)]
pub(super) enum Class<'a> {
    Any,
    Ref(&'a str),
    Null,
    Boolean,
    Integer {
        repr: IntRepr,
        min: i64,
        max: i64,
    },
    IntegerText(IntRepr),
    Number(NumberRange),
    String(StringRule),
    /// A closed set of strings.
    Strings(Vec<String>),
    Literals(LiteralBase, Vec<Value>),
    Array,
    Tuple,
    Map,
    Struct(Parts<'a>),
    Tagged(Vec<TaggedView<'a>>, String),
    Union {
        exactly_one: bool,
        variants: Vec<View<'a>>,
    },
    Nullable(View<'a>),
    /// The shape of another schema: the only one of an `allOf`, `anyOf` or `oneOf`.
    Same(View<'a>),
}

/// A variant of a discriminated union.
#[derive(Debug, Clone)]
pub(super) struct TaggedView<'a> {
    pub(super) value: String,
    pub(super) view: View<'a>,
    /// The named type that the variant is, if it is one.
    pub(super) named: Option<&'a str>,
}

/// A class, and the asserting keywords that it leaves to the validator.
#[derive(Debug, Clone)]
pub(super) struct Classified<'a> {
    pub(super) class: Class<'a>,
    pub(super) residual: Vec<String>,
}

/// Constant properties of an object: name and value.
pub(super) type Constants = Rc<Vec<(String, String)>>;

/// Looks at the schemas of one file.
#[derive(Debug)]
pub(super) struct Classifier<'a> {
    pub(super) types: &'a IndexMap<String, Raw>,
    pub(super) constants: RefCell<HashMap<usize, Constants>>,
    /// What was classified: a union looks into its variants, so that nesting would cost a power of its depth.
    known: RefCell<HashMap<ViewKey, Rc<Classified<'a>>>>,
}

type ViewKey = (usize, Option<Type>, bool);

impl<'a> Classifier<'a> {
    pub(super) fn new(types: &'a IndexMap<String, Raw>) -> Self {
        Self {
            types,
            constants: RefCell::default(),
            known: RefCell::default(),
        }
    }

    pub(super) fn classify(&self, view: View<'a>) -> Rc<Classified<'a>> {
        if let Some(known) = self.known.borrow().get(&view.key()) {
            return Rc::clone(known);
        }
        let classified = Rc::new(self.look(view));
        self.known.borrow_mut().insert(view.key(), Rc::clone(&classified));
        classified
    }

    fn look(&self, view: View<'a>) -> Classified<'a> {
        let keywords: &'a Keywords = match &view.raw.form {
            Form::Broken | Form::Any => {
                return Classified {
                    class: Class::Any,
                    residual: Vec::new(),
                };
            }
            Form::Never => {
                return Classified {
                    class: Class::Any,
                    residual: vec!["false".to_owned()],
                };
            }
            Form::Object(keywords) => keywords,
        };
        let (class, decided) = self.class(view, keywords);
        Classified {
            class,
            residual: residual(view, keywords, &decided),
        }
    }

    fn class(&self, view: View<'a>, keywords: &'a Keywords) -> (Class<'a>, Vec<&'static str>) {
        if let Some(class) = constants(view, keywords) {
            // Beside `const`, `enum` is one more assertion.
            let decided = if keywords.has("const") { "const" } else { "enum" };
            return (class, vec!["type", decided, "format"]);
        }
        if let Some((name, _)) = &keywords.reference {
            return (Class::Ref(name), vec!["$ref"]);
        }
        match view.types().as_deref() {
            None => self.untyped(view, keywords),
            Some([]) => (Class::Any, Vec::new()),
            Some([one]) => self.typed(view, keywords, *one),
            Some(types) if types.contains(&Type::Null) => (
                Class::Nullable(View {
                    without_null: true,
                    ..view
                }),
                all_decided(keywords),
            ),
            Some(types) => {
                let variants = types
                    .iter()
                    .map(|kind| View {
                        only: Some(*kind),
                        ..view
                    })
                    .collect();
                (
                    Class::Union {
                        exactly_one: false,
                        variants,
                    },
                    all_decided(keywords),
                )
            }
        }
    }

    fn untyped(&self, view: View<'a>, keywords: &'a Keywords) -> (Class<'a>, Vec<&'static str>) {
        if let Some(union) = self.union(view, keywords) {
            return union;
        }
        if keywords.all_of.is_some() {
            if let [branch] = keywords.all_of.as_deref().unwrap_or_default()
                && keywords.present.len() == 1
            {
                return (Class::Same(View::whole(branch)), vec!["allOf"]);
            }
            if let Some(object) = self.object(view, keywords, false) {
                return object;
            }
        }
        (Class::Any, Vec::new())
    }

    fn typed(&self, view: View<'a>, keywords: &'a Keywords, kind: Type) -> (Class<'a>, Vec<&'static str>) {
        let has_own = keywords.present.iter().any(|(name, applies)| {
            *applies != crate::schema::keywords::Applies::Any && applies.to(kind) || *name == "allOf"
        });
        if view.only.is_none()
            && !has_own
            && let Some((class, mut decided)) = self.union(view, keywords)
        {
            let only = |raw: &'a Raw| self.kinds(View::whole(raw)).is_some_and(|kinds| kinds == [kind]);
            let variants = keywords.one_of.iter().chain(&keywords.any_of).flatten();
            if variants.into_iter().all(only) {
                decided.push("type");
            }
            return (class, decided);
        }
        match kind {
            Type::Null => (Class::Null, vec!["type"]),
            Type::Boolean => (Class::Boolean, vec!["type"]),
            Type::Integer => (
                integer(keywords),
                vec![
                    "type",
                    "minimum",
                    "maximum",
                    "exclusiveMinimum",
                    "exclusiveMaximum",
                    "format",
                ],
            ),
            Type::Number => (
                Class::Number(keywords.number),
                vec![
                    "type",
                    "minimum",
                    "maximum",
                    "exclusiveMinimum",
                    "exclusiveMaximum",
                ],
            ),
            Type::String => (
                Class::String(keywords.string.clone()),
                vec!["type", "minLength", "maxLength", "pattern", "format"],
            ),
            Type::Array => array(keywords),
            Type::Object => self
                .object(view, keywords, true)
                .unwrap_or((Class::Map, vec!["type"])),
        }
    }

    /// The types that a schema lets through, if they can be told.
    pub(super) fn kinds(&self, view: View<'a>) -> Option<Vec<Type>> {
        let mut kinds = Vec::new();
        self.add_kinds(view, &mut HashSet::new(), 0, &mut kinds)
            .then_some(kinds)
    }

    /// Adds them; `false` if they cannot be told.
    fn add_kinds(
        &self,
        view: View<'a>,
        seen: &mut HashSet<usize>,
        depth: usize,
        kinds: &mut Vec<Type>,
    ) -> bool {
        let Some(keywords) = view.raw.keywords() else {
            return false;
        };
        if depth > MAX_CHAIN || seen.len() > MAX_SEEN {
            return false;
        }
        // What was looked at adds nothing more.
        if !seen.insert(view.raw.id) {
            return true;
        }
        let mut add = |kind: Type| {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        };
        if let Some(constants) = view.constants() {
            for constant in constants {
                Type::ALL
                    .iter()
                    .filter(|(_, kind)| kind.fits(&constant.value))
                    .for_each(|(_, kind)| add(*kind));
            }
            return true;
        }
        if let Some(types) = view.types() {
            types.into_iter().for_each(add);
            return true;
        }
        if let Some((name, _)) = &keywords.reference {
            let target = self.types.get(name);
            return target.is_some_and(|raw| self.add_kinds(View::whole(raw), seen, depth + 1, kinds));
        }
        let all_of = keywords.all_of.as_ref().filter(|branches| branches.len() == 1);
        match keywords.one_of.as_ref().or(keywords.any_of.as_ref()).or(all_of) {
            Some(list) => list
                .iter()
                .all(|raw| self.add_kinds(View::whole(raw), seen, depth + 1, kinds)),
            None => false,
        }
    }
}

/// What a schema leaves to the validator.
fn residual(view: View<'_>, keywords: &Keywords, decided: &[&str]) -> Vec<String> {
    use crate::schema::keywords::Applies;
    let types = view.types();
    let matters = |applies: Applies| match applies {
        // A part of a schema has the assertions of its own type; the others stay with the whole.
        Applies::Any => view.only.is_none(),
        applies => types
            .as_ref()
            .is_none_or(|types| types.iter().any(|kind| applies.to(*kind))),
    };
    let left = keywords
        .present
        .iter()
        .filter(|(name, applies)| !decided.contains(name) && matters(*applies));
    left.map(|(name, _)| (*name).to_owned()).collect()
}

/// For a shape whose parts are schemas of one type each: those decide all keywords that apply to one type.
fn all_decided(keywords: &Keywords) -> Vec<&'static str> {
    use crate::schema::keywords::Applies;
    let parts = keywords
        .present
        .iter()
        .filter(|(_, applies)| *applies != Applies::Any)
        .map(|(name, _)| *name);
    parts.chain(["type"]).collect()
}

fn constants<'a>(view: View<'a>, keywords: &Keywords) -> Option<Class<'a>> {
    let constants = view.constants()?;
    keywords.constants.as_ref()?;
    if constants.is_empty() {
        return None;
    }
    if constants.iter().any(|constant| constant.value.is_null()) {
        return Some(if constants.len() == 1 {
            Class::Null
        } else {
            Class::Nullable(View {
                without_null: true,
                ..view
            })
        });
    }
    let strings: Option<Vec<_>> = constants
        .iter()
        .map(|constant| constant.value.as_str().map(str::to_owned))
        .collect();
    if let Some(strings) = strings {
        return Some(Class::Strings(strings));
    }
    let all = |kind: Type| constants.iter().all(|constant| kind.fits(&constant.value));
    // Whole numbers such as 1e20 are integers to JSON Schema, and beyond those of Rust.
    let held = |value: &Value| value.as_f64().is_some_and(|number| number.abs() <= SAFE as f64);
    let base = if all(Type::Integer) && constants.iter().all(|constant| held(&constant.value)) {
        LiteralBase::Integer
    } else if all(Type::Number) {
        LiteralBase::Number
    } else if all(Type::Boolean) {
        LiteralBase::Boolean
    } else {
        LiteralBase::Any
    };
    Some(Class::Literals(
        base,
        constants.iter().map(|constant| constant.value.clone()).collect(),
    ))
}

fn integer(keywords: &Keywords) -> Class<'static> {
    let (min, max) = keywords.int_range;
    let repr = match keywords.int_format {
        Some(IntFormat::I64) => return Class::IntegerText(IntRepr::I64),
        Some(IntFormat::U64) => return Class::IntegerText(IntRepr::U64),
        Some(IntFormat::I32) => IntRepr::I32,
        Some(IntFormat::U32) => IntRepr::U32,
        None if min >= 0 => IntRepr::U64,
        None => IntRepr::I64,
    };
    Class::Integer { repr, min, max }
}

fn array(keywords: &Keywords) -> (Class<'static>, Vec<&'static str>) {
    match &keywords.prefix_items {
        None => (Class::Array, vec!["type", "items", "minItems", "maxItems"]),
        Some(_) if keywords.is_tuple() => (
            Class::Tuple,
            vec!["type", "prefixItems", "items", "minItems", "maxItems"],
        ),
        Some(_) => (Class::Array, vec!["type", "minItems", "maxItems"]),
    }
}
