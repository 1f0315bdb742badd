//! Figures of one's own tables, in the style of all others.

use plotly::common::{ColorBar, ColorScale, ColorScalePalette, DashType, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::Axis;
use plotly::{Bar, HeatMap, Layout, Plot, Scatter};
use polars::frame::DataFrame;

use crate::activity::Activity;
use crate::error::Result;
use crate::figures::epochs::{self, Look};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;
use crate::tasks::Rule;
use crate::training::Stage;

/// What of a table is drawn, and what the picture is of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartAbout {
    /// The title, and the epochs to mark where the column across is a time.
    pub about: About,
    /// The column across.
    pub x: String,
    /// The column upwards.
    pub y: String,
    /// The column that tells curves apart; none makes one curve.
    pub group: Option<String>,
    /// The columns of the lower and the upper end of an interval about `y`.
    pub interval: Option<[String; 2]>,
    /// What stands along the axes, with the unit; none: the names of the columns.
    pub axes: Option<[String; 2]>,
}

impl ChartAbout {
    /// One column against another.
    pub fn of(x: impl Into<String>, y: impl Into<String>) -> Self {
        ChartAbout { x: x.into(), y: y.into(), ..ChartAbout::default() }
    }

    /// The same with a title.
    pub fn titled(self, title: impl Into<String>) -> Self {
        ChartAbout { about: self.about.titled(title), ..self }
    }

    /// The same with a curve for each value of a column. Stages and rules have the colours that they have everywhere.
    pub fn grouped_by(self, column: impl Into<String>) -> Self {
        ChartAbout { group: Some(column.into()), ..self }
    }

    /// The same with an interval shaded about each curve.
    pub fn between(self, low: impl Into<String>, high: impl Into<String>) -> Self {
        ChartAbout { interval: Some([low.into(), high.into()]), ..self }
    }

    /// The same with words along the axes, such as `rate (Hz)`.
    pub fn with_axes(self, x: impl Into<String>, y: impl Into<String>) -> Self {
        ChartAbout { axes: Some([x.into(), y.into()]), ..self }
    }

    /// The same with the epochs of this activity marked.
    pub fn with_epochs_of(self, activity: &Activity) -> Self {
        let about = About::of(activity, self.about.title);
        ChartAbout { about, ..self }
    }

    fn words(&self) -> [&str; 2] {
        match &self.axes {
            Some([x, y]) => [x, y],
            None => [&self.x, &self.y],
        }
    }

    fn layout(&self) -> Layout {
        let [x, y] = self.words();
        let mut layout = style::layout(&self.about.title, style::axis(x), style::axis(y));
        epochs::mark(&mut layout, &self.about.epochs, "x", ("paper", 0.0, 1.0), Look::Large);
        layout
    }
}

/// The rows of one curve.
struct Curve {
    name: Option<String>,
    colour: &'static str,
    x: Vec<f64>,
    y: Vec<f64>,
    ends: Option<[Vec<f64>; 2]>,
}

/// The curves of a table, in the order in which they first appear; rows without a finite point are left out.
fn curves(table: &DataFrame, about: &ChartAbout) -> Result<Vec<Curve>> {
    let columns = Columns::of(table, "the table");
    let (x, y) = (columns.numbers(&about.x)?, columns.numbers(&about.y)?);
    let groups = about.group.as_ref().map(|group| columns.names(group)).transpose()?;
    let ends = match &about.interval {
        Some([low, high]) => Some([columns.numbers(low)?, columns.numbers(high)?]),
        None => None,
    };
    let mut curves: Vec<Curve> = Vec::new();
    for row in (0..x.len()).filter(|row| x[*row].is_finite() && y[*row].is_finite()) {
        let name = groups.as_ref().map(|groups| groups[row].clone());
        let place = curves.iter().position(|curve| curve.name == name).unwrap_or_else(|| {
            let colour = colour(name.as_deref(), curves.len());
            let ends = ends.is_some().then(|| [Vec::new(), Vec::new()]);
            curves.push(Curve { name, colour, x: Vec::new(), y: Vec::new(), ends });
            curves.len() - 1
        });
        let curve = &mut curves[place];
        curve.x.push(x[row]);
        curve.y.push(y[row]);
        if let (Some(kept), Some(ends)) = (&mut curve.ends, &ends) {
            kept.iter_mut().zip(ends).for_each(|(kept, ends)| kept.push(ends[row]));
        }
    }
    Ok(curves)
}

/// The colour of a stage or rule of this name, or one of those for everything else.
fn colour(name: Option<&str>, place: usize) -> &'static str {
    match name.map(|name| (name.parse::<Stage>(), name.parse::<Rule>())) {
        Some((Ok(stage), _)) => style::stage_colour(stage),
        Some((_, Ok(rule))) => style::rule_colour(rule),
        _ => style::SERIES[place % style::SERIES.len()],
    }
}

/// Lines through the rows of a table: one column against another, a line for each value of a third.
///
/// ```
/// use maturation::prelude::*;
///
/// let log = Run::open("data/6tasks")?.log()?;
/// let about = ChartAbout::of("seconds", "performance").grouped_by("rule").titled("How long training takes");
/// let figure = figures::lines(&log, &about.with_axes("training time (s)", "performance"))?;
/// figure.save(std::env::temp_dir().join("training-time.svg"))?;
/// # assert!(figure.json().contains("gap500"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such column, or it does not hold numbers.
pub fn lines(table: &DataFrame, about: &ChartAbout) -> Result<Figure> {
    scatter(table, about, Mode::Lines)
}

/// A point a row of a table: one column against another, a colour for each value of a third.
///
/// # Errors
/// As [`lines`].
pub fn points(table: &DataFrame, about: &ChartAbout) -> Result<Figure> {
    scatter(table, about, Mode::Markers)
}

fn scatter(table: &DataFrame, about: &ChartAbout, mode: Mode) -> Result<Figure> {
    let curves = curves(table, about)?;
    let mut plot = Plot::new();
    for (place, curve) in curves.iter().enumerate() {
        let (mut line, mut marker) =
            (Line::new().color(curve.colour).width(2.5), Marker::new().color(curve.colour).size(7));
        // There are more curves than colours.
        if curves[..place].iter().any(|before| before.colour == curve.colour) {
            (line, marker) = (line.dash(DashType::Dash), marker.symbol(MarkerSymbol::CircleOpen));
        }
        if let Some([low, high]) = &curve.ends
            && let Some(band) = style::interval_band(&curve.x, low, high, curve.colour)
        {
            plot.add_trace(band.legend_group(curve.name.clone().unwrap_or_default()));
        }
        let trace = Scatter::new(curve.x.clone(), curve.y.clone())
            .mode(mode.clone())
            .line(line)
            .marker(marker)
            .legend_group(curve.name.clone().unwrap_or_default())
            .show_legend(curve.name.is_some());
        plot.add_trace(match &curve.name {
            Some(name) => trace.name(name),
            None => trace.name(&about.y),
        });
    }
    finish(plot, about, about.layout(), curves.len())
}

/// A bar a row of a table: its height one column, its name another; bars of different groups side by side.
///
/// # Errors
/// As [`lines`]; the column across may hold names.
pub fn bars(table: &DataFrame, about: &ChartAbout) -> Result<Figure> {
    let columns = Columns::of(table, "the table");
    let (names, heights) = (columns.names(&about.x)?, columns.numbers(&about.y)?);
    let groups = match &about.group {
        Some(group) => columns.names(group)?,
        None => vec![about.y.clone(); names.len()],
    };
    let mut known: Vec<&String> = Vec::new();
    groups.iter().for_each(|group| {
        if !known.contains(&group) {
            known.push(group);
        }
    });
    let mut plot = Plot::new();
    for (place, group) in known.iter().enumerate() {
        let rows: Vec<usize> =
            (0..names.len()).filter(|row| groups[*row] == **group && heights[*row].is_finite()).collect();
        let colour = colour(about.group.as_ref().map(|_| group.as_str()), place);
        let (x, y) = rows.iter().map(|row| (names[*row].clone(), heights[*row])).unzip();
        plot.add_trace(Bar::new(x, y).name(group.as_str()).marker(Marker::new().color(colour)));
    }
    let layout = about.layout().show_legend(about.group.is_some());
    finish(plot, about, layout, known.len())
}

/// A map of a table's rows: a cell at the place that two columns say, in the colour of a third, `value`.
///
/// ```
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let mean = activity.table()?.mean_by(&["location", "time_ms"], &["unit_7"])?;
/// let figure = figures::heatmap(&mean, "unit_7", &ChartAbout::of("time_ms", "location").titled("Unit 7"))?;
/// # assert!(figure.json().contains("heatmap"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// As [`lines`].
pub fn heatmap(table: &DataFrame, value: &str, about: &ChartAbout) -> Result<Figure> {
    let columns = Columns::of(table, "the table");
    let (x, y, values) = (columns.numbers(&about.x)?, columns.numbers(&about.y)?, columns.numbers(value)?);
    let places = |of: &[f64]| {
        let mut places: Vec<f64> = of.iter().copied().filter(|place| place.is_finite()).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        places
    };
    let (across, up) = (places(&x), places(&y));
    let mut cells = vec![vec![f64::NAN; across.len()]; up.len()];
    for row in 0..values.len() {
        let place = |places: &[f64], of: f64| places.iter().position(|place| *place == of);
        if let (Some(column), Some(line)) = (place(&across, x[row]), place(&up, y[row])) {
            cells[line][column] = values[row];
        }
    }
    let mut plot = Plot::new();
    let count = values.len();
    let viridis = ColorScale::Palette(ColorScalePalette::Viridis);
    plot.add_trace(
        HeatMap::new(across, up, cells).color_scale(viridis).color_bar(ColorBar::new().thickness(14).title(value)),
    );
    let [x, y] = about.words();
    let bare = |name: &str| -> Axis { style::axis(name).show_grid(false) };
    finish(plot, about, about.layout().x_axis(bare(x)).y_axis(bare(y)), count)
}

fn finish(mut plot: Plot, about: &ChartAbout, mut layout: Layout, drawn: usize) -> Result<Figure> {
    if drawn == 0 {
        layout.add_annotation(style::nothing("the table has no rows"));
    }
    plot.set_layout(layout);
    let title = &about.about.title;
    Ok(Figure::new(plot, if title.is_empty() { format!("{} against {}", about.y, about.x) } else { title.clone() }))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn table() -> DataFrame {
        df![
            "time_ms" => [0.0, 20.0, 0.0, 20.0],
            "rate" => [Some(1.0), None, Some(3.0), Some(4.0)],
            "stage" => ["early", "early", "mature", "mature"],
            "low" => [0.5, 0.5, 2.5, 3.5],
            "high" => [1.5, 1.5, 3.5, 4.5],
        ]
        .unwrap()
    }

    fn json(figure: &Figure) -> Value {
        serde_json::from_str(&figure.json()).unwrap()
    }

    #[test]
    fn lines_have_the_style_the_words_and_the_groups_that_are_asked_for() {
        let about = ChartAbout::of("time_ms", "rate").grouped_by("stage").between("low", "high");
        let figure = lines(&table(), &about.titled("Mine").with_axes("time (ms)", "rate (Hz)")).unwrap();
        let json = json(&figure);
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 3, "two curves, and a band for the one that has two points");
        assert_eq!((&traces[0]["name"], &traces[2]["name"]), (&json!("early"), &json!("mature")));
        assert_eq!(traces[0]["x"], json!([0.0]), "a point without a value is left out");
        assert_eq!(traces[2]["line"]["color"], style::stage_colour(Stage::Mature));
        assert_eq!(json["layout"]["yaxis"]["title"]["text"], "rate (Hz)");
        assert_eq!(figure.summary(), "Mine");
        let alone = lines(&table(), &ChartAbout::of("time_ms", "rate")).unwrap();
        assert_eq!(
            (alone.summary(), self::json(&alone)["data"][0]["showlegend"].clone()),
            ("rate against time_ms", json!(false))
        );
    }

    #[test]
    fn eight_locations_are_eight_different_curves() {
        let at: Vec<f64> = (0..16).map(|row| f64::from(row % 2)).collect();
        let locations: Vec<i32> = (0..16).map(|row| row / 2).collect();
        let table = df!["time_ms" => &at, "rate" => &at, "location" => locations].unwrap();
        let json = json(&lines(&table, &ChartAbout::of("time_ms", "rate").grouped_by("location")).unwrap());
        let looks: Vec<String> = json["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|curve| format!("{} {}", curve["line"]["color"], curve["line"]["dash"]))
            .collect();
        let different: std::collections::BTreeSet<&String> = looks.iter().collect();
        assert_eq!((looks.len(), different.len()), (8, 8), "{looks:?}");
    }

    #[test]
    fn points_bars_and_maps_are_drawn_without_a_browser_too() {
        let about = ChartAbout::of("time_ms", "rate").grouped_by("stage");
        let figures = [
            points(&table(), &about).unwrap(),
            bars(&table(), &ChartAbout::of("stage", "rate")).unwrap(),
            heatmap(&table(), "rate", &ChartAbout::of("time_ms", "low")).unwrap(),
        ];
        for figure in &figures {
            let picture = figure.image(crate::figures::ImageFormat::Svg).unwrap();
            assert!(String::from_utf8(picture).unwrap().contains("time_ms") || figure.summary().contains("stage"));
        }
        assert_eq!(json(&figures[0])["data"][0]["mode"], "markers");
        assert_eq!(json(&figures[1])["data"][0]["x"], json!(["early", "mature", "mature"]));
        assert_eq!(json(&figures[2])["data"][0]["z"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_missing_column_is_named_and_an_empty_table_says_so() {
        let about = ChartAbout::of("time_ms", "speed");
        for problem in [lines(&table(), &about), points(&table(), &about), bars(&table(), &about)] {
            assert!(problem.unwrap_err().to_string().contains("`speed`"));
        }
        let message = lines(&table(), &ChartAbout::of("time_ms", "stage")).unwrap_err().to_string();
        assert!(message.contains("`stage`"), "{message}");
        assert!(heatmap(&table(), "speed", &ChartAbout::of("time_ms", "low")).is_err());
        let empty = lines(&table().clear(), &ChartAbout::of("time_ms", "rate")).unwrap();
        assert!(empty.json().contains("the table has no rows"));
    }
}
