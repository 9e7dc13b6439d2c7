//! Schemas of objects: fields and properties, what they may be beside them, and what one says of another.

use serde_json::{Map, Value, json};

use super::{Maker, pool, set};

impl Maker {
    /// Some names of properties, no two the same.
    fn properties(&mut self, most: usize) -> Vec<&'static str> {
        let mut names = pool::PROPERTIES.to_vec();
        self.random.shuffle(&mut names);
        names.truncate(self.random.below(most + 1));
        names
    }

    pub(super) fn object(&mut self, depth: u32, guarded: bool) -> Value {
        let names = self.properties(5);
        let mut required: Vec<&str> = Vec::new();
        let mut properties: Vec<(&str, Value)> = Vec::new();
        for name in names {
            let optional = self.one_in(2);
            if !optional {
                required.push(name);
            }
            properties.push((name, self.property(depth, guarded || optional)));
        }
        let mut schema = if self.one_in(2) {
            let mark = |name: &str| if required.contains(&name) { "" } else { "?" };
            let fields = properties
                .iter()
                .map(|(name, schema)| (format!("{name}{}", mark(name)), schema.clone()));
            let mut schema = json!({ "fields": fields.collect::<Map<_, _>>() });
            if self.one_in(3) {
                set(&mut schema, "open", true);
            }
            schema
        } else {
            self.spelled_out(&properties, &required, depth)
        };
        self.names_and_counts(&mut schema, required.len());
        if self.one_in(4) {
            self.between_properties(&mut schema, &properties, depth);
        }
        if self.one_in(10) {
            set(
                &mut schema,
                "description",
                "An object. */ \"Quoted\", `code` and \\ {{ braces }}.",
            );
        }
        schema
    }

    fn property(&mut self, depth: u32, guarded: bool) -> Value {
        match self.random.below(40) {
            0 => json!(true),
            1 => json!({}),
            2 if guarded => json!(false),
            3 => json!({ "type": "string", "deprecated": true }),
            4 => json!({ "const": "fixed" }),
            5 => json!({ "type": "boolean", "const": true }),
            _ => self.schema(depth, guarded),
        }
    }

    fn spelled_out(&mut self, properties: &[(&str, Value)], required: &[&str], depth: u32) -> Value {
        let table = properties
            .iter()
            .map(|(name, schema)| ((*name).to_owned(), schema.clone()));
        let mut schema = json!({ "type": "object", "properties": table.collect::<Map<_, _>>() });
        let mut closed = false;
        match self.random.below(6) {
            0 | 1 => {
                closed = true;
                set(&mut schema, "additionalProperties", false);
            }
            2 => set(&mut schema, "additionalProperties", self.schema(depth, true)),
            3 => set(&mut schema, "additionalProperties", true),
            _ => {}
        }
        let mut required = required.to_vec();
        if !closed && self.one_in(6) {
            required.push("undeclared");
        }
        if !required.is_empty() {
            set(&mut schema, "required", required);
        }
        schema
    }

    /// Keywords of how many names there are and of what they look like.
    pub(super) fn names_and_counts(&mut self, schema: &mut Value, required: usize) {
        if self.one_in(8) {
            set(schema, "minProperties", self.random.below(3));
        }
        if self.one_in(8) {
            set(schema, "maxProperties", required + 2 + self.random.below(4));
        }
        if required == 0 && self.one_in(8) {
            let rule = match self.random.below(4) {
                0 => json!({ "maxLength": 4 }),
                1 => json!({ "enum": ["a", "id", "made_at", "日本", ""] }),
                2 => json!({ "not": { "const": "__proto__" } }),
                _ => json!({ "pattern": self.word(&pool::NAME_PATTERNS) }),
            };
            set(schema, "propertyNames", rule);
        }
    }

    /// What one property says of others.
    fn between_properties(&mut self, schema: &mut Value, properties: &[(&str, Value)], depth: u32) {
        let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
        let (Some(&first), Some(&last)) = (names.first(), names.last()) else {
            return;
        };
        let needs = |name: &str| json!({ "required": [name] });
        let allows = |name: &str, schema: &Value| json!({ "properties": { name: schema } });
        match self.random.below(12) {
            0 => set(schema, "dependentRequired", json!({ first: [last], last: names })),
            1 => set(schema, "dependentSchemas", json!({ first: needs(last) })),
            2 => set(
                schema,
                "dependentSchemas",
                json!({ last: { "properties": { first: { "maxLength": 3 } }, "maxProperties": 4 } }),
            ),
            3 => {
                set(schema, "if", needs(first));
                set(schema, "then", needs(last));
            }
            4 => {
                set(
                    schema,
                    "if",
                    allows(first, &json!({ "type": ["string", "integer"] })),
                );
                set(schema, "then", json!({ "maxProperties": 3 }));
                set(schema, "else", needs(last));
            }
            5 => set(schema, "not", needs("constructor")),
            6 => set(
                schema,
                "anyOf",
                json!([needs(first), needs(last), { "maxProperties": 1 }]),
            ),
            7 => set(schema, "oneOf", json!([needs(first), { "not": needs(first) }])),
            8 => {
                let pattern = self.word(&pool::NAME_PATTERNS);
                set(
                    schema,
                    "patternProperties",
                    json!({ pattern: self.schema(depth, true) }),
                );
            }
            9 => set(
                schema,
                "unevaluatedProperties",
                self.pick(&[json!(false), json!({ "type": "string" })]),
            ),
            10 => set(
                schema,
                "allOf",
                json!([{ "not": { "const": {} } }, { "maxProperties": 7 }]),
            ),
            _ => set(
                schema,
                "not",
                json!({ "properties": { first: { "const": null } }, "required": [first] }),
            ),
        }
    }

    /// An object with a required constant that tells it from others.
    pub(super) fn tagged_object(&mut self, tag: &str, value: &str, depth: u32) -> Value {
        let mut fields = Map::new();
        let constant = match self.random.below(4) {
            0 => json!({ "type": "string", "const": value }),
            1 => json!({ "enum": [value] }),
            _ => json!({ "const": value }),
        };
        for name in self.properties(3) {
            if name != tag {
                let optional = self.one_in(2);
                let mark = if optional { "?" } else { "" };
                fields.insert(format!("{name}{mark}"), self.property(depth + 1, optional));
            }
        }
        fields.insert(tag.to_owned(), constant);
        if self.one_in(6) {
            fields.insert("second".to_owned(), json!({ "const": value }));
        }
        let mut schema = json!({ "fields": fields });
        if self.one_in(4) {
            set(&mut schema, "open", true);
        }
        if self.one_in(12) {
            set(&mut schema, "maxProperties", 5);
        }
        schema
    }

    /// An object that others may be merged with.
    pub(super) fn open_object(&mut self, depth: u32) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for name in self.properties(3) {
            let optional = !self.one_in(3);
            if !optional {
                required.push(name);
            }
            properties.insert(name.to_owned(), self.property(depth + 1, optional));
        }
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            set(&mut schema, "required", required);
        }
        if self.one_in(6) {
            set(&mut schema, "minProperties", 1);
        }
        schema
    }
}
