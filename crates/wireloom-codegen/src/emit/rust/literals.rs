//! Literals of Rust that neither rustc nor clippy has a word against.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use serde_json::Value;

/// An identifier as the model writes it: `name`, `r#type`.
pub(super) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(keyword) => Ident::new_raw(keyword, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// A string that is read easier without escapes.
pub(super) fn raw_text(text: &str) -> TokenStream {
    if !text.contains(['"', '\\', '\n']) || !text.chars().all(|c| c == '\n' || is_visible(c)) {
        return quote!(#text);
    }
    let mut hashes = String::new();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
        .parse()
        .unwrap_or_else(|_| quote!(#text))
}

/// Whether a person sees the character, and sees it where it is: neither a control nor one that turns text.
fn is_visible(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

/// JSON text in which characters that nobody sees are written as escapes.
pub(super) fn visible_json(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_visible(c) {
            visible.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                visible.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    visible
}

/// A bound on a length or a count. What no message can reach is `usize::MAX`, on every platform.
pub(super) fn length(bound: Option<u64>, missing: usize) -> TokenStream {
    let bound = bound.map_or(Some(missing), |bound| usize::try_from(bound).ok());
    match bound {
        Some(bound) if u32::try_from(bound).is_ok() => {
            let bound = Literal::usize_unsuffixed(bound);
            quote!(#bound)
        }
        _ => quote!(usize::MAX),
    }
}

/// An integer without suffix.
pub(super) fn integer(value: i64) -> TokenStream {
    if value == i64::MIN {
        return quote!(i64::MIN);
    }
    let digits = Literal::u64_unsuffixed(value.unsigned_abs());
    if value < 0 {
        quote!(-#digits)
    } else {
        quote!(#digits)
    }
}

/// A number with a fraction or an exponent.
pub(super) fn float(value: f64) -> TokenStream {
    use std::f64::consts as known;
    const KNOWN: [f64; 19] = [
        known::E,
        known::FRAC_1_PI,
        known::FRAC_1_SQRT_2,
        known::FRAC_2_PI,
        known::FRAC_2_SQRT_PI,
        known::FRAC_PI_2,
        known::FRAC_PI_3,
        known::FRAC_PI_4,
        known::FRAC_PI_6,
        known::FRAC_PI_8,
        known::LN_2,
        known::LN_10,
        known::LOG10_2,
        known::LOG2_10,
        known::LOG10_E,
        known::LOG2_E,
        known::PI,
        known::SQRT_2,
        known::TAU,
    ];
    let size = value.abs();
    // A bound of 3.14 means 3.14: clippy takes it for a bad π, unless it is written with an exponent.
    let text = if KNOWN.iter().any(|known| (known - size).abs() < 0.01) {
        format!("{size:e}")
    } else {
        format!("{size:?}")
    };
    let digits: TokenStream = text.parse().unwrap_or_default();
    if value.is_sign_negative() {
        quote!(-#digits)
    } else {
        quote!(#digits)
    }
}

/// An expression that makes a `Value`.
pub(super) fn value(constant: &Value) -> TokenStream {
    match constant {
        Value::Null => quote!(::wireloom::json::Value::Null),
        Value::Bool(value) => quote!(::wireloom::json::Value::Bool(#value)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => {
                // Without a suffix it is an `i32` here.
                let number = match i32::try_from(number) {
                    Err(_) if number > 0 => Literal::i64_suffixed(number).into_token_stream(),
                    Err(_) if number > i64::MIN => {
                        let digits = Literal::i64_suffixed(-number);
                        quote!(-#digits)
                    }
                    _ => integer(number),
                };
                quote!(::wireloom::json::Value::from(#number))
            }
            None => {
                let number = float(number.as_f64().unwrap_or_default());
                quote!(::wireloom::json::Value::from(#number))
            }
        },
        Value::String(text) => quote!(::wireloom::json::Value::from(#text)),
        Value::Array(items) => {
            let items = items.iter().map(value);
            quote!(::wireloom::json::Value::Array(::std::vec![#(#items),*]))
        }
        Value::Object(entries) => {
            let names = entries.keys();
            let values = entries.values().map(value);
            quote!(<::wireloom::json::Value as ::std::iter::FromIterator<(&str, ::wireloom::json::Value)>>::from_iter([
                #((#names, #values)),*
            ]))
        }
    }
}

/// `AgentStart` becomes `agent_start`.
pub(super) fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for (index, c) in camel.char_indices() {
        if c.is_ascii_uppercase() && index > 0 && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
