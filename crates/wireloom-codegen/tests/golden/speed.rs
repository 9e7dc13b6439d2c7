//! A large specification is checked and generated while one waits: 1,000 messages and 300 types in less than a second
//! of an optimized build (`examples/generate.rs` prints the times). This test runs without optimization and on busy
//! machines, so it asks for proportions: nothing in the generator may be quadratic.

use std::fmt::Write;
use std::time::{Duration, Instant};

use wireloom_codegen::{Targets, generate};

use crate::Outcome;
use crate::corpus::check;

/// A specification of so many messages and types, as large ones look.
fn large(messages: usize, types: usize) -> Result<String, std::fmt::Error> {
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

fn time(messages: usize, types: usize) -> Result<Duration, Box<dyn std::error::Error>> {
    let text = large(messages, types)?;
    let start = Instant::now();
    let model = check("large.yaml", &text)?;
    let artifacts = generate(&model, &Targets::in_project("large.yaml"));
    assert!(artifacts.len() > messages);
    Ok(start.elapsed())
}

#[test]
fn ten_times_the_messages_take_about_ten_times_as_long() -> Outcome {
    let small = time(100, 30)?.min(time(100, 30)?);
    let large = time(1000, 300)?;
    assert!(
        large < small * 40,
        "100 messages take {small:?}, 1,000 take {large:?}"
    );
    Ok(())
}
