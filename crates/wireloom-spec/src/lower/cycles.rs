//! Types that contain themselves: where a `Box` is needed, and which have no finite value or no name to stop at.

use std::collections::HashMap;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::graph;
use crate::model::{Def, DefId, DefKind, Extra, Origin, Schema, Shape, Span};

/// Marks the fields and variants that close a cycle of types held by value.
pub(crate) fn box_cycles(defs: &mut [Def]) {
    let edges: Vec<Vec<Vec<DefId>>> = defs.iter().map(|def| slots(defs, def)).collect();
    let mut boxed = Vec::new();
    let mut state = vec![Visit::Unseen; defs.len()];
    for start in 0..defs.len() {
        // (definition, slot, target within the slot): depth first without recursion.
        let mut path = vec![(start, 0, 0)];
        if state.get(start) != Some(&Visit::Unseen) {
            continue;
        }
        set(&mut state, start, Visit::Open);
        while let Some((def, slot, target)) = path.last_mut() {
            let slots = edges.get(*def).map(Vec::as_slice).unwrap_or_default();
            match slots.get(*slot) {
                None => {
                    set(&mut state, *def, Visit::Done);
                    path.pop();
                }
                Some(targets) => match targets.get(*target) {
                    None => {
                        *slot += 1;
                        *target = 0;
                    }
                    Some(next) => {
                        *target += 1;
                        match state.get(next.0) {
                            Some(Visit::Open) => boxed.push((*def, *slot)),
                            Some(Visit::Unseen) => {
                                set(&mut state, next.0, Visit::Open);
                                path.push((next.0, 0, 0));
                            }
                            _ => {}
                        }
                    }
                },
            }
        }
    }
    for (def, slot) in boxed {
        match defs.get_mut(def).map(|def| &mut def.kind) {
            Some(DefKind::Struct(object)) => {
                if let Some(field) = object.fields.get_mut(slot) {
                    field.boxed = true;
                }
            }
            Some(DefKind::Tagged(tagged)) => {
                if let Some(variant) = tagged.variants.get_mut(slot) {
                    variant.boxed = true;
                }
            }
            Some(DefKind::Union(union)) => {
                if let Some(variant) = union.variants.get_mut(slot) {
                    variant.boxed = true;
                }
            }
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Unseen,
    Open,
    Done,
}

fn set(state: &mut [Visit], index: usize, to: Visit) {
    if let Some(slot) = state.get_mut(index) {
        *slot = to;
    }
}

/// For each field or variant, the types that it holds by value. Aliases are looked through: they are their target.
fn slots(defs: &[Def], def: &Def) -> Vec<Vec<DefId>> {
    let held = |schema: &Schema| {
        let mut into = Vec::new();
        hold(defs, schema, &mut into, 0);
        into
    };
    match &def.kind {
        DefKind::Struct(object) => object.fields.iter().map(|field| held(&field.schema)).collect(),
        DefKind::Tagged(tagged) => tagged.variants.iter().map(|variant| vec![variant.def]).collect(),
        DefKind::Union(union) => union
            .variants
            .iter()
            .map(|variant| held(&variant.schema))
            .collect(),
        DefKind::Newtype(schema) => vec![held(schema)],
        DefKind::Enum(_) | DefKind::Alias(_) => Vec::new(),
    }
}

/// Longest chain of aliases: longer ones are cut by the check for cycles of aliases.
const MAX_ALIASES: usize = 256;

fn hold(defs: &[Def], schema: &Schema, into: &mut Vec<DefId>, depth: usize) {
    match &schema.shape {
        Shape::Def(id) => match defs.get(id.0).map(|def| &def.kind) {
            Some(DefKind::Alias(target)) if depth < MAX_ALIASES => hold(defs, target, into, depth + 1),
            _ => into.push(*id),
        },
        Shape::Nullable(inner) => hold(defs, inner, into, depth),
        Shape::Tuple(items) => items.iter().for_each(|item| hold(defs, item, into, depth)),
        _ => {}
    }
}

/// Reports types without a finite value, and types that are nothing but lists and maps of themselves.
pub(crate) fn check_cycles(defs: &[Def], spans: &HashMap<&str, Span>, sink: &mut Sink) {
    let looped = alias_loops(defs);
    let mut report = |id: usize, code: &'static codes::Code, message: &str, help: &str| {
        let Some(Def {
            origin: Origin::Type(name),
            ..
        }) = defs.get(id)
        else {
            return;
        };
        let at = spans.get(name.as_str()).copied().unwrap_or_default();
        sink.push(Report::new(code, at, format!("the type `{name}` {message}")).help(help));
    };
    for id in &looped {
        report(
            *id,
            &codes::ALIAS_CYCLE,
            "leads back to itself with no object between",
            "put an object between: `fields: { items: ... }`",
        );
    }
    for id in infinite(defs).into_iter().filter(|id| !looped.contains(id)) {
        report(
            id,
            &codes::INFINITE,
            "contains itself with no way out",
            "make a property optional (`name?`), allow null (`T?`), or use a list",
        );
    }
}

/// Aliases from which a walk through aliases alone leads back.
fn alias_loops(defs: &[Def]) -> Vec<usize> {
    let edges: Vec<_> = defs
        .iter()
        .map(|def| {
            let mut into = Vec::new();
            if let DefKind::Alias(schema) = &def.kind {
                aliases(defs, schema, &mut into);
            }
            into
        })
        .collect();
    graph::loops(&edges)
}

fn aliases(defs: &[Def], schema: &Schema, into: &mut Vec<usize>) {
    match &schema.shape {
        Shape::Def(id) => {
            if matches!(defs.get(id.0).map(|def| &def.kind), Some(DefKind::Alias(_))) {
                into.push(id.0);
            }
        }
        Shape::Nullable(inner) | Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } => {
            aliases(defs, inner, into);
        }
        Shape::Tuple(items) => items.iter().for_each(|item| aliases(defs, item, into)),
        _ => {}
    }
}

/// Definitions without a finite value, since they wait for each other.
fn infinite(defs: &[Def]) -> Vec<usize> {
    let mut finite = vec![false; defs.len()];
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); defs.len()];
    let mut queue: Vec<usize> = (0..defs.len()).collect();
    while let Some(id) = queue.pop() {
        if finite.get(id) == Some(&true) {
            continue;
        }
        let Some(def) = defs.get(id) else { continue };
        let mut blockers = Vec::new();
        if is_finite(def, &finite, &mut blockers) {
            if let Some(flag) = finite.get_mut(id) {
                *flag = true;
            }
            if let Some(list) = waiting.get_mut(id) {
                queue.append(list);
            }
        } else {
            // Looked at again when one of those that it waits for is found to be finite.
            for blocker in blockers {
                if let Some(list) = waiting.get_mut(blocker) {
                    list.push(id);
                }
            }
        }
    }
    // What only contains such a type is not to blame.
    let mut edges = vec![Vec::new(); defs.len()];
    for (to, from) in waiting
        .iter()
        .enumerate()
        .flat_map(|(to, from)| from.iter().map(move |from| (to, *from)))
    {
        if let Some(targets) = edges.get_mut(from) {
            targets.push(to);
        }
    }
    let looped = graph::loops(&edges).into_iter();
    looped.filter(|id| finite.get(*id) == Some(&false)).collect()
}

/// Whether a definition has a finite value, given those that are known to; else what it waits for.
fn is_finite(def: &Def, finite: &[bool], blockers: &mut Vec<usize>) -> bool {
    match &def.kind {
        DefKind::Alias(schema) | DefKind::Newtype(schema) => schema_is_finite(schema, finite, blockers),
        DefKind::Struct(object) => {
            let extra_needed = object
                .min_properties
                .is_some_and(|least| least > object.fields.len() as u64);
            let extra_finite = match &object.extra {
                Extra::Typed(_, schema) if extra_needed => schema_is_finite(schema, finite, blockers),
                _ => true,
            };
            let required = object.fields.iter().filter(|field| field.required);
            // The first that is missing is enough to wait for.
            extra_finite
                && required
                    .into_iter()
                    .all(|field| schema_is_finite(&field.schema, finite, blockers))
        }
        DefKind::Enum(_) => true,
        DefKind::Tagged(tagged) => {
            tagged.variants.is_empty()
                || tagged
                    .variants
                    .iter()
                    .any(|variant| known(variant.def, finite, blockers))
        }
        DefKind::Union(union) => {
            union.variants.is_empty()
                || union
                    .variants
                    .iter()
                    .any(|variant| schema_is_finite(&variant.schema, finite, blockers))
        }
    }
}

fn schema_is_finite(schema: &Schema, finite: &[bool], blockers: &mut Vec<usize>) -> bool {
    match &schema.shape {
        Shape::Def(id) => known(*id, finite, blockers),
        Shape::Array { items, min_items, .. } => {
            min_items.unwrap_or(0) == 0 || schema_is_finite(items, finite, blockers)
        }
        Shape::Map {
            values,
            min_properties,
            ..
        } => min_properties.unwrap_or(0) == 0 || schema_is_finite(values, finite, blockers),
        Shape::Tuple(items) => items.iter().all(|item| schema_is_finite(item, finite, blockers)),
        _ => true,
    }
}

fn known(id: DefId, finite: &[bool], blockers: &mut Vec<usize>) -> bool {
    let known = finite.get(id.0).copied().unwrap_or(true);
    if !known {
        blockers.push(id.0);
    }
    known
}
