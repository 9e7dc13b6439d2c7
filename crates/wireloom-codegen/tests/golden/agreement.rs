//! What the schema accepts, the generated decoder decodes, and the other way round; what was decoded is encoded again
//! to an equal value.
//!
//! The values are the examples of every case, and what becomes of them when each place is changed in every way that
//! some keyword might mind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Write as _;
use std::process::{Command, Stdio};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};
use wireloom_codegen::emit;

use crate::Outcome;
use crate::cargo::{Golden, succeeded, target};

#[test]
fn decoders_and_schemas_accept_the_same() -> Outcome {
    let golden = Golden::write("golden-rust")?;
    succeeded(
        "build",
        &golden.cargo(["build", "--bin", "wireloom-golden-decode"])?,
    )?;

    let mut lines = String::new();
    let mut expected = Vec::new();
    for case in &golden.cases {
        for (message, schema) in emit::message_schemas(&case.model, &case.file) {
            if message.engine {
                continue;
            }
            let validator = compile(&schema)?;
            let seeds = message
                .docs
                .examples
                .iter()
                .chain(&case.model.def(message.payload).docs.examples);
            let mut values: Vec<Value> = seeds.flat_map(variations).collect();
            values.extend(scalars());
            for value in values {
                writeln!(lines, "{}\t{}\t{value}", case.name, message.name)?;
                expected.push((
                    case.name.as_str(),
                    message.name.as_str(),
                    validator.is_valid(&value),
                    value,
                ));
            }
        }
    }
    assert!(expected.len() > 20_000, "only {} values", expected.len());
    assert!(
        expected.iter().filter(|(.., valid, _)| *valid).count() > 2_000,
        "too few of them are valid"
    );

    let answers = run(lines)?;
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), expected.len());
    let mut wrong = BTreeMap::new();
    for ((case, message, valid, value), answer) in expected.iter().zip(answers) {
        let agrees = match (valid, answer.split_at_checked(1)) {
            (true, Some(("+", text))) => same(&serde_json::from_str(text)?, value),
            (false, Some(("-", ""))) => true,
            _ => false,
        };
        if !agrees {
            let differ: &mut Vec<String> = wrong.entry((*case, *message, *valid)).or_default();
            differ.push(format!("{value} -> {answer}"));
        }
    }
    let shown = wrong.iter().map(|((case, message, valid), differ)| {
        let first: String = differ.iter().take(3).map(|line| format!("  {line}\n")).collect();
        format!(
            "{case} {message}, {} values with valid={valid}:\n{first}",
            differ.len()
        )
    });
    let shown: String = shown.take(20).collect();
    assert!(wrong.is_empty(), "{shown}");
    Ok(())
}

/// A schema as the runtime compiles it.
pub(crate) fn compile(schema: &Value) -> Result<Validator, Box<dyn std::error::Error>> {
    let options = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex());
    Ok(options.build(schema).map_err(|error| error.to_string())?)
}

fn run(lines: String) -> Result<String, Box<dyn std::error::Error>> {
    let program = target().join("debug/wireloom-golden-decode");
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    // On a thread of its own, since both pipes fill up.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer panicked")??;
    succeeded("decode", &output)?;
    Ok(String::from_utf8(output.stdout)?)
}

/// Equality as JSON has it: `1` and `1.0` are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// The value, and the value with one place changed.
fn variations(value: &Value) -> Vec<Value> {
    let mut all = vec![value.clone()];
    all.extend(changed(value));
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                all.extend(variations(item).into_iter().skip(1).map(|item| {
                    let mut items = items.clone();
                    items[index] = item;
                    Value::Array(items)
                }));
            }
        }
        Value::Object(entries) => {
            for (name, entry) in entries {
                all.extend(variations(entry).into_iter().skip(1).map(|entry| {
                    let mut entries = entries.clone();
                    entries.insert(name.clone(), entry);
                    Value::Object(entries)
                }));
            }
        }
        _ => {}
    }
    all
}

/// Other values for one place, near the one that stands there and far from it.
fn changed(value: &Value) -> Vec<Value> {
    let mut all = scalars();
    match value {
        Value::String(text) => {
            let mut shorter = text.clone();
            shorter.pop();
            let texts = [
                shorter,
                format!("{text}x"),
                format!("{text}{text}"),
                format!(" {text}"),
                text.to_uppercase(),
                format!("{text}\u{1f980}"),
                "\u{1f980}".repeat(text.chars().count()),
                text.repeat(40),
            ];
            all.extend(texts.map(Value::String));
        }
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                let safe = |value: &i64| value.unsigned_abs() < 1 << 53;
                let numbers = [
                    number.saturating_add(1),
                    number.saturating_sub(1),
                    number.saturating_mul(10),
                ];
                all.extend(
                    numbers
                        .into_iter()
                        .chain([number.saturating_neg()])
                        .filter(safe)
                        .map(Value::from),
                );
            }
            let number = number.as_f64().unwrap_or_default();
            all.extend(
                [number, number + 0.5, -number, number * 1000.0]
                    .into_iter()
                    .map(Value::from),
            );
        }
        Value::Array(items) => {
            let mut more = items.clone();
            more.extend(items.first().cloned());
            all.push(Value::Array(more));
            all.push(Value::Array(items.iter().skip(1).cloned().collect()));
            all.push(Value::Array(items.iter().rev().cloned().collect()));
            all.push(Value::Array([items.as_slice(), &[Value::Null]].concat()));
            all.push(Value::Array(
                items.iter().cycle().take(items.len() * 30).cloned().collect(),
            ));
        }
        Value::Object(entries) => {
            for name in entries.keys() {
                let without = entries.iter().filter(|(other, _)| *other != name);
                all.push(
                    without
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                );
                let mut renamed = entries.clone();
                if let Some(value) = renamed.shift_remove(name) {
                    renamed.insert(format!("{name}_"), value);
                }
                all.push(Value::Object(renamed));
            }
            for (name, extra) in [
                ("unknown", json!(1)),
                ("x-y", json!("z")),
                ("", json!(null)),
                ("unknown", json!({})),
            ] {
                let mut more = entries.clone();
                more.insert(name.to_owned(), extra);
                all.push(Value::Object(more));
            }
            all.push(
                entries
                    .iter()
                    .rev()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            );
        }
        _ => {}
    }
    all
}

/// Values that fit nothing in particular.
fn scalars() -> Vec<Value> {
    let mut object = Map::new();
    object.insert("a".to_owned(), json!(1));
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.0),
        json!(0.5),
        json!(-0.0),
        json!(2_147_483_648_i64),
        json!(4_294_967_296_i64),
        json!(9_007_199_254_740_991_i64),
        json!(-9_007_199_254_740_991_i64),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("null"),
        json!("0"),
        json!("-1"),
        json!("9223372036854775808"),
        json!([]),
        json!([null]),
        json!({}),
        Value::Object(object),
    ]
}
