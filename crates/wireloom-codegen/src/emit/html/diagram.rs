//! Lays out a state machine: states are columns, and each message that leads from one to another is an arrow in a row of
//! its own. Nothing can overlap, whatever the machine looks like.

use std::collections::VecDeque;

use serde::Serialize;
use wireloom_spec::model::States;

/// Width of a letter, in pixels of the drawing: what the page's fonts come to.
const LETTER: usize = 8;
/// Least distance of two columns.
const LEAST: usize = 120;
/// Most of it; a longer name is cut off.
const MOST: usize = 320;
/// Height of a row.
const ROW: usize = 40;
/// Where the first row is: below the names of the states.
const TOP: usize = 96;
/// Width of an arrow that comes back to where it began.
const LOOP: usize = 28;

/// A drawing, ready for the template.
#[derive(Serialize)]
pub(super) struct Diagram {
    width: usize,
    height: usize,
    /// Where the lines of the states end.
    bottom: usize,
    states: Vec<State>,
    arrows: Vec<Arrow>,
}

#[derive(Serialize)]
struct State {
    name: String,
    initial: bool,
    x: usize,
    left: usize,
    width: usize,
}

#[derive(Serialize)]
struct Arrow {
    message: String,
    anchor: String,
    /// For who cannot see it.
    from_name: String,
    to_name: String,
    from: usize,
    to: usize,
    y: usize,
    text_y: usize,
    text_x: usize,
    /// The point of the arrow.
    head: String,
    /// Whether it leads back to where it began, as a path.
    r#loop: Option<String>,
}

/// Draws a machine. Columns are in the order in which the states can be reached.
pub(super) fn draw(machine: &States) -> Diagram {
    let order = reached(machine);
    let column = |name: &str| order.iter().position(|state| *state == name).unwrap_or_default();
    let mut arrows: Vec<(usize, usize, &str)> = Vec::new();
    for state in &order {
        if let Some(on) = machine.states.get(*state) {
            arrows.extend(
                on.iter()
                    .map(|(message, to)| (column(state), column(to), message.as_str())),
            );
        }
    }
    let xs = columns(&order, &arrows);
    let x = |column: usize| xs.get(column).copied().unwrap_or_default();
    let drawn: Vec<Arrow> = arrows
        .iter()
        .enumerate()
        .map(|(row, &(from, to, message))| {
            let y = TOP + ROW * row + ROW / 2;
            arrow(message, (order.get(from), order.get(to)), (x(from), x(to)), y)
        })
        .collect();
    let bottom = TOP + ROW * arrows.len() + 8;
    let right = drawn
        .iter()
        .map(|arrow| arrow.text_right())
        .max()
        .unwrap_or_default();
    let states: Vec<State> = order
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let width = text_width(name) + 32;
            State {
                name: shown(name),
                initial: *name == machine.initial,
                x: x(at),
                left: x(at).saturating_sub(width / 2),
                width,
            }
        })
        .collect();
    let right = states
        .iter()
        .map(|state| state.left + state.width)
        .max()
        .unwrap_or_default()
        .max(right);
    Diagram {
        width: right + 16,
        height: bottom + 8,
        bottom,
        states,
        arrows: drawn,
    }
}

impl Arrow {
    fn text_right(&self) -> usize {
        let width = text_width(&self.message);
        if self.r#loop.is_some() {
            self.text_x + width
        } else {
            self.text_x + width / 2
        }
    }
}

fn arrow(
    message: &str,
    names: (Option<&&str>, Option<&&str>),
    (from, to): (usize, usize),
    y: usize,
) -> Arrow {
    let name = |name: Option<&&str>| name.map(|name| (*name).to_owned()).unwrap_or_default();
    let back = from == to;
    let head_y = if back { y + 10 } else { y };
    let tail = if from < to { to.saturating_sub(9) } else { to + 9 };
    Arrow {
        message: shown(message),
        anchor: super::anchor(message),
        from_name: name(names.0),
        to_name: name(names.1),
        from,
        to,
        y,
        text_y: if back { y + 5 } else { y - 7 },
        text_x: if back { from + LOOP + 8 } else { from.midpoint(to) },
        head: format!("{to},{head_y} {tail},{} {tail},{}", head_y - 5, head_y + 5),
        r#loop: back.then(|| {
            let far = from + LOOP;
            format!(
                "M{from},{} C{far},{} {far},{head_y} {},{head_y}",
                y - 10,
                y - 10,
                from + 8
            )
        }),
    }
}

/// The states, the initial one first, then as they are reached.
fn reached(machine: &States) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    let mut open = VecDeque::from([machine.initial.as_str()]);
    while let Some(state) = open.pop_front() {
        if !order.contains(&state) {
            order.push(state);
            if let Some(on) = machine.states.get(state) {
                open.extend(on.values().map(String::as_str));
            }
        }
    }
    order
}

/// Where the columns are: as far apart as what stands between them needs.
fn columns(order: &[&str], arrows: &[(usize, usize, &str)]) -> Vec<usize> {
    let mut xs = Vec::new();
    let mut next = 16;
    for (at, name) in order.iter().enumerate() {
        let half = (text_width(name) + 32) / 2;
        if at == 0 {
            next += half.max(40);
        }
        xs.push(next);
        let following = order.get(at + 1).map_or(0, |name| (text_width(name) + 32) / 2);
        let mut gap = LEAST.max(half + following + 24);
        for &(from, to, message) in arrows {
            let (low, high) = (from.min(to), from.max(to));
            if low == high && low == at {
                gap = gap.max(LOOP + 24 + text_width(message));
            } else if low <= at && at < high {
                gap = gap.max((text_width(message) + 40).div_ceil(high - low));
            }
        }
        next += gap;
    }
    xs
}

fn text_width(text: &str) -> usize {
    (shown(text).chars().count() * LETTER).min(MOST)
}

/// A name, cut off where it would take too much room.
fn shown(name: &str) -> String {
    let most = MOST / LETTER;
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['\u{2026}']).collect()
}
