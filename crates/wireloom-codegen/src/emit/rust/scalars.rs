//! Decoders of numbers and of constants.

use proc_macro2::TokenStream;
use quote::quote;
use wireloom_spec::model::{LiteralBase, NumberRange};

use super::literals::{float, integer};

/// A number within a range.
pub(super) fn number(range: &NumberRange) -> TokenStream {
    // Of two bounds on one side, the narrower decides; an exclusive one is the narrower of two that are equal.
    let narrower = |inclusive: Option<f64>, exclusive: Option<f64>, covers: fn(f64, f64) -> bool| match (
        inclusive, exclusive,
    ) {
        (Some(inclusive), Some(exclusive)) if covers(exclusive, inclusive) => Some((inclusive, true)),
        (_, Some(exclusive)) => Some((exclusive, false)),
        (inclusive, None) => inclusive.map(|bound| (bound, true)),
    };
    let low = narrower(range.min, range.above, |exclusive, inclusive| {
        exclusive < inclusive
    });
    let high = narrower(range.max, range.below, |exclusive, inclusive| {
        exclusive > inclusive
    });
    let accept = match (low, high) {
        (None, None) => return quote!(reader.number()),
        (Some((low, low_fits)), Some((high, high_fits)))
            if low > high || (low == high && !(low_fits && high_fits)) =>
        {
            return quote!(reader.number_where(|_| false));
        }
        (Some((low, true)), Some((high, fits))) => {
            let (low, high) = (float(low), float(high));
            if fits {
                quote!((#low..=#high).contains(&value))
            } else {
                quote!((#low..#high).contains(&value))
            }
        }
        (low, high) => {
            let low = low.map(|(bound, fits)| {
                let bound = float(bound);
                if fits {
                    quote!(value >= #bound)
                } else {
                    quote!(value > #bound)
                }
            });
            let high = high.map(|(bound, fits)| {
                let bound = float(bound);
                if fits {
                    quote!(value <= #bound)
                } else {
                    quote!(value < #bound)
                }
            });
            let tests = low.into_iter().chain(high);
            quote!(#(#tests)&&*)
        }
    };
    quote!(reader.number_where(|value| #accept))
}

/// One of a few constants.
pub(super) fn literals(base: LiteralBase, constants: &[serde_json::Value]) -> TokenStream {
    match base {
        LiteralBase::Integer => {
            let allowed = constants.iter().filter_map(whole).map(integer);
            quote!(reader.integer_of(&[#(#allowed),*]))
        }
        LiteralBase::Number => {
            let allowed = constants.iter().filter_map(serde_json::Value::as_f64).map(float);
            quote!(reader.number_of(&[#(#allowed),*]))
        }
        LiteralBase::Boolean => match constants {
            [serde_json::Value::Bool(allowed)] => quote!(reader.boolean_of(#allowed)),
            _ => quote!(reader.boolean()),
        },
        LiteralBase::Any => quote!(reader.value()),
    }
}

/// The integer that a constant is, also when it is written `1.0`.
fn whole(constant: &serde_json::Value) -> Option<i64> {
    let float = || {
        constant
            .as_f64()
            .filter(|value| value.fract() == 0.0 && value.abs() < 9.1e15)
    };
    constant.as_i64().or_else(|| float().map(|value| value as i64))
}
