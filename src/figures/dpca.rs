//! Demixed principal components (Fig. 5E).

use std::ops::Range;

use plotly::common::{Anchor, Marker};
use plotly::layout::BarMode;
use plotly::{Bar, Plot};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::panels::{Panel, Scores, draw};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;

/// Bars that can be told apart at a page's width.
const MOST_BARS: usize = 15;

/// The first demixed component of time, stimulus and mixed against time, a curve a location, with the share of variance
/// that each explains (Fig. 5E).
///
/// `scores`, `explained` and `significance` are the tables of [`crate::analysis::Dpca`]. Times at which a component
/// tells locations apart better than any shuffle are underlined in black, if `significance` has rows.
///
/// ```
/// use maturation::analysis::{Regularisation, dpca};
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let options = DpcaOptions { regularisation: Regularisation::Given(1e-3), ..DpcaOptions::default() };
/// let found = dpca(&activity, &options)?;
/// let about = About::of(&activity, "Demixed components, rule gap");
/// let (scores, explained) = (found.table()?, found.explained_variance_table()?);
/// let figure = figures::dpca(&scores, &explained, &found.significance_table()?, &about)?;
/// assert!(figure.json().contains("stimulus"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn dpca(
    scores: &DataFrame,
    explained: &DataFrame,
    significance: &DataFrame,
    about: impl Into<About>,
) -> Result<Figure> {
    let scores = Scores::of(scores)?;
    let columns = Columns::of(explained, "the table of explained variance");
    let (components, parts) = (columns.names("component")?, columns.names("marginalisation")?);
    let (variance, p_values) = (columns.numbers("explained_variance")?, columns.numbers("p_value")?);
    let marginal = columns.numbers("marginal_variance")?;
    let mut panels = Vec::new();
    let mut shares = Vec::new();
    for (part, _) in style::MARGINALISATIONS {
        // The first row of a part is its strongest component.
        let Some(row) = (0..parts.len()).find(|row| parts[*row] == part) else { continue };
        let p_value = if p_values[row].is_finite() { format!(", p = {:.3}", p_values[row]) } else { String::new() };
        panels.push(Panel {
            component: components[row].clone(),
            title: format!("<b>{part}</b>: {} of variance{p_value}", percent(variance[row])),
            underlined: significant(significance, &components[row])?,
        });
        shares.push(format!("{part} {}", percent(marginal[row])));
    }
    let subtitle = if shares.is_empty() { String::new() } else { format!("variance in all: {}", shares.join(", ")) };
    Ok(draw(&scores, &panels, &about.into(), &subtitle))
}

/// The times at which a component is significant, neighbouring steps joined.
fn significant(table: &DataFrame, component: &str) -> Result<Vec<Range<f64>>> {
    let columns = Columns::of(table, "the table of significance");
    let (names, times) = (columns.names("component")?, columns.numbers("time_ms")?);
    let (accuracy, shuffled) = (columns.numbers("accuracy")?, columns.numbers("shuffled")?);
    let rows: Vec<usize> = (0..names.len()).filter(|row| names[*row] == component).collect();
    let step = rows.windows(2).next().map_or(0.0, |pair| times[pair[1]] - times[pair[0]]);
    let mut ranges: Vec<Range<f64>> = Vec::new();
    for row in rows.into_iter().filter(|row| accuracy[*row] > shuffled[*row]) {
        let (from, to) = (times[row], times[row] + step);
        match ranges.last_mut() {
            Some(range) if (range.end - from).abs() < 0.5 * step => range.end = to,
            _ => ranges.push(from..to),
        }
    }
    Ok(ranges)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How much the strongest demixed components explain, each bar split by what its scores vary with.
///
/// `explained` is [`crate::analysis::Dpca::explained_variance_table`]. At most fifteen components are drawn; a
/// component that explains nothing of its own has no bar.
///
/// # Errors
/// If a column is missing or of another type.
pub fn dpca_explained_variance(explained: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let columns = Columns::of(explained, "the table of explained variance");
    let components = columns.names("component")?;
    let variance = columns.numbers("explained_variance")?;
    let mut rows: Vec<usize> = (0..components.len()).filter(|row| variance[*row] > 0.0).collect();
    rows.sort_by(|a, b| variance[*b].total_cmp(&variance[*a]));
    rows.truncate(MOST_BARS);
    let mut plot = Plot::new();
    for (part, colour) in style::MARGINALISATIONS {
        let share = columns.numbers(part)?;
        let heights = rows.iter().map(|row| (1e4 * 100.0 * variance[*row] * share[*row]).round() / 1e4);
        plot.add_trace(
            Bar::new(rows.iter().map(|row| components[*row].clone()).collect(), heights.collect::<Vec<_>>())
                .name(format!("varies with {}", if part == "mixed" { "both" } else { part }))
                .marker(Marker::new().color(colour))
                .hover_template("%{x}<br>%{fullData.name}: %{y:.2f} % of the total variance<extra></extra>"),
        );
    }
    let layout = style::layout(&about.title, style::axis("component"), style::axis("explained variance (%)"));
    let mut layout = layout.bar_mode(BarMode::Stack);
    for row in &rows {
        layout.add_annotation(
            style::label(
                &format!("{:.1}", 100.0 * variance[*row]),
                ("x", 0.0),
                ("y", 100.0 * variance[*row]),
                Anchor::Center,
            )
            .x(components[*row].clone()),
        );
    }
    if rows.is_empty() {
        layout.add_annotation(style::nothing("no component"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{}: explained variance of {} components", about.title, rows.len())))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::tasks::Epoch;

    fn about() -> About {
        let epochs = vec![(Epoch::Fix1, 0.0..20.0), (Epoch::Stim1, 20.0..60.0)];
        About { title: "Demixed".into(), epochs, location_count: 8, ..About::default() }
    }

    fn tables() -> [DataFrame; 3] {
        let scores = df![
            "component" => ["time_1", "time_1", "time_1", "time_1", "stimulus_1", "stimulus_1"],
            "location" => [0_u32, 0, 4, 4, 0, 4],
            "time_ms" => [0.0, 20.0, 0.0, 20.0, 0.0, 0.0],
            "score" => [0.1, 0.2, -0.1, -0.2, 1.0, -1.0],
        ];
        let explained = df![
            "component" => ["time_1", "stimulus_1", "stimulus_2"],
            "marginalisation" => ["time", "stimulus", "stimulus"],
            "explained_variance" => [0.3, 0.6, -0.001],
            "time" => [0.9, 0.1, 0.0],
            "stimulus" => [0.1, 0.8, 1.0],
            "mixed" => [0.0, 0.1, 0.0],
            "marginal_variance" => [0.35, 0.65, 0.65],
            "p_value" => [None, Some(0.01), Some(0.5)],
        ];
        let significance = df![
            "component" => ["stimulus_1"; 4],
            "time_ms" => [0.0, 20.0, 40.0, 60.0],
            "accuracy" => [0.9, 0.9, 0.1, 0.9],
            "shuffled" => [0.2; 4],
            "significant" => [true, true, false, true],
        ];
        [scores.unwrap(), explained.unwrap(), significance.unwrap()]
    }

    #[test]
    fn the_picture_has_a_panel_a_part_and_a_curve_a_location() {
        let [scores, explained, significance] = tables();
        assert_eq!(significant(&significance, "stimulus_1").unwrap(), [0.0..40.0, 60.0..80.0]);
        let figure = dpca(&scores, &explained, &significance, about()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 4, "two panels of two locations");
        assert_eq!(traces[1]["name"], "180°");
        assert_eq!(traces[3]["xaxis"], "x2");
        assert_eq!(traces[1]["line"]["color"], traces[3]["line"]["color"]);
        let text = json["layout"].to_string();
        for words in ["60.0 % of variance, p = 0.010", "30.0 % of variance", "time 35.0 %", "stim1"] {
            assert!(text.contains(words), "{words} is not in {text}");
        }
        // A stimulus band in each panel, and two stretches underlined.
        assert_eq!(json["layout"]["shapes"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn bars_are_split_by_what_the_scores_vary_with() {
        let [_, explained, _] = tables();
        let figure = dpca_explained_variance(&explained, about()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        assert_eq!(json["data"][0]["x"], serde_json::json!(["stimulus_1", "time_1"]), "the strongest first");
        assert_eq!(json["data"][1]["y"], serde_json::json!([48.0, 3.0]));
    }

    #[test]
    fn empty_and_wrong_tables() {
        let [scores, explained, significance] = tables();
        let none = |table: &DataFrame| table.head(Some(0));
        let figure = dpca(&none(&scores), &none(&explained), &none(&significance), about()).unwrap();
        assert!(figure.json().contains("no component"));
        assert!(dpca_explained_variance(&none(&explained), about()).unwrap().json().contains("no component"));
        let wrong = scores.drop("score").unwrap();
        let message = dpca(&wrong, &explained, &significance, about()).unwrap_err().to_string();
        assert!(message.contains("`score`"), "{message}");
    }
}
