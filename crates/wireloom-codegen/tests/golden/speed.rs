//! A large specification is checked and generated while one waits. The bar is one second in release; this test runs
//! without optimization and on busy machines, so it allows more. `examples/generate.rs` prints the exact times.

use std::fmt::Write;
use std::time::{Duration, Instant};

use wireloom_codegen::{Targets, generate};

use crate::Outcome;
use crate::corpus::check;

/// A specification of 1,000 messages and 300 types, as large ones look.
pub(crate) fn large(messages: usize, types: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::from("wireloom: 1\ninfo: { name: large, version: 1.0.0 }\ntypes:\n");
    for index in 0..types {
        match index % 3 {
            0 => writeln!(
                text,
                "  Id{index}: {{ type: string, minLength: 1, maxLength: 64 }}"
            )?,
            1 => writeln!(
                text,
                "  Kind{index}: {{ type: string, enum: [first, second, third, fourth] }}"
            )?,
            _ => writeln!(
                text,
                "  Part{index}: {{ fields: {{ id: Id{}, kind: Kind{}, \"note?\": string, values: \"number[]\" }} }}",
                index - 2,
                index - 1
            )?,
        }
    }
    text.push_str("errors:\n  not_found: { description: It does not exist. }\nmessages:\n");
    for index in 0..messages / 2 {
        let part = (index * 3) % types / 3 * 3 + 2;
        writeln!(
            text,
            "  thing{index}:make:\n    from: client\n    description: Makes thing number {index}.\n    payload:\n      \
             fields:\n        name: {{ type: string, minLength: 1, maxLength: 128 }}\n        part: Part{part}\n        \
             \"parts?\": Part{part}[]\n        count: {{ type: integer, minimum: 0, maximum: 1000 }}\n        \
             \"ratio?\": number?\n    reply: thing{index}:made\n    errors: [not_found]"
        )?;
        writeln!(
            text,
            "  thing{index}:made: {{ from: server, payload: {{ fields: {{ id: Id{}, at: {{ type: string, format: date-time }} }} }} }}",
            part - 2
        )?;
    }
    Ok(text)
}

#[test]
fn a_thousand_messages_are_generated_while_one_waits() -> Outcome {
    let text = large(1000, 300)?;
    let start = Instant::now();
    let model = check("large.yaml", &text)?;
    let artifacts = generate(&model, &Targets::in_project("large.yaml"));
    let took = start.elapsed();
    assert!(artifacts.len() > 1000);
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    Ok(())
}
