//! The order of definitions: each type and each payload, followed by what was found inside it.

use crate::model::{Def, DefId, DefKind, Extra, Origin, Schema, Shape};

/// Puts definitions in order, the first at `offset`. Gives where each went.
pub(crate) fn arrange(made: Vec<(Def, DefId)>, offset: usize) -> (Vec<Def>, Vec<DefId>) {
    let mut order: Vec<_> = made
        .iter()
        .enumerate()
        .map(|(index, (_, root))| (*root, index))
        .collect();
    // A root comes before what was found in it: it was made before.
    order.sort_unstable();
    let mut places = vec![DefId(0); made.len()];
    for (place, (_, index)) in order.iter().enumerate() {
        if let Some(slot) = places.get_mut(*index) {
            *slot = DefId(offset + place);
        }
    }
    let mut defs: Vec<_> = made
        .into_iter()
        .zip(&places)
        .map(|((def, _), place)| (*place, def))
        .collect();
    defs.sort_unstable_by_key(|(place, _)| *place);
    let defs = defs.into_iter().map(|(_, mut def)| {
        renumber(&mut def, &places);
        def
    });
    (defs.collect(), places)
}

fn renumber(def: &mut Def, places: &[DefId]) {
    if let Origin::Inline(parent) = &mut def.origin {
        moved(parent, places);
    }
    match &mut def.kind {
        DefKind::Alias(of) | DefKind::Newtype(of) => schema(of, places),
        DefKind::Struct(object) => {
            object
                .fields
                .iter_mut()
                .for_each(|field| schema(&mut field.schema, places));
            if let Extra::Typed(_, values) = &mut object.extra {
                schema(values, places);
            }
        }
        DefKind::Enum(_) => {}
        DefKind::Tagged(tagged) => tagged
            .variants
            .iter_mut()
            .for_each(|variant| moved(&mut variant.def, places)),
        DefKind::Union(union) => {
            union
                .variants
                .iter_mut()
                .for_each(|variant| schema(&mut variant.schema, places));
        }
    }
}

fn schema(of: &mut Schema, places: &[DefId]) {
    match &mut of.shape {
        Shape::Def(id) => moved(id, places),
        Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } | Shape::Nullable(inner) => {
            schema(inner, places);
        }
        Shape::Tuple(items) => items.iter_mut().for_each(|item| schema(item, places)),
        _ => {}
    }
}

fn moved(id: &mut DefId, places: &[DefId]) {
    if let Some(place) = places.get(id.0) {
        *id = *place;
    }
}
