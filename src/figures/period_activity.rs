//! The activity of selective units in a period of the trial, compared between stages and between checkpoints.

use plotly::box_plot::BoxPoints;
use plotly::common::{
    Anchor, ColorBar, ColorScale, ColorScaleElement, Fill, Font, Line, LineShape, Marker, Mode, Title,
};
use plotly::layout::{AxisType, Layout, Margin};
use plotly::{BoxPlot, HeatMap, Plot, Scatter};
use polars::frame::DataFrame;

use crate::analysis::{PeriodActivity, PeriodCheckpoint};
use crate::error::Result;
use crate::figures::{About, Figure, style};
use crate::tables::{Columns, thousands};
use crate::training::Stage;

/// Width of a bin of relative activity, as published; halved or doubled where that makes too few or too many bins.
const BIN_WIDTH: f64 = 0.5;
const FEWEST_BINS: f64 = 8.0;
const MOST_BINS: f64 = 60.0;
/// The share of units that is drawn in any case.
const HELD: f64 = 0.97;
/// Beyond this −log₁₀ p the heat map's colour does not change any more.
const STRONGEST: f64 = 10.0;

/// The distribution of the units' activity in a period at the last checkpoint of each stage: histogram and box plot,
/// and the analysis of variance between stages in the title (paper: period activity by stage).
///
/// `table` is that of [`PeriodActivity::table`].
///
/// ```
/// use maturation::analysis::period_activity;
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let (ends, period): (Selection, _) = ("0,572160".parse()?, "delay2".parse()?);
/// let (units, readout) = (Population::default(), ReadoutOptions::default());
/// let found = period_activity(&run, ends, Rule::ODRD, Epoch::Delay2, &period, &units, &readout)?;
/// let title = "Activity in delay2, rule odrd";
/// assert!(figures::period_activity(&found.table()?, title)?.json().contains("F(1, "));
/// assert!(figures::period_tests(&found.t_tests()?, title)?.json().contains("heatmap"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn period_activity(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let all = PeriodActivity::from_table(table)?;
    let stages = all.last_of_stages();
    // A recording has no stage.
    let groups: Vec<Group> = if stages.is_empty() {
        all.checkpoints.iter().enumerate().map(|(place, found)| Group { stage: None, place, found }).collect()
    } else {
        stages.into_iter().map(|(stage, found)| Group { stage: Some(stage), place: 0, found }).collect()
    };
    let pooled: Vec<f64> = groups.iter().flat_map(Group::values).collect();
    let edges = edges(&pooled);
    let shown = edges.first().copied().unwrap_or(0.0)..edges.last().copied().unwrap_or(1.0);
    let beyond = pooled.iter().filter(|value| !shown.contains(value)).count();
    let mut plot = Plot::new();
    for group in &groups {
        plot.add_trace(group.histogram(&edges, beyond > 0));
        plot.add_trace(group.boxes());
    }

    let (means, test) = anova(&all);
    let mut notes = Vec::new();
    if !means.is_empty() {
        let further = if beyond > 0 {
            format!("; {beyond} units above {:.1} are in the last bin", shown.end)
        } else {
            String::new()
        };
        notes.push(format!("means: {means}; {test}{further}"));
    }
    let normalisation = style::normalisation(&Columns::of(table, "the table of period activity"), about.rates)?;
    let unit = normalisation.axis();
    let x = style::axis(unit).domain(&[0.0, 0.52]);
    let span = shown.end - shown.start;
    let mut layout = style::layout(&style::heading(&about.title, &notes), x, style::axis("number of units"))
        .x_axis2(style::axis("stage").domain(&[0.64, 1.0]).anchor("y2"))
        .y_axis2(style::axis(unit).anchor("x2").range(vec![shown.start - 0.02 * span, shown.end + 0.02 * span]));
    if groups.is_empty() {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{} groups of units; {test}", groups.len())))
}

/// The units of a checkpoint that stands for its stage, or of a recording.
struct Group<'a> {
    stage: Option<Stage>,
    place: usize,
    found: &'a PeriodCheckpoint,
}

impl Group<'_> {
    fn values(&self) -> Vec<f64> {
        self.found.units.iter().map(|unit| unit.activity).collect()
    }

    fn colour(&self) -> &'static str {
        self.stage.map_or(style::SERIES[self.place % style::SERIES.len()], style::stage_colour)
    }

    fn name(&self) -> String {
        let count = self.found.units.len();
        match (self.stage, self.found.trials_trained) {
            (Some(stage), Some(trials)) => format!("{stage} ({} trials, {count} units)", thousands(trials)),
            (Some(stage), None) => format!("{stage} ({count} units)"),
            (None, _) => format!("{count} units"),
        }
    }

    fn histogram(&self, edges: &[f64], is_last_open: bool) -> Box<Scatter<f64, usize>> {
        let counts = counts(&self.values(), edges);
        let mut heights = counts.clone();
        heights.extend(counts.last());
        let bins = edges.windows(2).zip(&counts).enumerate();
        let hover = bins.map(|(bin, (ends, count))| {
            let to = if is_last_open && bin + 1 == counts.len() { " or more" } else { "" };
            format!("activity {:.2} to {:.2}{to}: {count} of {} units", ends[0], ends[1], self.found.units.len())
        });
        Scatter::new(edges.to_vec(), heights)
            .name(self.name())
            .mode(Mode::Lines)
            .line(Line::new().color(self.colour()).width(2.5).shape(LineShape::Hv))
            .fill(Fill::ToZeroY)
            .fill_color(style::faint(self.colour()))
            .hover_text_array(hover.collect())
            .hover_template("%{fullData.name}<br>%{hovertext}<extra></extra>")
    }

    fn boxes(&self) -> Box<BoxPlot<&'static str, f64>> {
        let units = self.found.units.iter();
        let hover =
            units.map(|unit| format!("unit {} ({}), location {}", unit.unit, unit.kind, unit.preferred_location));
        BoxPlot::new_xy(
            vec![self.stage.map_or("all", Stage::name); self.found.units.len()],
            self.values().into_iter().map(|value| (1e4 * value).round() / 1e4).collect(),
        )
        .name(self.name())
        .show_legend(false)
        .box_mean(plotly::box_plot::BoxMean::True)
        .box_points(BoxPoints::All)
        .jitter(0.6)
        .point_pos(0.0)
        .fill_color(style::faint(self.colour()))
        .line(Line::new().color(self.colour()).width(1.8))
        .marker(Marker::new().color(self.colour()).size(3).opacity(0.45))
        .hover_text_array(hover.collect::<Vec<_>>())
        .hover_template("%{hovertext}<br>activity %{y:.3f}<extra></extra>")
        .x_axis("x2")
        .y_axis("y2")
    }
}

/// The means of the stages, and the analysis of variance between them.
fn anova(all: &PeriodActivity) -> (String, String) {
    let anova = all.anova();
    let means: Vec<String> = anova.stages.iter().map(|stage| format!("{} {:.2}", stage.stage, stage.mean)).collect();
    let test = match &anova.result {
        Ok(test) => {
            let p = style::probability(test.p_value);
            format!("F({}, {}) = {:.2}, p = {p}", test.df_between, test.df_within, test.f)
        }
        Err(reason) => format!("stages not compared: {reason}"),
    };
    (means.join(", "), test)
}

/// The edges of bins that hold all values, or all but the few highest where these are far off: the last bin is theirs
/// too.
fn edges(values: &[f64]) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let high = sorted.last().copied().unwrap_or(f64::NAN);
    let most = sorted.get((HELD * sorted.len() as f64) as usize).copied().unwrap_or(high);
    let high = if high - low > 2.0 * (most - low) && most > low { most } else { high };
    if !(low.is_finite() && high.is_finite()) {
        return Vec::new();
    }
    let mut width = BIN_WIDTH;
    while (high - low) / width > MOST_BINS {
        width *= 2.0;
    }
    // The lower limit ends this where all values are about the same.
    while (high - low) / width < FEWEST_BINS && width > 1e-3 * high.abs().max(low.abs()).max(1e-9) {
        width /= 2.0;
    }
    let first = (low / width).floor();
    let count = ((high / width).floor() - first) as usize + 1;
    (0..=count).map(|edge| (first + edge as f64) * width).collect()
}

/// How many values lie between each edge and the next; those beyond the last edge are in the last bin.
fn counts(values: &[f64], edges: &[f64]) -> Vec<usize> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    for value in values {
        let bin = edges.partition_point(|edge| edge <= value).saturating_sub(1).min(counts.len().saturating_sub(1));
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }
    counts
}

/// Every checkpoint compared with every other: a heat map of −log₁₀ p, with the sign of the difference (red where the
/// checkpoint of the row is the more active one, blue where that of the column is).
///
/// `table` is that of [`PeriodActivity::t_tests`]. Where there is no test, the cell is empty.
///
/// # Errors
/// If a column is missing or of another type.
pub fn period_tests(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let title = about.into().title;
    let tests = Tests::of(table)?;
    let count = tests.trials.len();
    let mut plot = Plot::new();
    plot.add_trace(tests.map());
    let shown: Vec<usize> = (0..count).step_by(count.div_ceil(14).max(1)).collect();
    let axis = |title: &str| {
        style::axis(title)
            .type_(AxisType::Category)
            .show_grid(false)
            .tick_values(shown.iter().map(|place| *place as f64).collect())
            .tick_text(shown.iter().map(|place| tests.trials[*place].to_string()).collect())
            .tick_font(Font::new().size(12))
    };
    let x = axis("checkpoint (trials trained)").tick_angle(-45.0);
    let note = "t-tests between checkpoints, not corrected for their number".to_owned();
    let layout = style::layout(&style::heading(&title, &[note]), x, axis("checkpoint (trials trained)"));
    let mut layout = layout.height(640).margin(Margin::new().left(120).right(20).top(85).bottom(95));
    tests.mark_stages(&mut layout);
    if count == 0 {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{title}: t-tests between {count} checkpoints")))
}

/// What every pair of checkpoints gives.
struct Tests {
    /// Trials trained at each checkpoint, ascending.
    trials: Vec<u64>,
    /// The stage of each.
    stages: Vec<String>,
    /// −log₁₀ p with the sign of the difference, [row][column]; none where there is no test.
    strengths: Vec<Vec<Option<f64>>>,
    hover: Vec<Vec<String>>,
}

impl Tests {
    fn of(table: &DataFrame) -> Result<Tests> {
        let columns = Columns::of(table, "the table that compares checkpoints");
        let trials = [columns.counts("first")?, columns.counts("second")?];
        let means = [columns.numbers("first_mean")?, columns.numbers("second_mean")?];
        let units = [columns.counts("first_units")?, columns.counts("second_units")?];
        let stages = [columns.names("first_stage")?, columns.names("second_stage")?];
        let (t, p_values) = (columns.numbers("t")?, columns.numbers("p_value")?);

        let mut known = trials[0].clone();
        known.sort_unstable();
        known.dedup();
        let count = known.len();
        let mut found = Tests {
            stages: vec![String::new(); count],
            strengths: vec![vec![None; count]; count],
            hover: vec![vec![String::new(); count]; count],
            trials: known,
        };
        for row in 0..t.len() {
            let place = |which: usize| found.trials.binary_search(&trials[which][row]);
            let (Ok(y), Ok(x)) = (place(0), place(1)) else { continue };
            found.stages[y].clone_from(&stages[0][row]);
            if !(t[row].is_finite() && p_values[row].is_finite()) {
                continue;
            }
            // A probability too small for a number still has a sign.
            let strength = -p_values[row].max(f64::MIN_POSITIVE).log10();
            let signed = if t[row] == 0.0 { 0.0 } else { strength.copysign(t[row]) };
            found.strengths[y][x] = Some((1e3 * signed).round() / 1e3);
            let one = |which: usize| {
                let (trials, stage) = (trials[which][row], &stages[which][row]);
                format!("{trials} trials ({stage}): mean {:.2}, {} units", means[which][row], units[which][row])
            };
            let p = style::probability(p_values[row]);
            found.hover[y][x] = format!("{}<br>{}<br>t = {:.2}, p = {p}", one(0), one(1), t[row]);
        }
        Ok(found)
    }

    fn map(&self) -> Box<HeatMap<String, String, Vec<Option<f64>>>> {
        let labels: Vec<String> = self.trials.iter().map(|trials| trials.to_string()).collect();
        let texts = ["1e−10, column higher", "1e−5", "0.05", "0.05", "1e−5", "1e−10, row higher"];
        let bar = ColorBar::new()
            .tick_vals(vec![-10.0, -5.0, -1.3, 1.3, 5.0, 10.0])
            .tick_text(texts.map(str::to_owned).to_vec())
            .title(Title::with_text("p of the t-test"))
            .thickness(16);
        HeatMap::new(labels.clone(), labels, self.strengths.clone())
            .color_scale(diverging())
            .zmin(-STRONGEST)
            .zmax(STRONGEST)
            .color_bar(bar)
            .hover_on_gaps(false)
            .hover_text_matrix(self.hover.clone())
            .hover_template("%{hovertext}<extra></extra>")
    }

    /// Strips beside the map that tell the stages, with their names above.
    fn mark_stages(&self, layout: &mut Layout) {
        for (place, stage) in self.stages.iter().enumerate() {
            let Ok(stage) = stage.parse::<Stage>() else { continue };
            let (low, high, colour) = (place as f64 - 0.5, place as f64 + 0.5, style::stage_colour(stage));
            layout.add_shape(style::solid(colour, ("paper", 1.003, 1.018), ("y", low, high)));
            layout.add_shape(style::solid(colour, ("x", low, high), ("paper", 1.005, 1.025)));
        }
        let present = Stage::ALL.into_iter().filter(|stage| self.stages.iter().any(|found| found == stage.name()));
        for (place, stage) in present.enumerate() {
            let text = format!("<span style=\"color:{}\">■</span> {stage}", style::stage_colour(stage));
            let x = 0.6 + 0.12 * place as f64;
            layout.add_annotation(style::label(&text, ("paper", x), ("paper", 1.03), Anchor::Left));
        }
    }
}

/// Blue over white to red, the two ends equally dark; white up to p = 0.05.
fn diverging() -> ColorScale {
    let at = |strength: f64| 0.5 + strength / (2.0 * STRONGEST);
    let stops = [
        (0.0, "#053061"),
        (at(-5.0), "#2166ac"),
        (at(-1.3), "#d1e5f0"),
        (at(-1.3), "#f7f7f7"),
        (at(1.3), "#f7f7f7"),
        (at(1.3), "#fddbc7"),
        (at(5.0), "#b2182b"),
        (1.0, "#67001f"),
    ];
    ColorScale::Vector(stops.into_iter().map(|(at, colour)| ColorScaleElement(at, colour.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        df![
            "trials_trained" => [0_u64, 0, 0, 1280, 1280, 1280],
            "stage" => ["early", "early", "early", "mature", "mature", "mature"],
            "unit" => [0_u32, 3, 4, 0, 1, 3],
            "kind" => ["excited", "mixed", "excited", "excited", "mixed", "excited"],
            "preferred_location" => [7_u32, 1, 2, 7, 1, 2],
            "activity" => [0.1, 0.3, 0.2, 3.0, 4.4, 5.0],
        ]
        .unwrap()
    }

    fn parsed(figure: &Figure) -> serde_json::Value {
        serde_json::from_str(&figure.json()).unwrap()
    }

    #[test]
    fn the_picture_has_a_histogram_and_a_box_a_stage_and_the_test() {
        let json = parsed(&period_activity(&table(), "Activity in delay2").unwrap());
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 4);
        assert_eq!(traces[0]["name"], "early (0 trials, 3 units)");
        let heights: f64 = traces[0]["y"].as_array().unwrap().iter().map(|height| height.as_f64().unwrap()).sum();
        assert_eq!(heights, 3.0, "every unit is in a bin");
        assert_eq!(traces[1]["y"], serde_json::json!([0.1, 0.3, 0.2]));
        assert_eq!(traces[1]["hovertext"][1], "unit 3 (mixed), location 1");
        let text = json["layout"].to_string();
        for word in ["means: early 0.20, mature 4.13; F(1, 4) = ", "rate / fixation rate", "number of units"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn bins_hold_every_value_and_are_neither_too_few_nor_too_many() {
        for values in
            [vec![0.0], vec![-3.2, 8.1], vec![0.001, 0.0013], vec![-500.0, 900.0], vec![5.0; 4], vec![1e-300, 0.0]]
        {
            let edges = edges(&values);
            assert!(edges.len() >= 2 && edges.len() <= 63, "{values:?}: {}", edges.len());
            assert_eq!(counts(&values, &edges).iter().sum::<usize>(), values.len(), "{values:?} {edges:?}");
        }
        assert!(edges(&[]).is_empty() && counts(&[], &[]).is_empty());
    }

    #[test]
    fn the_heat_map_has_the_sign_of_the_difference() {
        let tests = PeriodActivity::from_table(&table()).unwrap().t_tests().unwrap();
        let json = parsed(&period_tests(&tests, "delay2").unwrap());
        let z = &json["data"][0]["z"];
        let value = |row: usize, column: usize| z[row][column].as_f64().unwrap();
        assert_eq!((value(0, 0), value(1, 1)), (0.0, 0.0));
        assert!(value(1, 0) > 2.0 && value(0, 1) == -value(1, 0));
        assert!(json["data"][0]["hovertext"][1][0].as_str().unwrap().contains("1280 trials (mature): mean 4.13"));
        assert_eq!(json["data"][0]["x"], serde_json::json!(["0", "1280"]));
    }

    #[test]
    fn nothing_to_show_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        assert!(period_activity(&table().clear(), "").unwrap().json().contains("no selective unit"));
        let nothing = PeriodActivity::default().t_tests().unwrap();
        assert!(period_tests(&nothing, "").unwrap().json().contains("no selective unit"));
        let mut constant = PeriodActivity::from_table(&table()).unwrap();
        constant.checkpoints.iter_mut().flat_map(|found| &mut found.units).for_each(|unit| unit.activity = 1.0);
        let json = parsed(&period_tests(&constant.t_tests().unwrap(), "").unwrap());
        assert!(json["data"][0]["z"][1][0].is_null(), "where there is no test there is no colour");
        let message = period_activity(&table().drop("unit").unwrap(), "").unwrap_err().to_string();
        assert!(message.contains("`unit`"), "{message}");
        assert!(period_tests(&table(), "").unwrap_err().to_string().contains("`first`"));
    }
}
