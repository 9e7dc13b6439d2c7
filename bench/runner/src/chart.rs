//! A bar chart of the CPU modes, as SVG. Lays out what the tables say; computes nothing but lengths.

use crate::modes::Mode;
use crate::peers::OURS;
use crate::report::{Row, Table};
use crate::stats::median;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 70.0;
const BAR: f64 = 16.0;
const ROW: f64 = 22.0;
const HEADING: f64 = 40.0;
const MARGIN: f64 = 16.0;

/// One panel of bars for each mode that measured CPU time.
pub(crate) fn svg(tables: &[Table]) -> String {
    let shown = [
        Mode::One,
        Mode::Sixteen,
        Mode::NestedOne,
        Mode::NestedSixteen,
        Mode::Broadcast,
    ];
    let panels: Vec<&Table> = tables
        .iter()
        .filter(|table| shown.contains(&table.mode))
        .collect();
    let height: f64 = panels
        .iter()
        .map(|table| HEADING + ROW * table.rows.len() as f64)
        .sum::<f64>()
        + MARGIN;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">
<title>Server CPU time a message: shorter is better</title>
<style>
text {{ fill: #1f2328 }} .bar {{ fill: #8c959f }} .ours {{ fill: #0a6b5e }} .note {{ fill: #59636e }} .bold {{ font-weight: 600 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .bar {{ fill: #6e7681 }} .ours {{ fill: #3fb8a5 }} .note {{ fill: #9198a1 }} }}
</style>
"##
    );
    let mut top = 0.0;
    for table in panels {
        panel(&mut svg, table, top);
        top += HEADING + ROW * table.rows.len() as f64;
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, table: &Table, top: f64) {
    let figure = |row: &Row| median(&row.figures).unwrap_or_default();
    let longest = table.rows.iter().map(figure).fold(f64::MIN_POSITIVE, f64::max);
    let heading = top + HEADING - 14.0;
    let mut line = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    line(format!(
        r#"<text x="{MARGIN}" y="{heading}" class="bold">{}<tspan class="note" font-weight="400"> · {}</tspan></text>"#,
        table.mode.title(),
        table.mode.unit()
    ));
    for (index, row) in table.rows.iter().enumerate() {
        let (name, value) = (row.name, figure(row));
        let ours = row.name == OURS;
        let y = top + HEADING + ROW * index as f64;
        let (baseline, end) = (y + BAR - 4.0, LEFT - 8.0);
        let length = (WIDTH - LEFT - RIGHT) * value / longest;
        let after = LEFT + length + 6.0;
        let (bar, text) = if ours { ("ours", "bold") } else { ("bar", "") };
        line(format!(
            r#"<text x="{end}" y="{baseline}" text-anchor="end" class="{text}">{name}</text>"#
        ));
        line(format!(
            r#"<rect x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}" rx="2" class="{bar}"/>"#
        ));
        line(format!(
            r#"<text x="{after:.1}" y="{baseline}" class="{text}">{value:.2}</text>"#
        ));
    }
}
