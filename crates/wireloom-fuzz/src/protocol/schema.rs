//! Schemas of every kind, nested: the choice between them, references, lists, maps and unions.

use serde_json::{Value, json};

use super::{Kind, MANY, Maker, pool, set};

/// Levels below which only scalars and references are made.
const DEEP: u32 = 3;

impl Maker {
    /// A schema of any kind. `guarded`: it stands where a value may be missing, inside an object, so that it may lead back to
    /// the type that is being made.
    pub(super) fn schema(&mut self, depth: u32, guarded: bool) -> Value {
        self.schemas += 1;
        let small = depth >= DEEP || self.schemas > MANY;
        let below = depth + 1;
        match self.random.below(if small { 12 } else { 36 }) {
            0..=2 => self.string(),
            3 | 4 => self.integer(),
            5 => self.number(),
            6 => self.literals(),
            7..=9 => self.reference(guarded),
            10 | 11 => self.expression(guarded),
            12..=17 => self.object(below, guarded),
            18..=20 => self.array(below, guarded),
            21 | 22 => self.tuple(below, guarded),
            23..=25 => self.map(below, guarded),
            26 | 27 => self.tagged(below),
            28 | 29 => self.union(below, guarded),
            30 | 31 => self.all_of(below),
            32 | 33 => self.nullable(below, guarded),
            34 => self.several_types(below),
            _ => self.beside_reference(),
        }
    }

    /// The name of a type that may be referred to here.
    fn name(&mut self, guarded: bool) -> Option<&'static str> {
        let open = if guarded { self.named.len() } else { self.made };
        let names: Vec<_> = self.named.iter().take(open).map(|named| named.name).collect();
        self.pick(&names)
    }

    fn reference(&mut self, guarded: bool) -> Value {
        match self.name(guarded) {
            Some(name) if self.one_in(2) => json!({ "$ref": format!("#/types/{name}") }),
            Some(name) => json!(name),
            None => self.string(),
        }
    }

    /// A type expression: a name, and what may be put around it.
    fn expression(&mut self, guarded: bool) -> Value {
        let built_in = self.word(&["string", "integer", "number", "boolean", "boolean", "null", "any"]);
        let name = if self.one_in(3) { self.name(guarded) } else { None };
        let mut text = name.unwrap_or(built_in).to_owned();
        let mut nullable = name.is_none() && matches!(built_in, "null" | "any");
        for _ in 0..self.random.below(4) {
            match self.random.below(3) {
                0 => text.push_str("[]"),
                1 => text = format!("map<{text}>"),
                _ if nullable => continue,
                _ => text.push('?'),
            }
            nullable = text.ends_with('?');
        }
        text.into()
    }

    /// A reference with more beside it.
    fn beside_reference(&mut self) -> Value {
        let Some(name) = self.name(false) else {
            return self.literals();
        };
        let mut schema = json!({ "$ref": format!("#/types/{name}") });
        match self.random.below(6) {
            0 => set(&mut schema, "description", "Only a note."),
            1 => set(&mut schema, "not", json!({ "type": "null" })),
            2 => set(&mut schema, "maxLength", 12),
            3 => set(&mut schema, "maxProperties", 6),
            4 => set(
                &mut schema,
                "anyOf",
                json!([{ "type": ["object", "string"] }, { "maxItems": 3 }]),
            ),
            _ => set(&mut schema, "not", json!({ "required": ["id"] })),
        }
        schema
    }

    fn array(&mut self, depth: u32, guarded: bool) -> Value {
        let mut schema = json!({ "type": "array" });
        match self.random.below(12) {
            0 => {}
            1 => {
                set(
                    &mut schema,
                    "items",
                    json!({ "type": "integer", "minimum": 0, "maximum": 4 }),
                );
                set(&mut schema, "contains", json!({ "const": 3 }));
                let least = self.random.below(3);
                if self.one_in(2) {
                    set(&mut schema, "minContains", least);
                }
                if self.one_in(2) {
                    set(&mut schema, "maxContains", least.max(1) + self.random.below(2));
                }
            }
            2 => {
                let items: Vec<Value> = (0..1 + self.random.below(3))
                    .map(|_| self.schema(depth, guarded))
                    .collect();
                set(&mut schema, "prefixItems", items);
                match self.random.below(4) {
                    0 => set(&mut schema, "unevaluatedItems", false),
                    1 => set(&mut schema, "unevaluatedItems", json!({ "type": "integer" })),
                    2 => set(&mut schema, "items", self.schema(depth, guarded)),
                    _ => {}
                }
            }
            _ => set(&mut schema, "items", self.schema(depth, guarded)),
        }
        let unique = self.one_in(6);
        if unique {
            set(&mut schema, "uniqueItems", true);
        }
        let least = if guarded || unique {
            0
        } else {
            self.random.below(3)
        };
        if self.one_in(3) {
            set(&mut schema, "minItems", least);
        }
        if self.one_in(2) {
            set(&mut schema, "maxItems", least + 1 + self.random.below(5));
        }
        if self.one_in(15) {
            set(&mut schema, "not", json!({ "const": [] }));
        }
        schema
    }

    fn tuple(&mut self, depth: u32, guarded: bool) -> Value {
        let count = 1 + self.random.below(4);
        let items: Vec<Value> = (0..count).map(|_| self.schema(depth, guarded)).collect();
        let mut schema = json!({ "type": "array", "prefixItems": items, "items": false, "minItems": count });
        if self.one_in(3) {
            set(&mut schema, "maxItems", count);
        }
        if self.one_in(8) {
            set(&mut schema, "uniqueItems", true);
        }
        schema
    }

    fn map(&mut self, depth: u32, guarded: bool) -> Value {
        let mut schema = json!({ "type": "object" });
        if !self.one_in(8) {
            set(&mut schema, "additionalProperties", self.schema(depth, guarded));
        }
        self.names_and_counts(&mut schema, 0);
        if self.one_in(5) {
            let pattern = self.word(&pool::NAME_PATTERNS);
            set(
                &mut schema,
                "patternProperties",
                json!({ pattern: self.schema(depth, guarded) }),
            );
        }
        schema
    }

    /// A discriminated union: variants inline, by reference, or both.
    fn tagged(&mut self, depth: u32) -> Value {
        let tag = self.word(&pool::TAGS);
        let mut values = vec!["a", "b", "", "Self", "a-b", "日本", "\"", "\n"];
        self.random.shuffle(&mut values);
        let count = 2 + self.random.below(3);
        let mut variants: Vec<Value> = values
            .into_iter()
            .take(count)
            .map(|value| self.tagged_object(tag, value, depth))
            .collect();
        let family: Vec<_> = self
            .named
            .iter()
            .take(self.made)
            .filter(|named| named.kind == Kind::Variant)
            .map(|named| json!({ "$ref": format!("#/types/{}", named.name) }))
            .collect();
        if tag == pool::FAMILY && !family.is_empty() {
            variants.truncate(self.random.below(3));
            variants.extend(family);
            self.random.shuffle(&mut variants);
        }
        let keyword = self.word(&["oneOf", "oneOf", "anyOf"]);
        if self.one_in(5) {
            variants.push(json!({ "type": "null" }));
        }
        json!({ keyword: variants })
    }

    fn union(&mut self, depth: u32, guarded: bool) -> Value {
        let keyword = self.word(&["oneOf", "anyOf"]);
        let count = 1 + self.random.below(4);
        let mut variants: Vec<Value> = match self.random.below(4) {
            // Those that overlap.
            0 => vec![
                json!({ "type": "integer", "minimum": 0, "maximum": 6 }),
                json!({ "type": "number", "minimum": 3, "maximum": 10 }),
                json!({ "type": "string", "maxLength": 3 }),
                json!({ "type": "string", "minLength": 3 }),
            ],
            1 => (0..2 + self.random.below(2))
                .map(|_| self.object(depth, guarded))
                .collect(),
            _ => (0..count).map(|_| self.schema(depth, guarded)).collect(),
        };
        if self.one_in(4) {
            variants.push(json!("null"));
        }
        self.random.shuffle(&mut variants);
        let mut schema = json!({ keyword: variants });
        if self.one_in(10) {
            set(&mut schema, "not", json!({ "const": 5 }));
        }
        schema
    }

    /// Several objects at once.
    fn all_of(&mut self, depth: u32) -> Value {
        let open: Vec<_> = self
            .named
            .iter()
            .take(self.made)
            .filter(|named| named.kind == Kind::Open)
            .map(|named| json!({ "$ref": format!("#/types/{}", named.name) }))
            .collect();
        let mut parts: Vec<Value> = self.pick(&open).into_iter().collect();
        for _ in 0..1 + self.random.below(2) {
            parts.push(self.open_object(depth));
        }
        self.random.shuffle(&mut parts);
        let mut schema = json!({ "allOf": parts });
        match self.random.below(6) {
            0 => {
                set(&mut schema, "type", "object");
                set(&mut schema, "unevaluatedProperties", false);
            }
            1 => set(&mut schema, "type", "object"),
            2 => {
                let inner = self.schema(depth, false);
                schema = json!({ "allOf": [inner] });
            }
            _ => {}
        }
        schema
    }

    /// Null, or something else: each way to say it.
    fn nullable(&mut self, depth: u32, guarded: bool) -> Value {
        let nothing = self.pick(&[json!("null"), json!({ "type": "null" }), json!({ "const": null })]);
        match self.random.below(4) {
            0 => {
                let mut schema = match self.random.below(4) {
                    0 => self.object(depth, guarded),
                    1 => self.array(depth, guarded),
                    2 => self.integer(),
                    _ => self.string(),
                };
                match schema.get("type").and_then(Value::as_str).map(str::to_owned) {
                    Some(kind) => {
                        set(&mut schema, "type", json!([kind, "null"]));
                        schema
                    }
                    None => json!({ "anyOf": [schema, nothing] }),
                }
            }
            1 => match self.name(guarded) {
                Some(name) => format!("{name}?").into(),
                None => json!("string?"),
            },
            2 => json!({ "anyOf": [nothing, self.schema(depth, guarded)] }),
            _ => json!({ "oneOf": [self.schema(depth, guarded), nothing] }),
        }
    }

    fn several_types(&mut self, depth: u32) -> Value {
        let mut kinds = vec!["string", "integer", "boolean", "array", "object", "null"];
        if self.one_in(2) {
            kinds.push("number");
        }
        self.random.shuffle(&mut kinds);
        kinds.truncate(2 + self.random.below(4));
        let has = |kind: &str| kinds.contains(&kind);
        let mut schema = json!({ "type": kinds });
        if has("string") && self.one_in(2) {
            set(&mut schema, "maxLength", self.random.below(10));
        }
        if (has("integer") || has("number")) && self.one_in(2) {
            set(&mut schema, "minimum", -5);
            set(&mut schema, "exclusiveMaximum", 20);
        }
        if has("array") && self.one_in(2) {
            set(&mut schema, "items", self.schema(depth, false));
        }
        if has("object") && self.one_in(2) {
            set(
                &mut schema,
                "properties",
                json!({ "a": self.schema(depth, false), "b": "integer" }),
            );
            if self.one_in(2) {
                set(&mut schema, "required", json!(["b"]));
            }
            if self.one_in(2) {
                set(&mut schema, "additionalProperties", false);
            }
        }
        match self.random.below(8) {
            0 => set(&mut schema, "not", json!({ "const": "a" })),
            1 => set(
                &mut schema,
                "anyOf",
                json!([{ "type": ["string", "null", "integer", "object"] }, { "minItems": 1 }]),
            ),
            _ => {}
        }
        schema
    }
}
