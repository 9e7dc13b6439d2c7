//! `serde` for generated types, by way of the one reader and writer: what is deserialized satisfies its schema, in
//! whatever format it stands.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

use crate::json::{Decode, Encode, Reader, Writer};

/// Deepest nesting of a value that comes by way of `serde`.
const DEPTH: u32 = 128;

/// Implements `serde::Serialize` and `serde::Deserialize` for types that can be encoded and decoded.
#[macro_export]
macro_rules! serde_impls {
    ($($name:ident),* $(,)?) => {$(
        impl $crate::__serde::Serialize for $name {
            fn serialize<S: $crate::__serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                $crate::serialize(self, serializer)
            }
        }

        impl<'de> $crate::__serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::deserialize(deserializer)
            }
        }
    )*};
}

/// Serializes what can be encoded.
///
/// # Errors
///
/// If the serializer fails.
pub fn serialize<T: Encode, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut out = Writer::default();
    value.encode(&mut out);
    // Our own reader: it keeps every bit of a double.
    let value = Reader::new(out.as_str(), u32::MAX)
        .value()
        .map_err(|fault| ser::Error::custom(fault.kind))?;
    value.serialize(serializer)
}

/// Deserializes what can be decoded.
///
/// # Errors
///
/// If the input is not of the type, or does not satisfy its schema.
pub fn deserialize<'de, T: Decode, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = value.to_string();
    let mut reader = Reader::new(&text, DEPTH);
    T::decode(&mut reader).map_err(|fault| de::Error::custom(fault.kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Read;

    #[derive(Debug)]
    struct Number(f64);

    impl Encode for Number {
        fn encode(&self, out: &mut Writer) {
            out.number(self.0);
        }
    }

    impl Decode for Number {
        fn decode(reader: &mut Reader<'_>) -> Read<Self> {
            reader.number().map(Self)
        }
    }

    crate::serde_impls!(Number);

    #[test]
    fn keeps_every_bit_of_a_double() {
        for value in [
            0.1 + 0.2,
            5e-324,
            f64::from_bits(0x000f_ffff_ffff_ffff),
            f64::MAX,
            -1.0 / 3.0,
        ] {
            let serialized = serde_json::to_value(Number(value)).unwrap();
            assert_eq!(
                serialized.as_f64().map(f64::to_bits),
                Some(value.to_bits()),
                "{value}"
            );
            let Number(back) = serde_json::from_value(serialized).unwrap();
            assert_eq!(back.to_bits(), value.to_bits(), "{value}");
        }
    }
}
