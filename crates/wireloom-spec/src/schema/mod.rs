//! Schemas: from what stands in the file to [`Raw`], in which shorthands are expanded, every keyword has its type, and
//! the JSON Schema that is emitted is decided. What shape a schema has in Rust is [`crate::lower`]'s.

mod constants;
mod draft;
mod expand;
mod integer;
pub(crate) mod keywords;
mod pattern;
mod raw;
mod settle;
mod text;
mod type_expr;
mod view;

pub(crate) use expand::{Count, Expander};
pub(crate) use integer::SAFE;
pub(crate) use pattern::Patterns;
pub(crate) use raw::{Form, IntFormat, Keywords, Property, Raw, Sample, Type};
pub(crate) use type_expr::{BUILT_IN, is_type_expression};
pub(crate) use view::View;
