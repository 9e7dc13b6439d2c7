//! Payloads that violate exactly one keyword: a valid one, changed in one place.
//!
//! Candidates are made keyword by keyword; that nothing else is violated along with it is checked, not hoped for.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::schema::{Node, Schemas, types};
use crate::text;

/// A change that should violate one keyword.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Where the value is put, as a JSON Pointer.
    at: String,
    value: Value,
    pub(crate) keyword: &'static str,
    /// Where a validator reports it.
    pub(crate) path: String,
}

impl Change {
    pub(crate) fn applied(&self, payload: &Value) -> Option<Value> {
        let mut payload = payload.clone();
        *payload.pointer_mut(&self.at)? = self.value.clone();
        Some(payload)
    }
}

/// Whether a payload violates one keyword at one place, and nothing else.
pub(crate) fn violates_only(validator: &Validator, payload: &Value, keyword: &str, path: &str) -> bool {
    let mut errors = validator.iter_errors(payload).peekable();
    errors.peek().is_some()
        && errors.all(|error| error.kind().keyword() == keyword && error.instance_path().as_str() == path)
}

/// Everything that can be broken in a valid payload, one thing at a time.
pub(crate) fn changes(schemas: &Schemas, node: &Node, payload: &Value, random: &mut Random) -> Vec<Change> {
    let mut walk = Walk {
        schemas,
        random,
        changes: Vec::new(),
        visits: 0,
    };
    walk.place(&[node], payload, "", None);
    walk.changes
}

/// The union that reports what is violated inside its variants.
type Union<'a> = Option<(&'static str, &'a str)>;

struct Walk<'s, 'r> {
    schemas: &'s Schemas,
    random: &'r mut Random,
    changes: Vec<Change>,
    visits: u32,
}

/// Most places that are looked at in one payload.
const MAX_VISITS: u32 = 2_000;

impl<'s> Walk<'s, '_> {
    fn put(&mut self, at: &str, keyword: &'static str, value: impl Into<Value>, union: Union<'_>) {
        self.put_at(at, at, keyword, value, union);
    }

    /// A change at one place that is reported at another.
    fn put_at(
        &mut self,
        at: &str,
        path: &str,
        keyword: &'static str,
        value: impl Into<Value>,
        union: Union<'_>,
    ) {
        let (keyword, path) = union.unwrap_or((keyword, path));
        self.changes.push(Change {
            at: at.to_owned(),
            value: value.into(),
            keyword,
            path: path.to_owned(),
        });
    }

    /// A value and the schemas that it satisfies.
    fn place(&mut self, nodes: &[&'s Node], value: &Value, at: &str, union: Union<'_>) {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return;
        }
        for node in nodes {
            self.node(node, value, at, union);
        }
        if let Value::Array(items) = value {
            for (index, item) in items.iter().enumerate() {
                let of_item = |node: &&'s Node| {
                    let array = &node.array;
                    array.prefix.get(index).or(array.items.as_deref())
                };
                let inside: Vec<_> = nodes.iter().filter_map(of_item).collect();
                self.place(&inside, item, &format!("{at}/{index}"), union);
            }
        }
        if let Value::Object(entries) = value {
            for (name, value) in entries {
                let inside = self.schemas.of_property(nodes, name);
                self.place(&inside, value, &join(at, name), union);
            }
        }
    }

    fn node(&mut self, node: &'s Node, value: &Value, at: &str, union: Union<'_>) {
        if let Some(target) = node.reference.as_deref().and_then(|name| self.schemas.def(name)) {
            self.place(&[target], value, at, union);
        }
        for part in &node.all_of {
            self.place(&[part], value, at, union);
        }
        for (keyword, variants) in [("anyOf", &node.any_of), ("oneOf", &node.one_of)] {
            for variant in variants {
                self.place(&[variant], value, at, union.or(Some((keyword, at))));
            }
            if !variants.is_empty() {
                for odd in odd_values() {
                    self.put(at, keyword, odd, union);
                }
            }
        }
        if let Some(condition) = &node.condition {
            for branch in [&condition.then, &condition.otherwise].into_iter().flatten() {
                self.place(&[branch], value, at, union);
            }
            // What turns the condition over may leave the branch unsatisfied.
            if let Value::Object(entries) = value {
                self.without_each(entries, at, "required", union);
            }
        }
        if node.negated {
            for odd in [
                json!({}),
                json!("root"),
                json!(0),
                json!(1),
                json!(2),
                json!(null),
                json!(""),
            ] {
                self.put(at, "not", odd, union);
            }
        }
        if let Some((keyword, values)) = &node.constants {
            for wrong in values.iter().flat_map(beside) {
                self.put(at, keyword, wrong, union);
            }
        }
        if node.typed {
            for odd in odd_values() {
                if node.types & type_of(&odd) == 0 {
                    self.put(at, "type", odd, union);
                }
            }
        }
        match value {
            Value::Number(_) => self.number(node, value, at, union),
            Value::String(text) => self.string(node, text, at, union),
            Value::Array(items) => self.array(node, items, at, union),
            Value::Object(entries) => self.object(node, entries, at, union),
            _ => {}
        }
    }

    fn number(&mut self, node: &Node, value: &Value, at: &str, union: Union<'_>) {
        let rule = &node.number;
        let whole = node.types & types::FRACTION == 0;
        for (bound, keyword, outward) in [
            (rule.min, "minimum", -1.0),
            (rule.above, "exclusiveMinimum", -1.0),
            (rule.max, "maximum", 1.0),
            (rule.below, "exclusiveMaximum", 1.0),
        ] {
            let Some(bound) = bound else { continue };
            let (next, edge) = if outward < 0.0 {
                (bound.next_down(), bound.floor())
            } else {
                (bound.next_up(), bound.ceil())
            };
            let mut beyond = vec![
                edge + outward,
                edge + 2.0 * outward,
                bound * 2.0,
                bound + 1e3 * outward,
            ];
            if keyword.starts_with("exclusive") {
                beyond.push(bound);
            }
            if !whole {
                beyond.push(next);
            }
            for value in beyond {
                // Digits that a double cannot hold are refused before any schema is asked.
                if value.abs() <= 9_007_199_254_740_993.0 && value.fract() == 0.0 {
                    self.put(at, keyword, value as i64, union);
                }
                self.put(at, keyword, value, union);
            }
        }
        if whole && node.typed {
            let fraction = value.as_f64().unwrap_or_default() + 0.5;
            self.put(at, "type", fraction, union);
        }
        if let Some(step) = rule.multiple_of {
            let value = value.as_f64().unwrap_or_default();
            for wrong in [value + step / 2.0, value + 1.0, value - 1.0] {
                self.put(at, "multipleOf", wrong, union);
            }
        }
    }

    fn string(&mut self, node: &Node, text: &str, at: &str, union: Union<'_>) {
        let rule = &node.string;
        if let Some(min) = rule.min.and_then(|min| usize::try_from(min).ok())
            && min > 0
        {
            let short: String = text.chars().take(min - 1).collect();
            self.put(at, "minLength", short, union);
            self.put(at, "minLength", "🦀".repeat(min - 1), union);
        }
        if let Some(max) = rule.max.and_then(|max| usize::try_from(max).ok()) {
            let points = text.chars().count();
            // More of the same fits a pattern more often than anything else.
            let last = text.chars().last().unwrap_or('a');
            let mut long = text.to_owned();
            long.extend(std::iter::repeat_n(last, (max + 1).saturating_sub(points)));
            self.put(at, "maxLength", long, union);
            self.put(at, "maxLength", "a".repeat(max + 1), union);
            self.put(at, "maxLength", "🦀".repeat(max + 1), union);
        }
        if rule.pattern.is_some() {
            for wrong in mangled(text)
                .into_iter()
                .chain(["", "?", "\u{0}", "é"].map(str::to_owned))
            {
                self.put(at, "pattern", wrong, union);
            }
        }
        if let Some(format) = &rule.format {
            for wrong in text::near_format(format) {
                self.put(at, "format", *wrong, union);
            }
            for wrong in mangled(text) {
                self.put(at, "format", wrong, union);
            }
        }
    }

    fn array(&mut self, node: &'s Node, items: &[Value], at: &str, union: Union<'_>) {
        let rule = &node.array;
        if let Some(min) = rule.min.and_then(|min| usize::try_from(min).ok())
            && min > 0
        {
            self.put(
                at,
                "minItems",
                items.iter().take(min - 1).cloned().collect::<Vec<_>>(),
                union,
            );
        }
        let longer = |count: usize, filler: &Value| {
            let mut longer = items.to_vec();
            longer.resize(count.max(items.len()), filler.clone());
            longer
        };
        let fillers: Vec<Value> = items.last().cloned().into_iter().chain(odd_values()).collect();
        if let Some(max) = rule.max.and_then(|max| usize::try_from(max).ok()) {
            for filler in fillers.iter().take(4) {
                self.put(at, "maxItems", longer(max + 1, filler), union);
            }
            let numbers = (0..=max).map(|number| json!(number));
            self.put(at, "maxItems", numbers.collect::<Vec<_>>(), union);
        }
        if rule.unique
            && let Some(first) = items.first()
        {
            let mut twice = items.to_vec();
            twice.push(first.clone());
            self.put(at, "uniqueItems", twice, union);
            if items.len() > 1 {
                let mut same = items.to_vec();
                same.pop();
                same.push(first.clone());
                self.put(at, "uniqueItems", same, union);
            }
        }
        if rule.contains.is_some() {
            for filler in [json!(0), json!(1), json!(2), json!(true), json!(false)] {
                let count = items.len().max(1);
                self.put(at, "contains", vec![filler.clone(); count], union);
                self.put(
                    at,
                    "contains",
                    longer(rule.max_contains.unwrap_or(0) as usize + 1, &filler),
                    union,
                );
            }
            self.put(at, "contains", Vec::<Value>::new(), union);
        }
        let closed = |node: &Option<Box<Node>>| node.as_ref().is_some_and(|node| node.types == 0);
        for filler in &fillers {
            if closed(&rule.items) {
                // One item too many is reported where it stands, and where nothing may stand at the array itself.
                let count = rule.prefix.len() + 1;
                let long = longer(count, filler);
                self.put_at(
                    at,
                    &format!("{at}/{}", rule.prefix.len()),
                    "falseSchema",
                    long.clone(),
                    union,
                );
                self.put(at, "additionalItems", long.clone(), union);
                self.put_at(
                    at,
                    &format!("{at}/{}", rule.prefix.len()),
                    "additionalItems",
                    long,
                    union,
                );
            }
            if closed(&rule.unevaluated) {
                self.put(
                    at,
                    "unevaluatedItems",
                    longer(rule.prefix.len() + 1, filler),
                    union,
                );
            }
        }
    }

    fn without_each(
        &mut self,
        entries: &Map<String, Value>,
        at: &str,
        keyword: &'static str,
        union: Union<'_>,
    ) {
        for name in entries.keys() {
            let mut fewer = entries.clone();
            fewer.shift_remove(name);
            self.put(at, keyword, fewer, union);
        }
    }

    fn object(&mut self, node: &'s Node, entries: &Map<String, Value>, at: &str, union: Union<'_>) {
        let rule = &node.object;
        for name in &rule.required {
            let mut fewer = entries.clone();
            fewer.shift_remove(name);
            self.put(at, "required", fewer, union);
        }
        if !rule.dependent_required.is_empty() || !rule.dependent_schemas.is_empty() {
            // Without something that a name calls for; a validator reports what is missing as required.
            self.without_each(entries, at, "required", union);
        }
        for (trigger, schema) in &rule.dependent_schemas {
            if entries.contains_key(trigger) {
                let value = Value::Object(entries.clone());
                self.place(&[schema], &value, at, union);
            }
        }
        if let Some(min) = rule.min.and_then(|min| usize::try_from(min).ok())
            && min > 0
        {
            let fewer = entries.iter().take(min - 1);
            let fewer: Map<_, _> = fewer.map(|(name, value)| (name.clone(), value.clone())).collect();
            self.put(at, "minProperties", fewer, union);
        }
        let fillers: Vec<Value> = entries
            .values()
            .next()
            .cloned()
            .into_iter()
            .chain(odd_values())
            .collect();
        if let Some(max) = rule.max.and_then(|max| usize::try_from(max).ok()) {
            for filler in &fillers {
                let mut more = entries.clone();
                for number in 0..=max {
                    if more.len() <= max {
                        more.insert(format!("more{number}"), filler.clone());
                    }
                }
                self.put(at, "maxProperties", more, union);
            }
        }
        for filler in &fillers {
            let name = self.random.pick(&text::KEYS).copied().unwrap_or("extra");
            for name in [name, "extra", "EXTRA!"] {
                if entries.contains_key(name) {
                    continue;
                }
                let mut more = entries.clone();
                more.insert(name.to_owned(), filler.clone());
                if rule.additional.is_some() {
                    self.put(at, "additionalProperties", more.clone(), union);
                }
                if rule.unevaluated.is_some() {
                    self.put(at, "unevaluatedProperties", more.clone(), union);
                }
                if rule.names.is_some() {
                    self.put(at, "propertyNames", more, union);
                }
            }
        }
        for (name, node) in &rule.properties {
            if node.types == 0 && !entries.contains_key(name) {
                let mut more = entries.clone();
                more.insert(name.clone(), Value::Null);
                self.put_at(at, &join(at, name), "falseSchema", more, union);
            }
        }
    }
}

/// One value of each JSON type.
pub(crate) fn odd_values() -> [Value; 8] {
    [
        Value::Null,
        json!(true),
        json!(7),
        json!(0.5),
        json!("odd"),
        json!(""),
        json!([]),
        json!({}),
    ]
}

fn type_of(value: &Value) -> u8 {
    match value {
        Value::Null => types::NULL,
        Value::Bool(_) => types::BOOLEAN,
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
            types::INTEGER
        }
        Value::Number(_) => types::FRACTION,
        Value::String(_) => types::STRING,
        Value::Array(_) => types::ARRAY,
        Value::Object(_) => types::OBJECT,
    }
}

/// Values next to a constant, of its own type where there are any.
fn beside(constant: &Value) -> Vec<Value> {
    let mut near = match constant {
        Value::String(text) => {
            let mut near: Vec<Value> = mangled(text).into_iter().map(Value::from).collect();
            near.push(text.to_uppercase().into());
            near.push(format!("{text} ").into());
            near
        }
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or_default();
            vec![json!(value + 1.0), json!(value + 0.5), json!(value as i64 - 1)]
        }
        Value::Bool(value) => vec![json!(!value)],
        Value::Array(items) => {
            let mut more = items.clone();
            more.push(Value::Null);
            vec![more.into()]
        }
        Value::Object(entries) => {
            let mut more = entries.clone();
            more.insert("extra".to_owned(), Value::Null);
            vec![more.into()]
        }
        Value::Null => Vec::new(),
    };
    near.extend(odd_values());
    near
}

/// A text with a character too few, too many, or another one.
fn mangled(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let fewer = characters.get(1..).unwrap_or_default().iter().collect();
    let mut swapped = characters.clone();
    if let Some(last) = swapped.last_mut() {
        *last = '~';
    }
    vec![
        fewer,
        swapped.iter().collect(),
        format!("{text}\u{e9}"),
        format!("~{text}"),
        "~".repeat(characters.len()),
    ]
}

/// The pointer of a property.
pub(crate) fn join(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}
