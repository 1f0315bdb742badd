//! What a distractor does to the response, by its distance from the stimulus.

use plotly::common::{Anchor, ErrorData, ErrorType, Line, Marker, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::saccade::{Distribution, distance_axis, stands_on, tolerance};
use crate::figures::{Figure, grid, style};
use crate::tables::Columns;
use crate::tasks::Rule;
use crate::training::Stage;

/// Performance against the distance of the distractor from the stimulus, a curve a stage; bars are the standard error
/// between the stage's checkpoints (paper: distractor effect).
///
/// `table` is that of [`crate::analysis::Distractor::performance`]. A stage without checkpoints has no curve, and the
/// title says so.
///
/// ```
/// use maturation::analysis::{DistractorOptions, distractor};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let options = DistractorOptions { repeats: 1 };
/// let found = distractor(&run, Selection::Last, &options, &ReadoutOptions::default())?;
/// assert!(figures::distractor(&found.performance()?)?.json().contains("distance of the distractor"));
/// assert!(figures::distractor_saccades(&found.saccades()?)?.json().contains("180°"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn distractor(table: &DataFrame) -> Result<Figure> {
    let columns = Columns::of(table, "the table of performance with a distractor");
    let rows = Rows {
        stages: columns.names("stage")?,
        checkpoints: columns.counts("checkpoints")?,
        distances: columns.numbers("distance_degrees")?,
        performance: columns.numbers("performance")?,
        deviation: columns.numbers("performance_deviation")?,
        response: columns.numbers("response_degrees")?,
        counts: [columns.counts("trials")?, columns.counts("pairs")?, columns.counts("fixating")?],
    };
    let mut plot = Plot::new();
    let mut missing = Vec::new();
    for stage in Stage::ALL {
        match rows.curve(stage) {
            Some(curve) => plot.add_trace(curve),
            None => missing.push(stage.name()),
        }
    }
    let mut notes = vec![stands_on(&columns)?];
    if !rows.stages.is_empty() && !missing.is_empty() {
        notes.push(format!("no checkpoint: {}", missing.join(", ")));
    }
    let title = style::heading("A distractor near the stimulus, and one far from it, rule odrd", &notes);
    let x = style::axis("distance of the distractor from the stimulus (degrees)").tick_values(ticks(&rows.distances));
    let y = style::axis("performance (share of trials right)").range(vec![0.0, 1.05]);
    let mut layout = style::layout(&title, x, y);
    if let Some(chance) = Rule::ODRD.task().chance() {
        layout.add_shape(style::horizontal_line(chance));
        layout.add_annotation(style::label("chance", ("paper", 0.98), ("y", chance - 0.07), Anchor::Right));
    }
    if rows.stages.is_empty() {
        layout.add_annotation(style::nothing("no checkpoint"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("Performance against distractor distance, {} stages", 3 - missing.len())))
}

/// The table's columns.
struct Rows {
    stages: Vec<String>,
    checkpoints: Vec<u64>,
    distances: Vec<f64>,
    performance: Vec<f64>,
    deviation: Vec<f64>,
    response: Vec<f64>,
    /// Trials, pairs, and trials that still fixate.
    counts: [Vec<u64>; 3],
}

impl Rows {
    /// The performance of a stage, with its standard error; none without a checkpoint.
    fn curve(&self, stage: Stage) -> Option<Box<Scatter<f64, f64>>> {
        let rows: Vec<usize> = (0..self.stages.len()).filter(|row| self.stages[*row] == stage.name()).collect();
        let count = self.checkpoints[*rows.first()?];
        let colour = style::stage_colour(stage);
        let rounded = |value: f64| (1e4 * value).round() / 1e4;
        let error = |row: &usize| {
            let error = self.deviation[*row] / (count as f64).sqrt();
            if error.is_finite() { rounded(error) } else { 0.0 }
        };
        let hover = |row: &usize| {
            let end = match self.response[*row] {
                end if end.is_finite() => format!("responses end {end:.0}° from the target on average"),
                _ => "no response".to_owned(),
            };
            let [trials, pairs, fixating] = &self.counts;
            format!("{end}<br>{} trials of {} pairs, {} still fixating", trials[*row], pairs[*row], fixating[*row])
        };
        let plural = if count == 1 { "" } else { "s" };
        let performance = rows.iter().map(|row| rounded(self.performance[*row])).collect();
        let errors = ErrorData::new(ErrorType::Data).array(rows.iter().map(error).collect());
        let trace = Scatter::new(rows.iter().map(|row| self.distances[*row]).collect(), performance)
            .name(format!("{stage} ({count} checkpoint{plural})"))
            .mode(Mode::LinesMarkers)
            .line(Line::new().color(colour).width(2.8))
            .marker(Marker::new().color(colour).size(8))
            .error_y(errors.color(colour).thickness(1.3))
            .hover_text_array(rows.iter().map(hover).collect())
            .hover_template(
                "%{fullData.name}<br>distractor %{x}° away: performance %{y:.3f}<br>%{hovertext}<extra></extra>",
            );
        Some(trace)
    }
}

/// How far from the target responses end, a panel for each distance of the distractor from the stimulus.
///
/// `table` is that of [`crate::analysis::Distractor::saccades`].
///
/// # Errors
/// If a column is missing or of another type.
pub fn distractor_saccades(table: &DataFrame) -> Result<Figure> {
    let columns = Columns::of(table, "the table of responses with a distractor");
    let distances = columns.numbers("distance_degrees")?;
    let mut panels: Vec<f64> = ticks(&distances);
    panels.truncate(grid::MOST_AXES);
    let mut plot = Plot::new();
    let title = "Where responses end, by distance of the distractor from the stimulus, rule odrd";
    let title = style::heading(title, &[stands_on(&columns)?]);
    let mut layout = style::layout(&title, style::axis(""), style::axis("responding trials (%)"));
    for (number, (distance, place)) in panels.iter().zip(grid::side_by_side(panels.len())).enumerate() {
        let [x, _] = grid::axes_of(number);
        let text = if number == panels.len() / 2 { "distance of the response from the target (degrees)" } else { "" };
        // Where a panel ends the next one begins.
        let tick_values = if number + 1 == panels.len() { vec![0.0, 90.0, 180.0] } else { vec![0.0, 90.0] };
        let axis = distance_axis(text).tick_values(tick_values).domain(&place.across());
        layout = grid::with_x_axis(layout, number, axis);
        for stage in Distribution::all(&columns, |row| distances[row] == *distance)? {
            if let Some(trace) = stage.trace([&x, "y"], number == 0) {
                plot.add_trace(trace);
            }
        }
        layout.add_shape(tolerance(Rule::ODRD, &x, "paper"));
        let label = format!("{}°", (10.0 * distance).round() / 10.0);
        layout.add_annotation(style::label(&label, ("paper", place.middle()), ("paper", 1.0), Anchor::Center));
    }
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no checkpoint"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("Distance of the response from the target at {} distractor distances", panels.len())))
}

/// Each value once, in ascending order.
fn ticks(values: &[f64]) -> Vec<f64> {
    let mut ticks: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    ticks
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        df![
            "stage" => ["early", "early", "mature", "mature"],
            "checkpoints" => [4_u32, 4, 1, 1],
            "distance_degrees" => [0.0, 180.0, 0.0, 180.0],
            "pairs" => [2_u32; 4],
            "trials" => [8_u64; 4],
            "performance" => [0.2, 0.3, 0.5, 0.9],
            "performance_deviation" => [Some(0.1), Some(0.2), None, None],
            "fixating" => [1_u64, 0, 0, 0],
            "response_degrees" => [Some(50.0), Some(30.0), None, Some(9.0)],
        ]
        .unwrap()
    }

    #[test]
    fn the_picture_has_a_curve_a_stage_with_its_error() {
        let json: serde_json::Value = serde_json::from_str(&distractor(&table()).unwrap().json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 2);
        assert_eq!(traces[0]["error_y"]["array"], serde_json::json!([0.05, 0.1]));
        assert_eq!(traces[1]["error_y"]["array"], serde_json::json!([0.0, 0.0]));
        assert_eq!(traces[1]["y"], serde_json::json!([0.5, 0.9]));
        assert!(traces[1]["hovertext"][0].as_str().unwrap().starts_with("no response"));
        let text = json["layout"].to_string();
        for word in ["distance of the distractor from the stimulus (degrees)", "no checkpoint: mid", "chance"] {
            assert!(text.contains(word), "{word}");
        }
    }

    #[test]
    fn responses_have_a_panel_a_distance() {
        let table = df![
            "stage" => ["early"; 6],
            "checkpoints" => [2_u32; 6],
            "distance_degrees" => [0.0, 0.0, 90.0, 90.0, 180.0, 180.0],
            "from_degrees" => [0.0, 90.0, 0.0, 90.0, 0.0, 90.0],
            "to_degrees" => [90.0, 180.0, 90.0, 180.0, 90.0, 180.0],
            "trials" => [1_u64, 3, 2, 2, 0, 0],
            "fixating" => [0_u64, 0, 0, 0, 1, 2],
        ]
        .unwrap();
        let json: serde_json::Value = serde_json::from_str(&distractor_saccades(&table).unwrap().json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 2, "where nothing responds there is no curve");
        assert_eq!((&traces[0]["xaxis"], &traces[1]["xaxis"]), (&"x".into(), &"x2".into()));
        assert_eq!((&traces[0]["showlegend"], &traces[1]["showlegend"]), (&true.into(), &false.into()));
        assert!(json["layout"]["xaxis3"]["domain"].is_array());
    }

    #[test]
    fn nothing_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        assert!(distractor(&table().clear()).unwrap().json().contains("no checkpoint"));
        assert!(distractor(&table().drop("pairs").unwrap()).unwrap_err().to_string().contains("`pairs`"));
        assert!(distractor_saccades(&table()).unwrap_err().to_string().contains("`from_degrees`"));
    }
}
