//! What a model's shapes accept is what the JSON Schema beside them accepts: on values made from the shapes, on near
//! misses, and on values that have nothing to do with them.

mod support;

use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use wireloom_spec::model::{Def, DefKind, Extra, IntRepr, Model, Schema, Shape, StringRule, Struct};

#[test]
fn shapes_and_schemas_accept_the_same() {
    for path in support::files("mapping") {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let model = support::model(&text);
        let judge = Judge::new(&model);
        let cases = std::env::var("PROPTEST_CASES")
            .ok()
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(300);
        for def in &model.defs {
            let validator = judge.compile(&def.schema);
            let valid = std::cell::Cell::new(0);
            let mut runner = TestRunner::new(Config {
                cases,
                failure_persistence: None,
                ..Config::default()
            });
            let outcome = runner.run(&any::<u64>(), |seed| {
                let mut dice = Dice(seed | 1);
                let value = dice.def(&model, def, 0);
                let schema_says = validator.is_valid(&value);
                valid.set(valid.get() + usize::from(schema_says));
                prop_assert_eq!(judge.def(def, &value), schema_says, "{} in {}", value, def.schema);
                Ok(())
            });
            if let Err(error) = outcome {
                panic!("{} of {}: {error}", def.rust_name, path.display());
            }
            // What has a residual may be satisfied rarely, and `false` never is.
            let plain = def.residual.is_empty() && !def.schema.to_string().contains("false");
            assert!(
                valid.get() > 0 || !plain,
                "{} of {} was never valid",
                def.rust_name,
                path.display()
            );
        }
    }
}

/// Decides what is valid by the model, and asks the validator only where the model says so.
struct Judge<'m> {
    model: &'m Model,
    residual: HashMap<String, Validator>,
}

impl<'m> Judge<'m> {
    fn new(model: &'m Model) -> Self {
        let mut judge = Self {
            model,
            residual: HashMap::new(),
        };
        for def in &model.defs {
            if !def.residual.is_empty() {
                judge.remember(&def.schema);
            }
            match &def.kind {
                DefKind::Alias(schema) | DefKind::Newtype(schema) => judge.learn(schema),
                DefKind::Struct(object) => {
                    object.fields.iter().for_each(|field| judge.learn(&field.schema));
                    if let Extra::Typed(_, schema) = &object.extra {
                        judge.learn(schema);
                    }
                }
                DefKind::Union(union) => union
                    .variants
                    .iter()
                    .for_each(|variant| judge.learn(&variant.schema)),
                DefKind::Enum(_) | DefKind::Tagged(_) => {}
            }
        }
        judge
    }

    fn learn(&mut self, schema: &Schema) {
        if !schema.residual.is_empty()
            || matches!(&schema.shape, Shape::String(rule) if rule.pattern.is_some() || rule.format.is_some())
        {
            self.remember(&schema.json);
        }
        match &schema.shape {
            Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } | Shape::Nullable(inner) => {
                self.learn(inner);
            }
            Shape::Tuple(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn remember(&mut self, schema: &Value) {
        let validator = self.compile(schema);
        self.residual.insert(schema.to_string(), validator);
    }

    fn compile(&self, schema: &Value) -> Validator {
        let whole = json!({ "$defs": self.model.schema_defs(), "allOf": [schema] });
        jsonschema::options()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .build(&whole)
            .expect("an emitted schema compiles")
    }

    fn asks(&self, schema: &Value, value: &Value) -> bool {
        self.residual
            .get(&schema.to_string())
            .is_some_and(|validator| validator.is_valid(value))
    }

    fn def(&self, def: &Def, value: &Value) -> bool {
        let fits = match &def.kind {
            DefKind::Alias(schema) | DefKind::Newtype(schema) => self.place(schema, value),
            DefKind::Struct(object) => self.object(object, value),
            DefKind::Enum(variants) => variants.iter().any(|variant| value == &variant.value),
            DefKind::Tagged(tagged) => value.get(&tagged.tag).is_some_and(|tag| {
                let variant = tagged.variants.iter().find(|variant| tag == &variant.value);
                variant.is_some_and(|variant| self.def(self.model.def(variant.def), value))
            }),
            DefKind::Union(union) => {
                let fitting = union
                    .variants
                    .iter()
                    .filter(|variant| self.place(&variant.schema, value))
                    .count();
                if union.exactly_one {
                    fitting == 1
                } else {
                    fitting > 0
                }
            }
        };
        fits && (def.residual.is_empty() || self.asks(&def.schema, value))
    }

    fn object(&self, object: &Struct, value: &Value) -> bool {
        let Value::Object(value) = value else { return false };
        let count = value.len() as u64;
        let named = object.fields.iter().all(|field| match value.get(&field.name) {
            None => !field.required,
            Some(value) => match &field.constant {
                Some(constant) => value == constant,
                None => self.place(&field.schema, value),
            },
        });
        let mut others = value
            .iter()
            .filter(|(name, _)| object.fields.iter().all(|field| field.name != **name));
        named
            && object.min_properties.is_none_or(|least| count >= least)
            && object.max_properties.is_none_or(|most| count <= most)
            && match &object.extra {
                Extra::Refused => others.next().is_none(),
                Extra::Any(_) => true,
                Extra::Typed(_, schema) => others.all(|(_, value)| self.place(schema, value)),
            }
    }

    fn place(&self, schema: &Schema, value: &Value) -> bool {
        self.shape(schema, value) && (schema.residual.is_empty() || self.asks(&schema.json, value))
    }

    fn shape(&self, schema: &Schema, value: &Value) -> bool {
        let within = |count: usize, least: &Option<u64>, most: &Option<u64>| {
            least.is_none_or(|least| count as u64 >= least) && most.is_none_or(|most| count as u64 <= most)
        };
        match &schema.shape {
            Shape::Any => true,
            Shape::Null => value.is_null(),
            Shape::Boolean => value.is_boolean(),
            Shape::Integer { min, max, .. } => {
                let whole = value.as_i64().or_else(|| {
                    let float = value.as_f64().filter(|_| !value.is_u64())?;
                    (float.fract() == 0.0 && float.abs() < 1e18).then_some(float as i64)
                });
                whole.is_some_and(|whole| (*min..=*max).contains(&whole))
            }
            Shape::IntegerText(repr) => value.as_str().is_some_and(|text| {
                let canonical = |number: String| number == text;
                match repr {
                    IntRepr::U64 => text
                        .parse::<u64>()
                        .is_ok_and(|number| canonical(number.to_string())),
                    _ => text
                        .parse::<i64>()
                        .is_ok_and(|number| canonical(number.to_string())),
                }
            }),
            Shape::Number(range) => value.as_f64().is_some_and(|number| {
                range.min.is_none_or(|bound| number >= bound)
                    && range.above.is_none_or(|bound| number > bound)
                    && range.max.is_none_or(|bound| number <= bound)
                    && range.below.is_none_or(|bound| number < bound)
            }),
            Shape::String(StringRule {
                min_length,
                max_length,
                pattern,
                format,
            }) => value.as_str().is_some_and(|text| {
                within(text.chars().count(), min_length, max_length)
                    && (pattern.is_none() && format.is_none() || self.asks(&schema.json, value))
            }),
            Shape::Literals { values, .. } => values.iter().any(|each| equal(each, value)),
            Shape::Array {
                items,
                min_items,
                max_items,
            } => value.as_array().is_some_and(|list| {
                within(list.len(), min_items, max_items) && list.iter().all(|item| self.place(items, item))
            }),
            Shape::Tuple(items) => value.as_array().is_some_and(|list| {
                list.len() == items.len()
                    && items
                        .iter()
                        .zip(list)
                        .all(|(schema, item)| self.place(schema, item))
            }),
            Shape::Map {
                values,
                min_properties,
                max_properties,
            } => value.as_object().is_some_and(|object| {
                within(object.len(), min_properties, max_properties)
                    && object.values().all(|value| self.place(values, value))
            }),
            Shape::Nullable(inner) => value.is_null() || self.place(inner, value),
            Shape::Def(id) => self.def(self.model.def(*id), value),
        }
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    one == other
        || one
            .as_f64()
            .zip(other.as_f64())
            .is_some_and(|(one, other)| one == other)
}

/// Makes values from shapes, and now and then something else.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64: any sequence that does not repeat soon will do.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn def(&mut self, model: &Model, def: &Def, depth: usize) -> Value {
        if depth > 6 || self.roll(25) == 0 {
            return self.anything(0);
        }
        match &def.kind {
            DefKind::Alias(schema) | DefKind::Newtype(schema) => self.place(model, schema, depth),
            DefKind::Enum(variants) => {
                let index = self.roll(variants.len());
                variants[index].value.clone().into()
            }
            DefKind::Tagged(tagged) => {
                let index = self.roll(tagged.variants.len());
                self.def(model, model.def(tagged.variants[index].def), depth + 1)
            }
            DefKind::Union(union) => {
                let index = self.roll(union.variants.len());
                self.place(model, &union.variants[index].schema, depth + 1)
            }
            DefKind::Struct(object) => {
                let mut made = Map::new();
                for field in &object.fields {
                    let wanted = if field.required {
                        self.roll(20) > 0
                    } else {
                        self.roll(2) > 0
                    };
                    if wanted {
                        let value = match &field.constant {
                            Some(constant) if self.roll(20) > 0 => constant.clone().into(),
                            _ => self.place(model, &field.schema, depth + 1),
                        };
                        made.insert(field.name.clone(), value);
                    }
                }
                if self.roll(6) == 0 {
                    let value = match &object.extra {
                        Extra::Typed(_, schema) => self.place(model, schema, depth + 1),
                        _ => self.anything(0),
                    };
                    made.insert(["extra", "x-other", "b"][self.roll(3)].to_owned(), value);
                }
                made.into()
            }
        }
    }

    fn place(&mut self, model: &Model, schema: &Schema, depth: usize) -> Value {
        if depth > 8 || self.roll(25) == 0 {
            return self.anything(0);
        }
        match &schema.shape {
            Shape::Any => self.anything(0),
            Shape::Null => Value::Null,
            Shape::Boolean => (self.roll(2) == 0).into(),
            Shape::Integer { min, max, .. } => {
                let near = [*min, *max, 0, 1, min + 1, max - 1, min - 1, max + 1, 7];
                let number = near[self.roll(near.len())];
                if self.roll(4) == 0 {
                    (number as f64).into()
                } else {
                    number.into()
                }
            }
            Shape::IntegerText(_) => {
                let texts = [
                    "0",
                    "-0",
                    "-1",
                    "12",
                    "012",
                    "18446744073709551615",
                    "18446744073709551616",
                    "9223372036854775807",
                    "-9223372036854775808",
                    "9223372036854775808",
                    "1.0",
                    "",
                ];
                texts[self.roll(texts.len())].into()
            }
            Shape::Number(range) => {
                let bounds = [
                    range.min,
                    range.above,
                    range.max,
                    range.below,
                    Some(0.5),
                    Some(-1e9),
                    Some(3.0),
                ];
                let bound = bounds[self.roll(bounds.len())].unwrap_or(1.0);
                (bound + [-0.25, 0.0, 0.25][self.roll(3)]).into()
            }
            Shape::String(rule) => self.text(rule),
            Shape::Literals { values, .. } => values[self.roll(values.len())].clone(),
            Shape::Array {
                items,
                min_items,
                max_items,
            } => {
                let least = min_items.unwrap_or(0) as usize;
                let most = max_items.map_or(least + 3, |most| most as usize);
                let count = (least + self.roll(most - least + 3)).saturating_sub(1);
                (0..count.min(8))
                    .map(|_| self.place(model, items, depth + 1))
                    .collect()
            }
            Shape::Tuple(items) => {
                let mut made: Vec<_> = items
                    .iter()
                    .map(|item| self.place(model, item, depth + 1))
                    .collect();
                match self.roll(12) {
                    0 => made.push(Value::Null),
                    1 => drop(made.pop()),
                    _ => {}
                }
                made.into()
            }
            Shape::Map { values, .. } => {
                let names = ["a", "b", "x-1", "", "long name", "__proto__"];
                (0..self.roll(5))
                    .map(|_| {
                        (
                            names[self.roll(6)].to_owned(),
                            self.place(model, values, depth + 1),
                        )
                    })
                    .collect()
            }
            Shape::Nullable(inner) => {
                if self.roll(3) == 0 {
                    Value::Null
                } else {
                    self.place(model, inner, depth)
                }
            }
            Shape::Def(id) => self.def(model, model.def(*id), depth + 1),
        }
    }

    fn text(&mut self, rule: &StringRule) -> Value {
        let samples = [
            "2026-01-01T00:00:00Z",
            "a",
            "abc",
            "x",
            "",
            "ü😀",
            "A1",
            "aaaaaaaaaa",
        ];
        if self.roll(2) == 0 {
            return samples[self.roll(samples.len())].into();
        }
        let least = rule.min_length.unwrap_or(0) as usize;
        let most = rule.max_length.map_or(least + 4, |most| most as usize);
        let count = (least + self.roll(most - least + 3)).saturating_sub(1);
        let letters = ['a', 'z', 'ü', '😀', '0'];
        let only = self.roll(2);
        (0..count.min(100))
            .map(|_| letters[if only == 0 { 0 } else { self.roll(5) }])
            .collect::<String>()
            .into()
    }

    fn anything(&mut self, depth: usize) -> Value {
        match self.roll(if depth > 2 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => (self.roll(2) == 0).into(),
            2 => [
                json!(0),
                json!(1),
                json!(-1),
                json!(1.0),
                json!(0.5),
                json!(9_007_199_254_740_992_u64),
                json!(u64::MAX),
                json!(1e30),
            ][self.roll(8)]
            .clone(),
            3..=5 => ["", "a", "x", "only", "circle", "null", "1"][self.roll(7)].into(),
            6 => (0..self.roll(4)).map(|_| self.anything(depth + 1)).collect(),
            _ => {
                let names = ["a", "b", "kind", "id", "x", "extra"];
                (0..self.roll(4))
                    .map(|_| (names[self.roll(6)].to_owned(), self.anything(depth + 1)))
                    .collect()
            }
        }
    }
}
