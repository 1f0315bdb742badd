//! Tuning curves by stage with their fits (Fig. S3B).

use plotly::common::{DashType, HoverInfo, Line, Marker, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{About, Figure, style};
use crate::statistics::GaussianFit;
use crate::tables::Columns;

/// The average tuning curves, a colour a stage, with the Gaussian that is fitted to each (a line) and the intervals, if
/// there are any (shaded). The legend tells widths, the title how the heights differ between stages.
///
/// The tables are those of [`crate::analysis::Tuning`]: `curves` its `table`, `fits`, and `tests` its `height_tests`.
///
/// ```
/// use maturation::analysis::{self, AverageOptions};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let (options, readout) = (AverageOptions::default(), ReadoutOptions::default());
/// let tuning = analysis::tuning(&run, Selection::Last, Rule::GAP, Epoch::Stim1, &options, &readout)?;
/// let figure = figures::tuning(&tuning.table()?, &tuning.fits()?, &tuning.height_tests()?, "Tuning, gap")?;
/// assert!(figure.json().contains("width"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn tuning(curves: &DataFrame, fits: &DataFrame, tests: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let columns = Columns::of(curves, "the table of tuning curves");
    let rows = Rows {
        stages: columns.names("stage")?,
        offsets: columns.numbers("offset")?,
        activity: columns.numbers("activity")?,
        units: columns.numbers("units")?,
        intervals: style::interval(&columns)?,
    };
    let gaussians = gaussians(fits)?;
    let names = style::distinct(&rows.stages);
    let mut plot = Plot::new();
    for name in &names {
        let fit = gaussians.iter().find(|(stage, _)| stage == *name).map(|(_, fit)| fit);
        rows.draw(&mut plot, name, fit);
    }

    let mut notes = Vec::new();
    if columns.has("checkpoints") {
        let counts = columns.counts("checkpoints")?;
        let first = |name: &String| rows.stages.iter().position(|stage| stage == name);
        notes.push(style::averaged(names.iter().filter_map(|name| Some((name, counts[first(name)?])))));
    }
    notes.extend(differences(tests)?);
    let normalisation = style::normalisation(&columns, about.rates)?;
    let x = style::axis("locations from the preferred one").dtick(1.0);
    let mut layout = style::layout(&style::heading(&about.title, &notes), x, style::axis(normalisation.axis()));
    if normalisation.is_relative() {
        layout.add_shape(style::horizontal_line(0.0));
    }
    if names.is_empty() {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("Tuning curves of {} stages", names.len())))
}

/// The columns of the table of curves.
struct Rows {
    stages: Vec<String>,
    offsets: Vec<f64>,
    activity: Vec<f64>,
    units: Vec<f64>,
    intervals: Option<[Vec<f64>; 2]>,
}

impl Rows {
    /// A stage's interval, its fit, and its points.
    fn draw(&self, plot: &mut Plot, stage: &str, fit: Option<&GaussianFit>) {
        let rows: Vec<usize> = (0..self.stages.len()).filter(|row| self.stages[*row] == stage).collect();
        let at = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let (x, y) = (at(&self.offsets), at(&self.activity));
        let colour = style::stage_or_series(stage, 0);
        if let Some([low, high]) = &self.intervals
            && let Some(band) = style::interval_band(&x, &at(low), &at(high), colour)
        {
            plot.add_trace(band.legend_group(stage));
        }
        if let Some(fit) = fit {
            let lowest = y.iter().copied().fold(f64::INFINITY, f64::min);
            let (first, last) = (x.first().copied().unwrap_or(0.0), x.last().copied().unwrap_or(0.0));
            let fine: Vec<f64> = (0..=120).map(|step| first + (last - first) * f64::from(step) / 120.0).collect();
            let line: Vec<f64> = fine.iter().map(|x| (1e4 * (lowest + fit.at(*x))).round() / 1e4).collect();
            plot.add_trace(
                Scatter::new(fine, line)
                    .mode(Mode::Lines)
                    .line(Line::new().color(colour).width(2.2))
                    .legend_group(stage)
                    .show_legend(false)
                    .hover_info(HoverInfo::Skip),
            );
        }
        let count = rows.first().map_or(0.0, |row| self.units[*row]);
        let (label, mode) = match fit {
            Some(fit) => (format!("{stage}: width {:.2} ({count:.0} units)", 2.0 * fit.sigma), Mode::Markers),
            None => (format!("{stage}: no fit ({count:.0} units)"), Mode::LinesMarkers),
        };
        plot.add_trace(
            Scatter::new(x, y.iter().map(|rate| (1e5 * rate).round() / 1e5).collect::<Vec<_>>())
                .name(label)
                .mode(mode)
                .legend_group(stage)
                .marker(Marker::new().color(colour).size(9))
                .line(Line::new().color(colour).width(1.2).dash(DashType::Dot))
                .hover_template("%{fullData.name}<br>offset %{x} locations<br>activity %{y:.3f}<extra></extra>"),
        );
    }
}

/// The Gaussian of each stage that has one.
fn gaussians(fits: &DataFrame) -> Result<Vec<(String, GaussianFit)>> {
    let columns = Columns::of(fits, "the table of tuning fits");
    let (stages, names) = (columns.names("stage")?, columns.names("fit")?);
    let [area, centre, sigma] = [columns.numbers("amplitude")?, columns.numbers("centre")?, columns.numbers("sigma")?];
    let r_squared = columns.numbers("r_squared")?;
    let rows = (0..stages.len()).filter(|row| names[*row] == "gaussian" && sigma[*row].is_finite());
    let fit =
        |row: usize| GaussianFit { area: area[row], centre: centre[row], sigma: sigma[row], r_squared: r_squared[row] };
    Ok(rows.map(|row| (stages[row].clone(), fit(row))).collect())
}

/// A line for each way of taking samples: how the heights differ between stages.
fn differences(tests: &DataFrame) -> Result<Vec<String>> {
    let columns = Columns::of(tests, "the table of height tests");
    let (samples, p_values) = (columns.names("samples")?, columns.numbers("p_value")?);
    let (first, second) = (columns.names("first")?, columns.names("second")?);
    let line = |(kind, text): (&str, &str)| {
        let pairs: Vec<String> = (0..samples.len())
            .filter(|row| samples[*row] == kind && p_values[*row].is_finite())
            .map(|row| format!("{}–{} p = {}", first[row], second[row], style::probability(p_values[row])))
            .collect();
        (!pairs.is_empty()).then(|| format!("{text}: {}", pairs.join(", ")))
    };
    let kinds =
        [("unit_checkpoints", "heights, units of all checkpoints"), ("units", "heights, each unit once a stage")];
    Ok(kinds.into_iter().filter_map(line).collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn tables() -> [DataFrame; 3] {
        let offsets: Vec<i32> = (-4..=4).collect();
        let bell: Vec<f64> = offsets.iter().map(|x| 2.0 * (-0.5 * f64::from(x * x)).exp()).collect();
        let curves = df![
            "stage" => [vec!["early"; 9], vec!["mature"; 9]].concat(),
            "offset" => [offsets.clone(), offsets].concat(),
            "activity" => [bell.clone(), vec![0.5; 9]].concat(),
            "units" => [vec![12.5; 9], vec![3.0; 9]].concat(),
            "low" => [bell.iter().map(|y| Some(y - 0.1)).collect(), vec![None; 9]].concat(),
            "high" => [bell.iter().map(|y| Some(y + 0.1)).collect(), vec![None; 9]].concat(),
        ];
        let fits = df![
            "stage" => ["early", "early", "mature", "mature"],
            "fit" => ["gaussian", "von_mises", "gaussian", "von_mises"],
            "amplitude" => [Some(5.013), Some(5.0), None, None],
            "centre" => [Some(0.0), Some(0.0), None, None],
            "sigma" => [Some(1.0), Some(1.1), None, None],
            "r_squared" => [Some(1.0), Some(0.99), None, None],
        ];
        let tests = df![
            "samples" => ["unit_checkpoints", "units"],
            "first" => ["early", "early"],
            "second" => ["mature", "mature"],
            "p_value" => [Some(8.6e-70), None],
        ];
        [curves, fits, tests].map(Result::unwrap)
    }

    #[test]
    fn the_picture_has_points_fits_intervals_and_tests() {
        let [curves, fits, tests] = tables();
        let figure = tuning(&curves, &fits, &tests, "Tuning").unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        let names: Vec<_> = traces.iter().filter_map(|trace| trace["name"].as_str()).collect();
        assert_eq!(names, ["early: width 2.00 (12 units)", "mature: no fit (3 units)"]);
        assert_eq!(traces.len(), 4, "a band, a fit and points, then points alone");
        let top = traces[1]["y"].as_array().unwrap()[60].as_f64().unwrap();
        assert!((top - 2.0).abs() < 1e-2, "{top}");
        let text = json["layout"].to_string();
        assert!(text.contains("early–mature p = 8.6e-70") && text.contains("locations from the preferred one"));
        assert!(!text.contains("each unit once"), "a test without an answer is not told");
    }

    #[test]
    fn nothing_selected_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        let [curves, fits, tests] = tables();
        let empty = tuning(&curves.clear(), &fits.clear(), &tests.clear(), "Tuning").unwrap();
        assert!(empty.json().contains("no selective unit"));
        let message = tuning(&curves, &fits.drop("sigma").unwrap(), &tests, "").unwrap_err().to_string();
        assert!(message.contains("`sigma`"));
    }
}
