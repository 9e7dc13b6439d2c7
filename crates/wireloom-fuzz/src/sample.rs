//! Values that satisfy a schema: built to fit, then checked where building cannot promise it.

use proptest::test_runner::TestRunner;
use serde_json::{Map, Value};

use crate::random::Random;
use crate::schema::{Node, Schemas, types};
use crate::text::{self, Patterns};

/// Levels below which values are made as small as they can be.
const DEEP: u32 = 5;
/// Levels that a value has at most.
const DEEPEST: u32 = 24;
/// How often a value is built again that the validator does not agree to.
const TRIES: usize = 40;

/// Builds values of one protocol.
pub(crate) struct Sampler<'s, 'r> {
    pub(crate) schemas: &'s Schemas,
    pub(crate) patterns: &'s mut Patterns,
    pub(crate) runner: &'r mut TestRunner,
    pub(crate) random: Random,
    /// Values that may still be built; bounds what nested tries cost together.
    pub(crate) fuel: u32,
}

impl<'s> Sampler<'s, '_> {
    /// A value that satisfies a schema; `None` if none was found.
    pub(crate) fn value(&mut self, node: &'s Node) -> Option<Value> {
        self.all(&[node], 0)
    }

    /// A value that satisfies several schemas at once.
    pub(crate) fn all(&mut self, nodes: &[&'s Node], depth: u32) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        for _ in 0..TRIES {
            self.fuel = self.fuel.checked_sub(1)?;
            let mut parts = Vec::new();
            for node in nodes {
                self.expand(node, depth, &mut parts)?;
            }
            if let Some(value) = self.build(&parts, depth) {
                let fits = |node: &&Node| node.check.as_ref().is_none_or(|check| check.is_valid(&value));
                if parts.iter().all(fits) {
                    return Some(value);
                }
            } else if parts.iter().any(|part| part.types == 0) {
                return None;
            }
        }
        None
    }

    /// Collects what a value has to satisfy: the schema, what it refers to, and one choice of each of its choices.
    fn expand(&mut self, node: &'s Node, depth: u32, parts: &mut Vec<&'s Node>) -> Option<()> {
        if parts.len() > 256 {
            return None;
        }
        parts.push(node);
        if let Some(name) = &node.reference {
            let target = self.schemas.def(name)?;
            self.expand(target, depth, parts)?;
        }
        for part in &node.all_of {
            self.expand(part, depth, parts)?;
        }
        for variants in [&node.any_of, &node.one_of] {
            if !variants.is_empty() {
                let variant = self.variant(variants, depth)?;
                self.expand(variant, depth, parts)?;
            }
        }
        if let Some(condition) = &node.condition {
            if self.random.once_in(2) {
                self.expand(&condition.test, depth, parts)?;
                if let Some(then) = &condition.then {
                    self.expand(then, depth, parts)?;
                }
            } else if let Some(otherwise) = &condition.otherwise {
                self.expand(otherwise, depth, parts)?;
            }
        }
        Some(())
    }

    /// One of several schemas; deep down one that leads out soonest.
    fn variant(&mut self, variants: &'s [Node], depth: u32) -> Option<&'s Node> {
        let heights: Vec<_> = variants
            .iter()
            .filter_map(|variant| Some((self.schemas.height(variant)?, variant)))
            .collect();
        let least = heights.iter().map(|(height, _)| *height).min()?;
        // Now and then another one all the same: what stands deep in a schema is to be reached, too.
        let free = depth < DEEP || depth < 2 * DEEP && self.random.once_in(6);
        let open: Vec<_> = heights
            .iter()
            .filter(|(height, _)| free || *height == least)
            .map(|(_, variant)| *variant)
            .collect();
        self.random.pick(&open).copied()
    }

    fn build(&mut self, parts: &[&'s Node], depth: u32) -> Option<Value> {
        let allowed = parts.iter().fold(types::ALL, |set, part| set & part.types);
        let mut constants = parts
            .iter()
            .filter_map(|part| part.constants.as_ref().map(|(_, values)| values));
        if let Some(values) = constants.next() {
            return self.random.pick(values).map(|value| self.respelled(value));
        }
        let every = [
            types::NULL,
            types::BOOLEAN,
            types::INTEGER,
            types::FRACTION,
            types::STRING,
            types::ARRAY,
            types::OBJECT,
        ];
        // Without any hint from a schema, deep values of any kind are not the point.
        let vague = allowed == types::ALL && depth > 2;
        let open: Vec<u8> = every
            .into_iter()
            .filter(|one| allowed & one != 0 && !(vague && one & (types::ARRAY | types::OBJECT) != 0))
            .collect();
        match self.random.pick(&open).copied()? {
            types::NULL => Some(Value::Null),
            types::BOOLEAN => Some(self.random.once_in(2).into()),
            types::INTEGER => self.integer(parts),
            types::FRACTION => self.number(parts),
            types::STRING => self.string(parts),
            types::ARRAY => self.array(parts, depth),
            _ => self.object(parts, depth),
        }
    }

    /// A constant; a whole number at times in its other spelling.
    fn respelled(&mut self, value: &Value) -> Value {
        match value.as_i64() {
            Some(whole) if self.random.once_in(6) => Value::from(whole as f64),
            _ => value.clone(),
        }
    }

    fn string(&mut self, parts: &[&Node]) -> Option<Value> {
        let low = parts.iter().filter_map(|part| part.string.min).max().unwrap_or(0);
        let high = parts.iter().filter_map(|part| part.string.max).min();
        let (low, high) = (usize::try_from(low).ok()?, high.map(|high| high as usize));
        for _ in 0..TRIES {
            let format = parts.iter().find_map(|part| part.string.format.as_deref());
            let pattern = parts.iter().find_map(|part| part.string.pattern.as_deref());
            let text = match (format, pattern) {
                (Some(format), _) => text::of_format(format, &mut self.random),
                (None, Some(pattern)) => self.patterns.matching(pattern, &mut self.random, self.runner),
                (None, None) => None,
            };
            let made = text.is_some();
            let text = text.unwrap_or_else(|| {
                let most = high.unwrap_or(low + 24);
                // The longest strings are rare: they cost what many others cost together.
                if most > 1000 && self.random.once_in(64) {
                    return text::plain(&mut self.random, most);
                }
                let most = if most > 1000 { most.min(low + 64) } else { most };
                let span = most.saturating_sub(low);
                let lengths = [low, most, low + span.min(1), most - span.min(1), low + span / 2];
                let any = low + self.random.below(span.min(24) + 1);
                let length = self.random.pick(&lengths).copied().unwrap_or(low);
                let length = if self.random.once_in(2) { any } else { length };
                text::plain(&mut self.random, length)
            });
            let text = match high {
                Some(high) if made && high <= 1000 && self.random.once_in(6) => self.stretched(&text, high),
                _ => text,
            };
            let points = text.chars().count();
            if points >= low && high.is_none_or(|high| points <= high) {
                let value = Value::String(text);
                let fits = |part: &&&Node| {
                    part.string.pattern.is_none() && part.string.format.is_none()
                        || part.check.as_ref().is_none_or(|check| check.is_valid(&value))
                };
                if parts.iter().all(|part| fits(&part)) {
                    return Some(value);
                }
            }
        }
        None
    }

    /// The text with one of its characters repeated until it is as long as it may be. Whether it still fits is for the
    /// validator to say.
    fn stretched(&mut self, text: &str, length: usize) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let more = length.saturating_sub(characters.len());
        let at = match self.random.below(3) {
            0 => 0,
            1 => characters.len().saturating_sub(1),
            _ => self.random.below(characters.len().max(1)),
        };
        let repeated = characters.get(at).copied().unwrap_or('a');
        characters.splice(at..at, std::iter::repeat_n(repeated, more));
        characters.into_iter().collect()
    }

    fn array(&mut self, parts: &[&'s Node], depth: u32) -> Option<Value> {
        let low = parts.iter().filter_map(|part| part.array.min).max().unwrap_or(0) as usize;
        let high = parts.iter().filter_map(|part| part.array.max).min();
        let high = high.map_or(usize::MAX, |high| high as usize);
        if low > high {
            return None;
        }
        let room = high - low;
        let length = match self.random.below(4) {
            _ if depth >= DEEP => low,
            0 => low,
            1 if room <= 32 => high,
            // Long ones are rare, and those that are longer still are other tests' business.
            1 if room <= 1000 && self.random.once_in(16) => high,
            _ => low + self.random.below(room.min(4) + 1),
        };
        // Some items that `contains` asks for, at places of their own.
        let wanted = parts.iter().find_map(|part| {
            let node = part.array.contains.as_deref()?;
            Some((node, part.array.min_contains.unwrap_or(1) as usize))
        });
        let length = wanted.map_or(length, |(_, count)| length.max(count.min(high)));
        let mut places: Vec<usize> = (0..length).collect();
        self.random.shuffle(&mut places);
        let mut items: Vec<Value> = Vec::new();
        let unique = parts.iter().any(|part| part.array.unique);
        for at in 0..length {
            let mut nodes = Vec::new();
            for part in parts {
                let array = &part.array;
                nodes.extend(array.prefix.get(at).or(array.items.as_deref()));
                if at >= array.prefix.len() {
                    nodes.extend(array.unevaluated.as_deref());
                }
            }
            if let Some((node, count)) = wanted
                && places.iter().take(count).any(|place| *place == at)
            {
                nodes.push(node);
            }
            if nodes.is_empty() {
                nodes.push(&self.schemas.any);
            }
            let mut item = None;
            for _ in 0..8 {
                let next = self.all(&nodes, depth + 1);
                if !unique || next.as_ref().is_some_and(|next| !items.contains(next)) {
                    item = next;
                    break;
                }
            }
            match item {
                Some(item) => items.push(item),
                None if items.len() >= low => break,
                None => return None,
            }
        }
        Some(Value::Array(items))
    }

    fn object(&mut self, parts: &[&'s Node], depth: u32) -> Option<Value> {
        let mut parts = parts.to_vec();
        let mut names: Vec<&str> = Vec::new();
        let triggers: Vec<(&str, &'s Node)> = parts
            .iter()
            .flat_map(|part| &part.object.dependent_schemas)
            .map(|(name, node)| (name.as_str(), node))
            .collect();
        let mut avoided = Vec::new();
        for (name, node) in triggers {
            if self.random.once_in(2) {
                names.push(name);
                self.expand(node, depth, &mut parts)?;
            } else {
                avoided.push(name);
            }
        }
        for part in &parts {
            names.extend(part.object.required.iter().map(String::as_str));
        }
        let high = parts.iter().filter_map(|part| part.object.max).min();
        let high = high.map_or(usize::MAX, |high| high as usize);
        let low = parts.iter().filter_map(|part| part.object.min).max().unwrap_or(0) as usize;

        let mut optional: Vec<&str> = parts
            .iter()
            .flat_map(|part| &part.object.properties)
            .map(|(name, _)| name.as_str())
            .filter(|name| !avoided.contains(name))
            .collect();
        self.random.shuffle(&mut optional);
        let generous = match self.random.below(4) {
            _ if depth >= DEEP => 0,
            0 => 0,
            1 => 4,
            _ => 2,
        };
        let mut chosen: Vec<String> = Vec::new();
        let add = |chosen: &mut Vec<String>, name: &str| {
            if !chosen.iter().any(|known| known == name) {
                chosen.push(name.to_owned());
            }
        };
        for name in &names {
            add(&mut chosen, name);
        }
        for name in optional {
            if chosen.len() < low || (chosen.len() < high && self.random.below(4) < generous) {
                add(&mut chosen, name);
            }
        }
        // Names that call for others bring them, unless there is no room.
        let dependent = parts.iter().flat_map(|part| &part.object.dependent_required);
        for (trigger, needed) in dependent.clone().chain(dependent) {
            if chosen.contains(trigger) {
                for name in needed {
                    add(&mut chosen, name);
                }
            }
        }
        let extras = if depth >= DEEP { 0 } else { self.random.below(3) };
        let extras = extras.max(low.saturating_sub(chosen.len()));
        for _ in 0..extras * 3 {
            if chosen.len() >= high.min(extras + chosen.len()) {
                break;
            }
            if let Some(name) = self.extra_name(&parts, depth) {
                add(&mut chosen, &name);
            }
            if chosen.len() >= low && self.random.once_in(3) {
                break;
            }
        }
        self.random.shuffle(&mut chosen);
        let mut object = Map::new();
        for name in chosen {
            let required = parts.iter().any(|part| part.object.required.contains(&name));
            match self.property(&parts, &name, depth) {
                Some(value) => {
                    object.insert(name, value);
                }
                None if required => return None,
                None => {}
            }
        }
        Some(Value::Object(object))
    }

    /// A name that no `properties` has, if the schemas let one through.
    fn extra_name(&mut self, parts: &[&'s Node], depth: u32) -> Option<String> {
        let patterns: Vec<&str> = parts
            .iter()
            .flat_map(|part| &part.object.patterns)
            .map(|(pattern, ..)| pattern.as_str())
            .collect();
        let shut = |node: &Option<Box<Node>>| node.as_ref().is_some_and(|node| node.types == 0);
        let closed = parts
            .iter()
            .any(|part| shut(&part.object.additional) || shut(&part.object.unevaluated));
        if !patterns.is_empty() && (closed || self.random.once_in(2)) {
            let pattern = self.random.pick(&patterns).copied()?;
            return self.patterns.matching(pattern, &mut self.random, self.runner);
        }
        if closed {
            return None;
        }
        let rules: Vec<&Node> = parts
            .iter()
            .filter_map(|part| part.object.names.as_deref())
            .collect();
        let name = if rules.is_empty() {
            match self.random.below(3) {
                0 => text::plain(&mut self.random, 3),
                _ => (*self.random.pick(&text::KEYS)?).to_owned(),
            }
        } else {
            let mut rules = rules;
            let text = self.schemas.text_node();
            rules.push(text);
            self.all(&rules, depth + 1)?.as_str()?.to_owned()
        };
        let known = parts.iter().any(|part| part.object.property(&name).is_some());
        (!known).then_some(name)
    }

    /// The value of a property: it has to satisfy everything that the schemas say of its name.
    fn property(&mut self, parts: &[&'s Node], name: &str, depth: u32) -> Option<Value> {
        let nodes = self.schemas.of_property(parts, name);
        self.all(&nodes, depth + 1)
    }
}
