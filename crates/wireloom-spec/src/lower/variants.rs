//! Variants of unions: their names, and the types that they hold.

use super::classify::{Class, TaggedView};
use super::defs::{Hint, Lowerer, Within};
use crate::model::{DefKind, Shape, Tagged, TaggedVariant, Union, UnionVariant};
use crate::names::{self, Names};
use crate::schema::View;

impl<'a> Lowerer<'a> {
    pub(super) fn tagged(
        &mut self,
        variants: Vec<TaggedView<'a>>,
        tag: String,
        names: &Hint,
        within: Within,
    ) -> DefKind {
        let mut taken = Names::default();
        let mut made = Vec::with_capacity(variants.len());
        for TaggedView { value, view, named } in variants {
            let rust_name = taken.free(&names::variant_name(&value));
            let def = match named.and_then(|name| self.by_type.get(name)) {
                Some(id) => Some(*id),
                None => match self
                    .place(view, &names.child(&names::type_part(&value)), within)
                    .shape
                {
                    Shape::Def(id) => Some(id),
                    _ => None,
                },
            };
            if let Some(def) = def {
                made.push(TaggedVariant {
                    value,
                    rust_name,
                    def,
                    boxed: false,
                });
            }
        }
        DefKind::Tagged(Tagged { tag, variants: made })
    }

    pub(super) fn union(
        &mut self,
        exactly_one: bool,
        variants: Vec<View<'a>>,
        names: &Hint,
        within: Within,
    ) -> DefKind {
        let mut taken = Names::default();
        let mut made = Vec::with_capacity(variants.len());
        for (index, view) in variants.into_iter().enumerate() {
            let rust_name = taken.free(&self.variant_name(view, index));
            let schema = self.place(view, &names.child(&rust_name), within);
            made.push(UnionVariant {
                rust_name,
                schema,
                boxed: false,
            });
        }
        DefKind::Union(Union {
            exactly_one,
            variants: made,
        })
    }

    fn variant_name(&self, view: View<'a>, index: usize) -> String {
        let numbered = || format!("Variant{}", index + 1);
        match &self.classifier.classify(view).class {
            Class::Ref(name) => names::variant_name(name),
            Class::Null => "Null".to_owned(),
            Class::Boolean => "Boolean".to_owned(),
            Class::Integer { .. } | Class::IntegerText(_) => "Integer".to_owned(),
            Class::Number(_) => "Number".to_owned(),
            Class::String(_) => "String".to_owned(),
            Class::Array => "Array".to_owned(),
            Class::Tuple => "Tuple".to_owned(),
            Class::Map => "Map".to_owned(),
            Class::Any => "Any".to_owned(),
            Class::Strings(values) => match values.as_slice() {
                [one] => names::variant_name(one),
                _ => numbered(),
            },
            Class::Struct(_) => match self.classifier.constants_of(view) {
                Some((constants, _)) => constants
                    .first()
                    .map_or_else(numbered, |(_, value)| names::variant_name(value)),
                None => numbered(),
            },
            Class::Same(inner) => match &self.classifier.classify(*inner).class {
                Class::Ref(name) => names::variant_name(name),
                _ => numbered(),
            },
            Class::Literals(..) | Class::Tagged(..) | Class::Union { .. } | Class::Nullable(_) => numbered(),
        }
    }
}
