//! `oneOf` and `anyOf`: null beside something, sets of strings, discriminated unions, and the rest.

use std::collections::HashSet;

use super::classify::{Class, Classified, Classifier, TaggedView};
use crate::schema::{Keywords, Raw, Type, View};

impl<'a> Classifier<'a> {
    /// What a schema's only `oneOf` or `anyOf` makes of it.
    pub(super) fn union(
        &self,
        view: View<'a>,
        keywords: &'a Keywords,
    ) -> Option<(Class<'a>, Vec<&'static str>)> {
        if keywords.all_of.is_some() {
            return None;
        }
        let (list, keyword, exactly_one) = match (&keywords.one_of, &keywords.any_of) {
            (Some(list), _) => (list, "oneOf", true),
            (None, Some(list)) => (list, "anyOf", false),
            (None, None) => return None,
        };
        let (nulls, rest): (Vec<&Raw>, Vec<&Raw>) = list.iter().partition(|raw| is_null(raw));
        let variants: Vec<_> = rest.into_iter().map(View::whole).collect();
        if !view.without_null && nulls.len() == 1 && !variants.is_empty() {
            // With `oneOf`, null beside a variant that takes null as well is refused: that stays a plain union.
            let takes_no_null = |variant: &View<'a>| {
                self.kinds(*variant)
                    .is_some_and(|kinds| !kinds.contains(&Type::Null))
            };
            if !exactly_one || variants.iter().all(takes_no_null) {
                let inner = match variants.as_slice() {
                    [one] => *one,
                    _ => View {
                        without_null: true,
                        ..view
                    },
                };
                return Some((Class::Nullable(inner), vec![keyword]));
            }
        }
        let variants = if view.without_null {
            variants
        } else {
            list.iter().map(View::whole).collect()
        };
        if let [one] = variants.as_slice() {
            return Some((Class::Same(*one), vec![keyword]));
        }
        let class = self
            .strings(&variants)
            .or_else(|| self.tagged(&variants))
            .unwrap_or(Class::Union {
                exactly_one,
                variants,
            });
        Some((class, vec![keyword]))
    }

    /// Constants with a description each are a set of strings.
    fn strings(&self, variants: &[View<'a>]) -> Option<Class<'a>> {
        let values: Option<Vec<String>> = variants
            .iter()
            .map(|variant| match &*self.classify(*variant) {
                Classified {
                    class: Class::Strings(values),
                    residual,
                } if residual.is_empty() => values.first().filter(|_| values.len() == 1).cloned(),
                _ => None,
            })
            .collect();
        let values = values?;
        let distinct: HashSet<_> = values.iter().collect();
        (distinct.len() == values.len()).then_some(Class::Strings(values))
    }

    /// Objects that a required string constant tells apart.
    fn tagged(&self, variants: &[View<'a>]) -> Option<Class<'a>> {
        let described: Option<Vec<_>> = variants
            .iter()
            .map(|variant| self.constants_of(*variant))
            .collect();
        let described = described?;
        let (first, _) = described.first()?;
        let tag = first.iter().map(|(name, _)| name).find(|tag| {
            let mut values = HashSet::new();
            described.iter().all(|(constants, _)| {
                constants
                    .iter()
                    .find(|(name, _)| name == *tag)
                    .is_some_and(|(_, value)| values.insert(value))
            })
        })?;
        let variants = variants
            .iter()
            .zip(&described)
            .filter_map(|(view, (constants, named))| {
                let (_, value) = constants.iter().find(|(name, _)| name == tag)?;
                Some(TaggedView {
                    value: value.clone(),
                    view: *view,
                    named: *named,
                })
            });
        Some(Class::Tagged(variants.collect(), tag.clone()))
    }
}

fn is_null(raw: &Raw) -> bool {
    raw.keywords()
        .is_some_and(|keywords| keywords.is_type(Type::Null) && keywords.present.len() == 1)
}
