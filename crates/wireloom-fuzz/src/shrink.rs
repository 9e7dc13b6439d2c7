//! Makes a failing payload small: step by step simpler JSON, as long as it stays what it was generated as.

use std::collections::VecDeque;
use std::fmt::Debug;

use proptest::strategy::ValueTree;
use serde_json::Value;

type With<T> = dyn Fn(&T, Value) -> Option<T>;

/// A payload on its way to a smaller one.
pub(crate) struct Tree<T> {
    /// The simplest that is known to fail.
    best: T,
    current: T,
    payload: fn(&T) -> &Value,
    /// The same with a simpler payload, if that is still of its kind.
    with: Box<With<T>>,
    /// What is still to be tried in place of `best`; `None` until it is asked for.
    left: Option<VecDeque<Value>>,
}

impl<T: Clone> Tree<T> {
    pub(crate) fn new(
        value: T,
        payload: fn(&T) -> &Value,
        with: impl Fn(&T, Value) -> Option<T> + 'static,
    ) -> Self {
        Self {
            best: value.clone(),
            current: value,
            payload,
            with: Box::new(with),
            left: None,
        }
    }

    fn next(&mut self) -> bool {
        let left = self
            .left
            .get_or_insert_with(|| simpler((self.payload)(&self.best)).into());
        while let Some(payload) = left.pop_front() {
            if let Some(next) = (self.with)(&self.best, payload) {
                self.current = next;
                return true;
            }
        }
        self.current = self.best.clone();
        false
    }
}

impl<T: Clone + Debug> ValueTree for Tree<T> {
    type Value = T;

    fn current(&self) -> T {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.best = self.current.clone();
        self.left = None;
        self.next()
    }

    fn complicate(&mut self) -> bool {
        self.next()
    }
}

/// Values one step simpler, the largest steps first. Each is smaller by some measure, so that steps come to an end.
fn simpler(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => found.push(false.into()),
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or_default();
            if number.is_f64() && value.fract() == 0.0 && value.abs() < 9e15 {
                found.push((value as i64).into());
            } else if let Some(whole) = number.as_i64() {
                for next in [0, whole / 2, whole - whole.signum()] {
                    if next != whole {
                        found.push(next.into());
                    }
                }
            } else {
                found.push(0.into());
                if value.fract() != 0.0 {
                    found.push(value.trunc().into());
                }
            }
        }
        Value::String(text) => {
            let characters: Vec<char> = text.chars().collect();
            let half = characters.len() / 2;
            if !characters.is_empty() {
                found.push(String::new().into());
                found.push(characters.iter().take(half).collect::<String>().into());
                found.push(characters.iter().skip(1).collect::<String>().into());
                let last = characters.len() - 1;
                found.push(characters.iter().take(last).collect::<String>().into());
            }
            let plain = "a".repeat(characters.len());
            if *text != plain {
                found.push(plain.into());
            }
            if let Some(at) = characters.iter().position(|character| *character != 'a') {
                let mut plain = characters.clone();
                if let Some(character) = plain.get_mut(at) {
                    *character = 'a';
                }
                found.push(plain.iter().collect::<String>().into());
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                found.push(fewer.into());
            }
            for (at, item) in items.iter().enumerate() {
                for item in simpler(item) {
                    let mut changed = items.clone();
                    if let Some(place) = changed.get_mut(at) {
                        *place = item;
                    }
                    found.push(changed.into());
                }
            }
        }
        Value::Object(entries) => {
            for name in entries.keys() {
                let mut fewer = entries.clone();
                fewer.shift_remove(name);
                found.push(fewer.into());
            }
            for (name, value) in entries {
                for value in simpler(value) {
                    let mut changed = entries.clone();
                    changed.insert(name.clone(), value);
                    found.push(changed.into());
                }
            }
        }
    }
    found
}
