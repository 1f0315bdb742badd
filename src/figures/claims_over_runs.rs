//! The paper's claims over runs: in how many they hold, and how large their effects are.

use plotly::common::{HoverInfo, Line, Marker, MarkerSymbol, Mode, Orientation};
use plotly::layout::{BarMode, Margin};
use plotly::{Bar, Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{About, Figure, over_runs, style};
use crate::tables::Columns;

/// Runs that agree, that differ, and that cannot tell.
const VERDICTS: [(&str, &str, &str); 3] =
    [("agree", "agree", "#0072b2"), ("differ", "differ", "#d55e00"), ("cannot_tell", "cannot tell", "#cccccc")];
/// The height of a claim's line, pixels.
const LINE: usize = 34;
/// Where the two panels lie.
const PANELS: [[f64; 2]; 2] = [[0.0, 0.42], [0.5, 1.0]];
/// An effect farther than this from none, in standard deviations, is drawn open at the edge.
const FARTHEST: f64 = 4.0;

/// The paper's claims over the runs of a group: on the left in how many runs each holds, on the right the mean effect
/// with its 95 % interval over runs, in standard deviations between runs so that all fit one axis, and as an open
/// diamond the published number on the same scale. A ratio's distance from 1 counts, any other effect's from 0.
///
/// `table` is that of [`Summary::claims`](crate::summary::Summary::claims). Of several groups the first is drawn; the
/// title says so.
///
/// ```
/// use maturation::prelude::*;
///
/// let claims = df![
///     "claim" => ["Tuning gets higher"], "source" => ["Fig. S3B"], "measure" => ["height"], "runs" => [10_u64],
///     "agree" => [9_u64], "differ" => [1_u64], "cannot_tell" => [0_u64], "effect_is" => ["mature − early"],
///     "effect" => [1.2], "effect_sd" => [0.4], "effect_low" => [0.9], "effect_high" => [1.5],
///     "published_effect" => [1.6],
/// ]?;
/// assert!(figures::claims_over_runs(&claims, "Ten networks")?.json().contains("Tuning gets higher"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn claims_over_runs(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let title = about.into().title;
    let (groups, _) = over_runs::groups(table, "claim")?;
    let distinct = style::distinct(&groups);
    let here: Vec<usize> = (0..groups.len()).filter(|row| groups[*row] == groups[0]).collect();
    let columns = Columns::of(table, "the table of claims over runs");
    let rows = Rows::of(&columns, &here)?;
    let count = here.len();
    // The first claim stands at the top.
    let place = |row: usize| (count - 1 - row) as f64;

    let mut plot = Plot::new();
    for (column, name, colour) in VERDICTS {
        let counts = columns.counts(column)?;
        let counts: Vec<u64> = here.iter().map(|row| counts[*row]).collect();
        plot.add_trace(
            Bar::new(counts, (0..count).map(place).collect())
                .name(name)
                .orientation(Orientation::Horizontal)
                .marker(Marker::new().color(colour))
                .hover_text_array(rows.labels.iter().map(|label| label.replace("<br>", " ")).collect())
                .hover_template(format!("%{{hovertext}}<br>{name}: %{{x}} runs<extra></extra>")),
        );
    }
    rows.draw(&mut plot, &place);
    let mut notes = vec![format!(
        "right: mean effects, 95 % intervals over runs; open circles: {FARTHEST} or more; open diamonds: published"
    )];
    if distinct.len() > 1 {
        notes.push(format!("{}, the first of {} groups", groups[0], distinct.len()));
    }
    let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
    let lines = vec![-0.6, count as f64 - 0.4];
    let y = axis("").range(lines.clone()).tick_values((0..count).map(place).collect()).show_grid(false);
    let y = y.tick_text(rows.labels.clone()).tick_font(style::tiny());
    let most = here.iter().filter_map(|row| rows.runs.get(*row)).copied().max().unwrap_or(1);
    let x = axis("runs").domain(&PANELS[0]).range(vec![0.0, most as f64]);
    let mut layout = style::layout(&style::heading(&title, &notes), x, y)
        .x_axis2(axis("effect, in standard deviations between runs").domain(&PANELS[1]).anchor("y2").zero_line(true))
        .y_axis2(axis("").range(lines).anchor("x2").show_tick_labels(false).show_grid(false))
        .bar_mode(BarMode::Stack)
        .bar_gap(0.35)
        .height(200 + LINE * count.max(3))
        .margin(Margin::new().left(370).right(20).top(110).bottom(65))
        .legend(style::legend("runs that"));
    if count == 0 {
        layout.add_annotation(style::nothing("no claim"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{title}: {count} claims over {most} runs")))
}

/// The table's columns, of the rows that are drawn.
struct Rows {
    labels: Vec<String>,
    runs: Vec<u64>,
    effect_is: Vec<String>,
    /// Effect, its ends and the published one.
    effects: Vec<[f64; 4]>,
    deviations: Vec<f64>,
}

impl Rows {
    fn of(columns: &Columns, here: &[usize]) -> Result<Rows> {
        let (claims, measures) = (columns.names("claim")?, columns.names("measure")?);
        let (effect, low, high) =
            (columns.numbers("effect")?, columns.numbers("effect_low")?, columns.numbers("effect_high")?);
        let (published, deviations) = (columns.numbers("published_effect")?, columns.numbers("effect_sd")?);
        let effect_is = columns.names("effect_is")?;
        Ok(Rows {
            labels: here.iter().map(|row| label(&claims[*row], &measures[*row])).collect(),
            runs: columns.counts("runs")?,
            effect_is: here.iter().map(|row| effect_is[*row].clone()).collect(),
            effects: here.iter().map(|row| [effect[*row], low[*row], high[*row], published[*row]]).collect(),
            deviations: here.iter().map(|row| deviations[*row]).collect(),
        })
    }

    /// Effects, intervals and published numbers.
    fn draw(&self, plot: &mut Plot, place: &dyn Fn(usize) -> f64) {
        let (mut means, mut published) = ([vec![], vec![]], [vec![], vec![]]);
        let (mut words, mut published_words) = (vec![], vec![]);
        for (row, [effect, low, high, of_paper]) in self.effects.iter().copied().enumerate() {
            let none = if self.effect_is[row].contains('÷') { 1.0 } else { 0.0 };
            let scaled = |value: f64| ((value - none) / self.deviations[row]).clamp(-FARTHEST, FARTHEST);
            if scaled(effect).is_finite() {
                if low.is_finite() && high.is_finite() {
                    let ends = vec![scaled(low), scaled(high)];
                    plot.add_trace(
                        Scatter::new(ends, vec![place(row); 2])
                            .mode(Mode::Lines)
                            .line(Line::new().color(style::INK).width(2.4))
                            .hover_info(HoverInfo::Skip)
                            .show_legend(false)
                            .x_axis("x2")
                            .y_axis("y2"),
                    );
                }
                means[0].push(scaled(effect));
                means[1].push(place(row));
                words.push(format!("{}: {effect:.3}, 95 % {low:.3} to {high:.3}", self.effect_is[row]));
            }
            if scaled(of_paper).is_finite() {
                published[0].push(scaled(of_paper));
                published[1].push(place(row));
                published_words.push(format!("published: {of_paper:.3}"));
            }
        }
        let marks = |[x, y]: [Vec<f64>; 2], name: &str, words: Vec<String>, marker: Marker| {
            Scatter::new(x, y)
                .name(name)
                .mode(Mode::Markers)
                .marker(marker)
                .hover_text_array(words)
                .hover_template("%{hovertext}<extra></extra>")
                .show_legend(false)
                .x_axis("x2")
                .y_axis("y2")
        };
        let (far, near): (Vec<usize>, Vec<usize>) =
            (0..words.len()).partition(|mark| means[0][*mark].abs() >= FARTHEST);
        let some = |places: &[usize]| [0, 1].map(|axis: usize| places.iter().map(|at| means[axis][*at]).collect());
        let said = |places: &[usize]| places.iter().map(|at| words[*at].clone()).collect::<Vec<_>>();
        let open = Marker::new().symbol(MarkerSymbol::CircleOpen).size(9).color(style::INK);
        let diamond = Marker::new().symbol(MarkerSymbol::DiamondOpen).size(11).color("#d55e00");
        plot.add_trace(marks(some(&near), "effect", said(&near), Marker::new().size(9).color(style::INK)));
        plot.add_trace(marks(some(&far), "far effect", said(&far), open));
        plot.add_trace(marks(published, "published", published_words, diamond));
    }
}

/// A claim and its measure in two lines, as far as they fit.
fn label(claim: &str, measure: &str) -> String {
    let short = |text: &str, most: usize| match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    };
    format!("{}<br>{}", short(claim, 58), short(measure, 64))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        df![
            "n_rnn" => [16, 16, 32],
            "claim" => ["Higher", "… but not wider", "Higher"],
            "measure" => ["height", &"w".repeat(90), "height"],
            "runs" => [10_u64; 3],
            "agree" => [9_u64, 3, 10],
            "differ" => [1_u64, 5, 0],
            "cannot_tell" => [0_u64, 2, 0],
            "effect_is" => ["mature − early", "mature ÷ early", "mature − early"],
            "effect" => [Some(1.0), Some(1.25), None],
            "effect_sd" => [0.5, 0.0625, 1.0],
            "effect_low" => [0.5, 1.0, 0.0],
            "effect_high" => [1.5, 1.5, 0.0],
            "published_effect" => [Some(100.0), None, None],
        ]
        .unwrap()
    }

    #[test]
    fn effects_are_in_standard_deviations_from_none_and_verdicts_add_up() {
        let figure = claims_over_runs(&table(), "Claims").unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let named = |name: &str| json["data"].as_array().unwrap().iter().find(|trace| trace["name"] == name).unwrap();
        assert_eq!((&named("agree")["x"], &named("agree")["y"]), (&json!([9, 3]), &json!([1.0, 0.0])));
        assert_eq!(named("cannot tell")["x"], json!([0, 2]));
        assert_eq!(named("effect")["x"], json!([2.0]));
        assert_eq!(named("far effect")["x"], json!([4.0]), "a ratio counts from 1, and is far here");
        assert_eq!(named("published")["x"], json!([FARTHEST]), "at the edge");
        assert!(figure.json().contains("n_rnn 16, the first of 2 groups"));
        assert!(figure.json().contains(&format!("{}…", "w".repeat(64))), "long measures are cut");
        assert!(figure.image(crate::figures::ImageFormat::Svg).is_ok());
        assert!(claims_over_runs(&table().clear(), "Claims").unwrap().json().contains("no claim"));
        assert!(claims_over_runs(&table().drop("agree").unwrap(), "Claims").is_err());
    }

    use serde_json::json;
}
