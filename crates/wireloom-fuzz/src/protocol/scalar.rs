//! Schemas of values that hold no others: strings, integers, numbers, constants.

use serde_json::{Value, json};

use super::{Maker, pool, set};

impl Maker {
    pub(super) fn string(&mut self) -> Value {
        let mut schema = json!({ "type": "string" });
        match self.random.below(8) {
            0 => return json!("string"),
            1 | 2 => set(&mut schema, "pattern", self.word(&pool::PATTERNS)),
            3 => set(&mut schema, "format", self.word(&pool::FORMATS)),
            4 => return self.strings(),
            5 if self.one_in(2) => {
                set(&mut schema, "format", self.word(&pool::FORMATS));
                // Each of the formats fits.
                set(&mut schema, "maxLength", 40 + self.random.below(20));
            }
            5 => {
                set(
                    &mut schema,
                    "pattern",
                    self.word(&["a", "^\\w*$", "^[^a]*$", "\\S", "[🦀é]"]),
                );
                set(&mut schema, "minLength", self.random.below(4));
                set(&mut schema, "maxLength", 4 + self.random.below(20));
            }
            _ => {
                let least = self.random.below(6);
                if self.one_in(2) {
                    set(&mut schema, "minLength", least);
                }
                if !self.one_in(3) {
                    set(&mut schema, "maxLength", least + self.random.below(12));
                }
            }
        }
        if self.one_in(12) {
            let other = match self.random.below(3) {
                0 => json!({ "const": "a" }),
                1 => json!({ "maxLength": 1 }),
                _ => json!({ "pattern": "^x" }),
            };
            set(&mut schema, "not", other);
        }
        schema
    }

    /// A set of strings, in each of its spellings.
    fn strings(&mut self) -> Value {
        let mut values = pool::STRINGS.to_vec();
        self.random.shuffle(&mut values);
        values.truncate(1 + self.random.below(5));
        match self.random.below(6) {
            0 => json!({ "const": values.first() }),
            1 => json!({ "type": "string", "enum": values }),
            2 => {
                let described = values
                    .iter()
                    .map(|value| json!({ "const": value, "description": "It." }));
                json!({ "oneOf": described.collect::<Vec<_>>() })
            }
            3 => json!({ "const": values.first(), "enum": values }),
            4 => json!({ "enum": values, "maxLength": 4, "not": { "const": "b" } }),
            _ => json!({ "enum": values }),
        }
    }

    pub(super) fn integer(&mut self) -> Value {
        let mut schema = json!({ "type": "integer" });
        match self.random.below(8) {
            0 => return json!("integer"),
            1 => {
                let format = self.word(&["int64", "uint64"]);
                set(&mut schema, "format", format);
                if self.one_in(4) {
                    set(&mut schema, "not", json!({ "maxLength": 1 }));
                }
                return schema;
            }
            2 => {
                let format = self.word(&["int32", "uint32"]);
                set(&mut schema, "format", format);
            }
            3 => {
                let values: Vec<i64> = (0..1 + self.random.below(4) as i64)
                    .map(|at| at * 7 - 3 + self.random.below(6) as i64)
                    .collect();
                return json!({ "enum": values });
            }
            _ => {
                let low = self.random.below(pool::INTEGERS.len() - 1);
                let high = low + 1 + self.random.below(pool::INTEGERS.len() - 1 - low);
                let bound = |at: usize| pool::INTEGERS.get(at).copied().unwrap_or_default();
                match self.random.below(6) {
                    0 => set(&mut schema, "exclusiveMinimum", bound(low)),
                    1 => set(&mut schema, "minimum", bound(low) as f64 / 2.0),
                    2 => {}
                    _ => set(&mut schema, "minimum", bound(low)),
                }
                match self.random.below(6) {
                    0 if bound(high) - bound(low) > 2 => set(&mut schema, "exclusiveMaximum", bound(high)),
                    1 => set(&mut schema, "maximum", bound(high) as f64 + 0.5),
                    2 => {}
                    _ => set(&mut schema, "maximum", bound(high)),
                }
            }
        }
        match self.random.below(8) {
            0 => set(&mut schema, "multipleOf", self.step()),
            1 => set(&mut schema, "not", json!({ "multipleOf": 2 })),
            2 => set(&mut schema, "allOf", json!([{ "not": { "const": 0 } }])),
            _ => {}
        }
        schema
    }

    fn step(&mut self) -> f64 {
        self.pick(&pool::STEPS).unwrap_or(1.0)
    }

    pub(super) fn number(&mut self) -> Value {
        let mut schema = json!({ "type": "number" });
        match self.random.below(6) {
            0 => return json!("number"),
            1 => {
                let mut values = vec![
                    json!(0.5),
                    json!(1),
                    json!(-2.25),
                    json!(1e21),
                    json!(100.0),
                    json!(0.1),
                ];
                self.random.shuffle(&mut values);
                values.truncate(1 + self.random.below(4));
                return json!({ "enum": values });
            }
            2 => {
                set(&mut schema, "multipleOf", self.step());
                set(&mut schema, "minimum", -10);
                set(&mut schema, "maximum", 1000);
            }
            _ => {
                let low = self.random.below(pool::NUMBERS.len() - 1);
                let high = low + 1 + self.random.below(pool::NUMBERS.len() - 1 - low);
                let bound = |at: usize| pool::NUMBERS.get(at).copied().unwrap_or_default();
                let least = self.word(&["minimum", "minimum", "exclusiveMinimum", ""]);
                let most = self.word(&["maximum", "maximum", "exclusiveMaximum", ""]);
                for (keyword, bound) in [(least, bound(low)), (most, bound(high))] {
                    if !keyword.is_empty() {
                        set(&mut schema, keyword, bound);
                    }
                }
            }
        }
        if self.one_in(10) {
            set(&mut schema, "not", json!({ "type": "integer" }));
        }
        schema
    }

    /// Constants that are no strings, or not all of them.
    pub(super) fn literals(&mut self) -> Value {
        let mut values = pool::constants();
        self.random.shuffle(&mut values);
        if self.one_in(4) {
            return json!({ "const": values.first() });
        }
        let kept: Vec<Value> = match self.random.below(4) {
            0 => values.into_iter().filter(Value::is_number).collect(),
            1 => values
                .into_iter()
                .filter(|value| !value.is_null())
                .take(4)
                .collect(),
            _ => values.into_iter().take(1 + self.random.below(6)).collect(),
        };
        let mut schema = json!({ "enum": kept });
        if self.one_in(8) {
            set(&mut schema, "not", json!({ "type": "array" }));
        }
        schema
    }
}
