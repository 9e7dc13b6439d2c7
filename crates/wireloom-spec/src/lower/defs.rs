//! From schemas to named types: makes the definitions, their fields and variants, and their names.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::classify::{Class, Classified, Classifier};
use super::object::Parts;
use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::{
    Def, DefId, DefKind, Docs, EnumVariant, Extra, Field, Origin, Schema, Shape, StringRule, Struct,
};
use crate::names::{self, Names};
use crate::schema::{Form, Raw, Type, View};

/// Most properties of all structs together, those of merged ones counted each time.
const MAX_FIELDS: usize = 500_000;

/// Makes the definitions of one file, or of the engine.
pub(crate) struct Lowerer<'a> {
    pub(super) classifier: Classifier<'a>,
    pub(super) made: Vec<Made>,
    pub(super) by_type: HashMap<&'a str, DefId>,
    /// Inline types that were made: the same schema by another way is the same type.
    inline: HashMap<(usize, Option<Type>, bool), DefId>,
    rust: Names,
    ts: Names,
    fields: usize,
    sink: &'a mut Sink,
}

/// A definition, and the one of `types` or the payload that it was found in.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) def: Def,
    pub(super) root: DefId,
    names: Hint,
}

/// What a type would be called if one is needed.
#[derive(Debug, Clone)]
pub(super) struct Hint {
    rust: String,
    ts: String,
}

impl Hint {
    pub(super) fn child(&self, part: &str) -> Self {
        Self {
            rust: format!("{}{part}", self.rust),
            ts: format!("{}{part}", self.ts),
        }
    }
}

/// Where an inline type is found.
#[derive(Clone, Copy)]
pub(super) struct Within {
    parent: DefId,
    root: DefId,
}

/// A type with a name of its own, before its schema is looked at.
pub(crate) struct Root<'a> {
    pub(crate) rust_name: String,
    pub(crate) ts_name: String,
    /// What the names of types inside it begin with, in both languages: no `Payload` in the middle of a name.
    pub(crate) base: String,
    pub(crate) origin: Origin,
    pub(crate) docs: Docs,
    pub(crate) raw: &'a Raw,
}

impl<'a> Lowerer<'a> {
    /// Names that are taken in either language must be in `rust` and `ts`.
    pub(crate) fn new(types: &'a IndexMap<String, Raw>, rust: Names, ts: Names, sink: &'a mut Sink) -> Self {
        Self {
            classifier: Classifier::new(types),
            made: Vec::new(),
            by_type: HashMap::new(),
            inline: HashMap::new(),
            rust,
            ts,
            fields: 0,
            sink,
        }
    }

    /// The names that are taken now in TypeScript.
    pub(crate) fn into_parts(self) -> (Vec<(Def, DefId)>, Names) {
        (
            self.made.into_iter().map(|made| (made.def, made.root)).collect(),
            self.ts,
        )
    }

    /// Makes the types with names of their own. All are known before the first is looked into.
    pub(crate) fn roots(&mut self, roots: Vec<Root<'a>>) -> Vec<DefId> {
        let ids = (self.made.len()..self.made.len() + roots.len())
            .map(DefId)
            .collect();
        let mut raws = Vec::with_capacity(roots.len());
        for Root {
            rust_name,
            ts_name,
            base,
            origin,
            docs,
            raw,
        } in roots
        {
            let id = DefId(self.made.len());
            let names = Hint {
                rust: base.clone(),
                ts: base,
            };
            if let Origin::Type(name) = &origin
                && let Some((name, _)) = self.classifier.types.get_key_value(name)
            {
                self.by_type.insert(name, id);
            }
            raws.push((id, raw));
            let kind = DefKind::Enum(Vec::new());
            let schema = raw.json.clone();
            let def = Def {
                rust_name,
                ts_name,
                origin,
                docs,
                kind,
                schema,
                residual: Vec::new(),
            };
            self.made.push(Made { def, root: id, names });
        }
        // What an `allOf` brings together is made where it is defined, and gets its name from there.
        raws.sort_by_key(|(_, raw)| raw.keywords().is_some_and(|keywords| keywords.all_of.is_some()));
        for (id, raw) in raws {
            self.root(id, raw);
        }
        ids
    }

    fn root(&mut self, id: DefId, raw: &'a Raw) {
        let within = Within { parent: id, root: id };
        let mut view = View::whole(raw);
        let mut classified = self.classifier.classify(view);
        let mut residual = classified.residual.clone();
        while let Class::Same(inner) = &classified.class {
            view = *inner;
            classified = self.classifier.classify(view);
            residual.extend_from_slice(&classified.residual);
        }
        let class = classified.class.clone();
        let Some(names) = self.made.get(id.0).map(|made| made.names.clone()) else {
            return;
        };
        let kind = if needs_def(&class) {
            self.inline.insert(view.key(), id);
            self.kind(class, &names, within)
        } else {
            // What is nullable has a name of its own, which what is under the null cannot have.
            let hint = if matches!(class, Class::Nullable(_)) {
                names.child("Value")
            } else {
                names
            };
            let shape = self.shape(view, class, &hint, within);
            let schema = Schema {
                shape,
                json: raw.json.clone(),
                residual: residual.clone(),
                docs: raw.docs.clone(),
            };
            match self.made.get(id.0).map(|made| &made.def.origin) {
                Some(Origin::Payload(_)) => DefKind::Newtype(schema),
                _ => DefKind::Alias(schema),
            }
        };
        if let Some(made) = self.made.get_mut(id.0) {
            made.def.kind = kind;
            made.def.residual = residual;
        }
    }

    /// A schema at a place inside a type.
    pub(super) fn place(&mut self, view: View<'a>, hint: &Hint, within: Within) -> Schema {
        let Classified { class, residual } = Classified::clone(&self.classifier.classify(view));
        let docs = if view.is_whole() {
            view.raw.docs.clone()
        } else {
            Docs::default()
        };
        if let Class::Same(inner) = class {
            let mut schema = self.place(inner, hint, within);
            schema.residual.extend(residual);
            schema.json = view.json();
            if docs != Docs::default() {
                schema.docs = docs;
            }
            return schema;
        }
        let json = view.json();
        if needs_def(&class) {
            let id = self.inline_def(view, class, residual, hint, within);
            return Schema {
                shape: Shape::Def(id),
                json,
                residual: Vec::new(),
                docs,
            };
        }
        let shape = self.shape(view, class, hint, within);
        Schema {
            shape,
            json,
            residual,
            docs,
        }
    }

    fn inline_def(
        &mut self,
        view: View<'a>,
        class: Class<'a>,
        residual: Vec<String>,
        hint: &Hint,
        within: Within,
    ) -> DefId {
        if let Some(id) = self.inline.get(&view.key()) {
            return *id;
        }
        let id = DefId(self.made.len());
        self.inline.insert(view.key(), id);
        let names = Hint {
            rust: self.rust.free(&hint.rust),
            ts: self.ts.free(&hint.ts),
        };
        let def = Def {
            rust_name: names.rust.clone(),
            ts_name: names.ts.clone(),
            origin: Origin::Inline(within.parent),
            docs: if view.is_whole() {
                view.raw.docs.clone()
            } else {
                Docs::default()
            },
            kind: DefKind::Enum(Vec::new()),
            schema: view.json(),
            residual,
        };
        self.made.push(Made {
            def,
            root: within.root,
            names: names.clone(),
        });
        let kind = self.kind(class, &names, Within { parent: id, ..within });
        if let Some(made) = self.made.get_mut(id.0) {
            made.def.kind = kind;
        }
        id
    }

    /// A class that needs no name.
    fn shape(&mut self, view: View<'a>, class: Class<'a>, hint: &Hint, within: Within) -> Shape {
        match class {
            Class::Null => Shape::Null,
            Class::Boolean => Shape::Boolean,
            Class::Integer { repr, min, max } => Shape::Integer { repr, min, max },
            Class::IntegerText(repr) => Shape::IntegerText(repr),
            Class::Number(range) => Shape::Number(range),
            Class::String(rule) => Shape::String(rule),
            Class::Literals(base, values) => Shape::Literals { base, values },
            Class::Nullable(inner) => Shape::Nullable(Box::new(self.place(inner, hint, within))),
            Class::Ref(name) => self.by_type.get(name).map_or(Shape::Any, |id| Shape::Def(*id)),
            Class::Array => self.array(view, hint, within),
            Class::Tuple => self.tuple(view, hint, within),
            Class::Map => self.map(view, hint, within),
            // The rest has a definition.
            Class::Any
            | Class::Strings(_)
            | Class::Struct(_)
            | Class::Tagged(..)
            | Class::Union { .. }
            | Class::Same(_) => Shape::Any,
        }
    }

    fn array(&mut self, view: View<'a>, hint: &Hint, within: Within) -> Shape {
        let Some(keywords) = view.raw.keywords() else {
            return Shape::Any;
        };
        let items = keywords
            .items
            .as_deref()
            .filter(|_| keywords.prefix_items.is_none());
        let items = items.map_or_else(anything, |raw| {
            self.place(View::whole(raw), &hint.child("Item"), within)
        });
        Shape::Array {
            items: Box::new(items),
            min_items: keywords.min_items,
            max_items: keywords.max_items,
        }
    }

    fn tuple(&mut self, view: View<'a>, hint: &Hint, within: Within) -> Shape {
        let prefix = view
            .raw
            .keywords()
            .and_then(|keywords| keywords.prefix_items.as_deref())
            .unwrap_or_default();
        let items = prefix.iter().enumerate().map(|(index, raw)| {
            self.place(
                View::whole(raw),
                &hint.child(&format!("Item{}", index + 1)),
                within,
            )
        });
        Shape::Tuple(items.collect())
    }

    fn map(&mut self, view: View<'a>, hint: &Hint, within: Within) -> Shape {
        let Some(keywords) = view.raw.keywords() else {
            return Shape::Any;
        };
        // Where names have patterns, what `additionalProperties` says is not said of all values.
        let values = keywords
            .additional
            .as_deref()
            .filter(|_| !keywords.has("patternProperties"));
        let values = values.map_or_else(anything, |raw| {
            self.place(View::whole(raw), &hint.child("Value"), within)
        });
        Shape::Map {
            values: Box::new(values),
            min_properties: keywords.min_properties,
            max_properties: keywords.max_properties,
        }
    }

    /// What a definition is.
    fn kind(&mut self, class: Class<'a>, names: &Hint, within: Within) -> DefKind {
        match class {
            Class::Struct(parts) => DefKind::Struct(self.object(&parts, names, within)),
            Class::Strings(values) => {
                let mut taken = Names::default();
                let variants = values.into_iter().map(|value| {
                    let rust_name = taken.free(&names::variant_name(&value));
                    EnumVariant { value, rust_name }
                });
                DefKind::Enum(variants.collect())
            }
            Class::Tagged(variants, tag) => self.tagged(variants, tag, names, within),
            Class::Union {
                exactly_one,
                variants,
            } => self.union(exactly_one, variants, names, within),
            _ => DefKind::Enum(Vec::new()),
        }
    }

    fn object(&mut self, parts: &Parts<'a>, names: &Hint, within: Within) -> Struct {
        let properties = parts.properties();
        let additional = parts.additional();
        let mut taken = Names::default();
        let mut fields = Vec::with_capacity(properties.len());
        let undeclared = parts
            .sources
            .iter()
            .flat_map(|source| &source.required)
            .map(|(name, span)| (name.as_str(), *span));
        let undeclared: IndexMap<_, _> = undeclared
            .filter(|(name, _)| !properties.contains_key(name))
            .collect();
        self.fields += properties.len() + undeclared.len();
        if self.fields > MAX_FIELDS {
            if self.fields - properties.len() - undeclared.len() <= MAX_FIELDS {
                let at = properties
                    .values()
                    .next()
                    .map_or_else(Default::default, |property| property.name_span);
                let message =
                    format!("the types of the file have more than {MAX_FIELDS} properties together");
                self.sink.push(
                    Report::new(&codes::LIMIT, at, message)
                        .help("let fewer types share properties by `allOf`"),
                );
            }
            return Struct {
                fields,
                extra: Extra::Refused,
                min_properties: None,
                max_properties: None,
            };
        }
        for (name, property) in properties {
            let view = View::whole(&property.schema);
            let required = parts.requires(name);
            let constant = if required {
                self.classifier.constant(view)
            } else {
                None
            };
            let schema = if constant.is_some() {
                let shape = Shape::String(StringRule::default());
                Schema {
                    shape,
                    json: view.json(),
                    residual: Vec::new(),
                    docs: view.raw.docs.clone(),
                }
            } else {
                self.place(view, &names.child(&names::type_part(name)), within)
            };
            fields.push(field(name, required, schema, constant, &mut taken));
        }
        for name in undeclared.keys() {
            let schema = match additional {
                Some(raw) => self.place(View::whole(raw), &names.child("Value"), within),
                None => anything(),
            };
            fields.push(field(name, true, schema, None, &mut taken));
        }
        let extra = match additional {
            Some(Raw {
                form: Form::Never, ..
            }) => Extra::Refused,
            None
            | Some(Raw {
                form: Form::Any | Form::Broken,
                ..
            }) => Extra::Any(taken.free("extra")),
            Some(raw) => {
                let name = taken.free("extra");
                Extra::Typed(
                    name,
                    Box::new(self.place(View::whole(raw), &names.child("Value"), within)),
                )
            }
        };
        Struct {
            fields,
            extra,
            min_properties: parts
                .sources
                .iter()
                .filter_map(|source| source.min_properties)
                .max(),
            max_properties: parts
                .sources
                .iter()
                .filter_map(|source| source.max_properties)
                .min(),
        }
    }
}

fn needs_def(class: &Class<'_>) -> bool {
    matches!(
        class,
        Class::Struct(_) | Class::Strings(_) | Class::Tagged(..) | Class::Union { .. }
    )
}

fn field(name: &str, required: bool, schema: Schema, constant: Option<String>, taken: &mut Names) -> Field {
    let rust_name = names::escape(taken.free(&names::field_name(name)));
    Field {
        name: name.to_owned(),
        rust_name,
        required,
        schema,
        boxed: false,
        constant,
    }
}

/// The schema of anything.
fn anything() -> Schema {
    Schema {
        shape: Shape::Any,
        json: true.into(),
        residual: Vec::new(),
        docs: Docs::default(),
    }
}
