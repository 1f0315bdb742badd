//! The cross-temporal decoder (Fig. S5E).

use std::ops::Range;

use plotly::color::NamedColor;
use plotly::common::{
    Anchor, ColorBar, ColorScale, ColorScalePalette, DashType, Fill, HoverInfo, Line, Mode, Orientation, ThicknessMode,
    Title,
};
use plotly::layout::{Annotation, Axis, AxisConstrain, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType};
use plotly::{HeatMap, Layout, Plot, Scatter};
use polars::frame::DataFrame;

use crate::activity::Activity;
use crate::analysis::DecoderOptions;
use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule, Timeline};
use crate::training::Run;

/// Maps side by side: more would be too small to read.
const MOST_MAPS: usize = 2;

/// What a decoder's picture is of.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderAbout {
    /// The title.
    pub title: String,
    /// The epochs to mark, ms from the trial's start.
    pub epochs: Vec<(Epoch, Range<f64>)>,
    /// ms a window.
    pub window_ms: f64,
    /// The accuracy of guessing, where the colours begin.
    pub chance: f64,
    /// What stands below the title: which trials are held out.
    pub note: String,
}

impl Default for DecoderAbout {
    fn default() -> Self {
        DecoderAbout { title: String::new(), epochs: Vec::new(), window_ms: 200.0, chance: 0.125, note: String::new() }
    }
}

impl DecoderAbout {
    /// A picture of a decoder of this activity.
    pub fn of(activity: &Activity, options: &DecoderOptions) -> Self {
        let mut locations = activity.locations.clone();
        if let Some(chosen) = &options.locations {
            locations.retain(|location| chosen.contains(location));
        }
        locations.sort_unstable();
        locations.dedup();
        DecoderAbout {
            title: title(activity.rule),
            epochs: activity.epochs_in_ms(),
            window_ms: options.window_ms,
            chance: 1.0 / locations.len().max(1) as f64,
            note: options.hold_out.to_string(),
        }
    }

    /// A picture of a decoder of a run's activity on the test trials of a rule.
    pub fn of_run(run: &Run, rule: Rule, options: &DecoderOptions) -> Self {
        let locations = options.locations.as_ref().map_or(run.hyperparameters().n_eachring, Vec::len);
        let dt = run.hyperparameters().dt;
        let in_ms = |range: Range<usize>| range.start as f64 * dt..range.end as f64 * dt;
        let epochs = Timeline::of(rule, dt).epochs.into_iter().map(|(epoch, range)| (epoch, in_ms(range)));
        DecoderAbout {
            title: title(Some(rule)),
            epochs: epochs.collect(),
            window_ms: options.window_ms,
            chance: 1.0 / locations.max(1) as f64,
            note: options.hold_out.to_string(),
        }
    }

    /// The same with another title.
    pub fn titled(self, title: impl Into<String>) -> Self {
        DecoderAbout { title: title.into(), ..self }
    }
}

fn title(rule: Option<Rule>) -> String {
    let rule = rule.map(|rule| format!(", rule {rule}"));
    format!("Location decoded across time{}", rule.unwrap_or_default())
}

/// How well a decoder trained in one window tells locations apart in another, as a map, with its diagonal against time
/// beside it (Fig. S5E). The colours run from chance to 1 whatever the table holds.
///
/// `table` is that of [`crate::analysis::decoder`]; where several checkpoints stand below each other, their average is
/// drawn. With permutations, the band of chance is drawn about the diagonal's curve.
///
/// ```
/// use maturation::analysis::{DecoderOptions, decoder};
/// use maturation::figures::DecoderAbout;
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let options = DecoderOptions { stride_ms: 100.0, ..DecoderOptions::default() };
/// let about = DecoderAbout::of(&activity, &options).titled("The last checkpoint");
/// let figure = figures::decoder(&decoder(&activity, &options)?, &about)?;
/// assert!(figure.json().contains("heatmap") && figure.json().contains("The last checkpoint"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn decoder(table: &DataFrame, about: &DecoderAbout) -> Result<Figure> {
    draw(&[("", Grid::of(table)?)], about)
}

/// Two such tables side by side, each with its name, and their curves below.
///
/// # Errors
/// As [`decoder`].
pub fn decoder_compared(
    (first_name, first): (&str, &DataFrame),
    (second_name, second): (&str, &DataFrame),
    about: &DecoderAbout,
) -> Result<Figure> {
    draw(&[(first_name, Grid::of(first)?), (second_name, Grid::of(second)?)], about)
}

/// A table as a grid.
struct Grid {
    /// Starts of windows, ascending.
    starts: Vec<f64>,
    /// Accuracy, [window trained in][window tested in]; NaN where the table has no row.
    accuracy: Vec<Vec<f64>>,
    /// The band of chance on the diagonal, if the table has one.
    band: Option<[Vec<f64>; 2]>,
}

impl Grid {
    fn of(table: &DataFrame) -> Result<Grid> {
        let columns = Columns::of(table, "the table of the decoder");
        let (train, test) = (columns.numbers("train_ms")?, columns.numbers("test_ms")?);
        let mut starts: Vec<f64> = train.iter().chain(&test).copied().filter(|start| start.is_finite()).collect();
        starts.sort_by(f64::total_cmp);
        starts.dedup();
        let place = |start: f64| starts.partition_point(|other| *other < start);
        // Rows with a time and a value, each with its place.
        let mean = |values: Vec<f64>| -> Vec<Vec<f64>> {
            let mut cells = vec![vec![(0.0, 0_u32); starts.len()]; starts.len()];
            for ((train, test), value) in train.iter().zip(&test).zip(values) {
                if train.is_finite() && test.is_finite() && value.is_finite() {
                    let cell = &mut cells[place(*train)][place(*test)];
                    *cell = (cell.0 + value, cell.1 + 1);
                }
            }
            let mean = |(sum, count): (f64, u32)| (1e4 * sum / f64::from(count)).round() / 1e4;
            cells.into_iter().map(|row| row.into_iter().map(mean).collect()).collect()
        };
        let diagonal = |cells: Vec<Vec<f64>>| cells.iter().enumerate().map(|(at, row)| row[at]).collect::<Vec<_>>();
        let accuracy = mean(columns.numbers("accuracy")?);
        let band = match columns.has("chance_low") && columns.has("chance_high") {
            true => {
                Some([diagonal(mean(columns.numbers("chance_low")?)), diagonal(mean(columns.numbers("chance_high")?))])
            }
            false => None,
        };
        Ok(Grid { starts, accuracy, band })
    }

    fn diagonal(&self) -> Vec<f64> {
        self.accuracy.iter().enumerate().map(|(at, row)| row[at]).collect()
    }

    /// For each window trained in, the mean over the others.
    fn elsewhere(&self) -> Vec<f64> {
        let rows = self.accuracy.iter().enumerate().map(|(own, row)| {
            let others = row.iter().enumerate().filter(|(other, value)| *other != own && value.is_finite());
            let (sum, count) = others.fold((0.0, 0), |(sum, count), (_, value)| (sum + value, count + 1));
            (1e4 * sum / f64::from(count)).round() / 1e4
        });
        rows.collect()
    }

    /// From half a stride before the first start to half a stride after the last.
    fn extent(&self) -> Option<Range<f64>> {
        let (first, last) = (*self.starts.first()?, *self.starts.last()?);
        let stride = self.starts.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let half = if stride.is_finite() { 0.5 * stride } else { 10.0 };
        Some(first - half..last + half)
    }
}

/// Parts of the picture (0 to 1): from left, to right, from bottom, to top.
struct Places {
    maps: Vec<[f64; 4]>,
    /// Where the colours' legend begins.
    colours: f64,
    curves: [f64; 4],
    legend: Legend,
    height: usize,
}

impl Places {
    fn of(maps: usize) -> Places {
        let legend = style::plain_legend();
        if maps == 1 {
            Places {
                maps: vec![[0.0, 0.44, 0.0, 1.0]],
                colours: 0.45,
                curves: [0.65, 0.95, 0.0, 1.0],
                legend: legend.orientation(Orientation::Horizontal).x(0.0).y(-0.17).y_anchor(Anchor::Top),
                height: 590,
            }
        } else {
            Places {
                maps: vec![[0.0, 0.43, 0.42, 1.0], [0.51, 0.94, 0.42, 1.0]],
                colours: 0.95,
                curves: [0.0, 0.64, 0.0, 0.24],
                legend: legend.x(0.7).y(0.24).y_anchor(Anchor::Top),
                height: 850,
            }
        }
    }
}

fn draw(grids: &[(&str, Grid)], about: &DecoderAbout) -> Result<Figure> {
    let grids = &grids[..grids.len().min(MOST_MAPS)];
    let places = Places::of(grids.len());
    let note = if about.note.is_empty() { String::new() } else { format!("; {}", about.note) };
    let title = format!(
        "{}<br><sup>a support vector classifier on mean rates in windows of {} ms, placed by their start; lines mark \
         the epochs{note}</sup>",
        about.title, about.window_ms
    );
    let mut layout = style::layout(&title, Axis::new(), Axis::new()).height(places.height);
    layout = layout.legend(places.legend.clone()).margin(Margin::new().left(75).right(20).top(100).bottom(90));
    let mut plot = Plot::new();
    for (number, (name, grid)) in grids.iter().enumerate() {
        let [left, right, bottom, top] = places.maps[number];
        let (x, y) = references(number);
        let axis = |text: &str| {
            let axis = style::axis(text).title(style::axis_title(text)).show_grid(false).n_ticks(6);
            grid.extent().map_or(axis.clone(), |extent| axis.range(vec![extent.start, extent.end]))
        };
        let x_axis = axis("start of the window tested in (ms)").domain(&[left, right]).anchor(&y);
        let y_axis = axis(if number == 0 { "start of the window trained in (ms)" } else { "" });
        let y_axis = y_axis.domain(&[bottom, top]).anchor(&x).scale_anchor(&x);
        layout =
            with_axes(layout, number, x_axis.constrain(AxisConstrain::Domain), y_axis.constrain(AxisConstrain::Domain));
        let Some(extent) = grid.extent() else { continue };
        plot.add_trace(map(grid, about, &places, (number, grids.len())).x_axis(&x).y_axis(&y));
        mark(&mut layout, about, &extent, (&x, &y));
        layout.add_annotation(
            style::label(name, (&x, 0.5 * (extent.start + extent.end)), (&y, extent.end), Anchor::Center).y_shift(18.0),
        );
    }
    layout = curves(&mut plot, layout, grids, about, places.curves);
    if grids.iter().all(|(_, grid)| grid.starts.is_empty()) {
        layout.add_annotation(style::nothing("no window"));
    }
    plot.set_layout(layout);
    let windows = grids.iter().map(|(_, grid)| grid.starts.len()).max().unwrap_or_default();
    Ok(Figure::new(plot, format!("{}: {windows} windows", about.title)))
}

/// The names of a pair of axes.
fn references(number: usize) -> (String, String) {
    let suffix = if number == 0 { String::new() } else { (number + 1).to_string() };
    (format!("x{suffix}"), format!("y{suffix}"))
}

fn with_axes(layout: Layout, number: usize, x: Axis, y: Axis) -> Layout {
    match number {
        0 => layout.x_axis(x).y_axis(y),
        1 => layout.x_axis2(x).y_axis2(y),
        _ => layout.x_axis3(x).y_axis3(y),
    }
}

fn map(
    grid: &Grid,
    about: &DecoderAbout,
    places: &Places,
    (number, maps): (usize, usize),
) -> Box<HeatMap<f64, f64, Vec<f64>>> {
    let [_, _, bottom, top] = places.maps[number];
    let mut ticks: Vec<f64> = [0.25, 0.5, 0.75, 1.0].into_iter().filter(|tick| *tick > about.chance + 0.04).collect();
    ticks.insert(0, about.chance);
    let names = ticks.iter().enumerate().map(|(at, tick)| {
        let tick = (1e3 * tick).round() / 1e3;
        if at == 0 { format!("≤ {tick} (chance)") } else { tick.to_string() }
    });
    let bar = ColorBar::new()
        .title(Title::with_text("accuracy").font(style::small()))
        .tick_text(names.collect::<Vec<String>>())
        .tick_vals(ticks)
        .tick_font(style::small())
        .thickness(14)
        .len_mode(ThicknessMode::Pixels)
        .len(300)
        .x(places.colours)
        .x_anchor(Anchor::Left)
        .y(0.5 * (bottom + top))
        .y_anchor(Anchor::Middle);
    HeatMap::new(grid.starts.clone(), grid.starts.clone(), grid.accuracy.clone())
        .zmin(about.chance)
        .zmax(1.0)
        .color_scale(ColorScale::Palette(ColorScalePalette::Viridis))
        .color_bar(bar)
        .show_scale(number + 1 == maps)
        .hover_template("trained at %{y} ms<br>tested at %{x} ms<br>accuracy %{z:.3f}<extra></extra>")
}

/// Marks the epochs on both axes of a map, and its diagonal.
fn mark(layout: &mut Layout, about: &DecoderAbout, extent: &Range<f64>, (x, y): (&str, &str)) {
    let line = |[x0, y0, x1, y1]: [f64; 4], dash: DashType| {
        Shape::new()
            .shape_type(ShapeType::Line)
            .x_ref(x)
            .y_ref(y)
            .x0(x0)
            .y0(y0)
            .x1(x1)
            .y1(y1)
            .line(ShapeLine::new().color(NamedColor::White).width(1.2).dash(dash))
            .opacity(0.75)
            .layer(ShapeLayer::Above)
    };
    for (from, _, _) in bounds(about, extent) {
        if from > extent.start {
            layout.add_shape(line([from, extent.start, from, extent.end], DashType::Solid));
            layout.add_shape(line([extent.start, from, extent.end, from], DashType::Solid));
        }
    }
    layout.add_shape(line([extent.start, extent.start, extent.end, extent.end], DashType::Dash));
    for (from, to, name) in bounds(about, extent) {
        layout.add_annotation(epoch_label(name, (x, 0.5 * (from + to)), (y, extent.end)));
    }
}

fn epoch_label(name: Epoch, x: (&str, f64), y: (&str, f64)) -> Annotation {
    style::label(name.name(), x, y, Anchor::Center).font(style::tiny())
}

/// Where each epoch's own part begins and ends, since epochs can overlap, within the picture.
fn bounds(about: &DecoderAbout, extent: &Range<f64>) -> Vec<(f64, f64, Epoch)> {
    let mut marked = extent.start;
    let mut bounds = Vec::new();
    for (epoch, range) in &about.epochs {
        let (from, to) = (range.start.max(marked), range.end.min(extent.end));
        if to > from {
            bounds.push((from, to, *epoch));
            marked = to;
        }
    }
    bounds
}

/// The accuracy of each window's decoder in that window, and in all others.
fn curves(
    plot: &mut Plot,
    mut layout: Layout,
    grids: &[(&str, Grid)],
    about: &DecoderAbout,
    [left, right, bottom, top]: [f64; 4],
) -> Layout {
    let number = grids.len();
    let (x, y) = references(number);
    let trace = |starts: &[f64], values: Vec<f64>| Scatter::new(starts.to_vec(), values).x_axis(&x).y_axis(&y);
    let diagonals: Vec<Vec<f64>> = grids.iter().map(|(_, grid)| grid.diagonal()).collect();
    let one_diagonal = diagonals.iter().all(|diagonal| *diagonal == diagonals[0]);
    for (place, ((name, grid), diagonal)) in grids.iter().zip(diagonals).enumerate() {
        if grid.starts.is_empty() {
            continue;
        }
        let colour = style::SERIES[place];
        let named = |what: &str| if name.is_empty() { what.to_owned() } else { format!("{what}, {name}") };
        if let Some([low, high]) = grid.band.as_ref().filter(|_| place == 0 || !one_diagonal) {
            let edge = |values: &[f64], shown: bool| {
                trace(&grid.starts, values.to_vec())
                    .mode(Mode::Lines)
                    .line(Line::new().width(0.0).color("#888888"))
                    .hover_info(HoverInfo::Skip)
                    .show_legend(shown)
            };
            plot.add_trace(edge(low, false));
            let band = edge(high, true).name(named("locations permuted"));
            plot.add_trace(band.fill(Fill::ToNextY).fill_color("rgba(136,136,136,0.3)"));
        }
        let hover = "%{fullData.name}<br>%{x} ms<br>accuracy %{y:.3f}<extra></extra>";
        let elsewhere = trace(&grid.starts, grid.elsewhere())
            .name(named("mean of the other windows"))
            .mode(Mode::Lines)
            .line(Line::new().color(colour).width(1.8).dash(DashType::Dot))
            .hover_template(hover);
        plot.add_trace(elsewhere);
        if place == 0 || !one_diagonal {
            let own = if one_diagonal {
                "tested in the window trained in".to_owned()
            } else {
                named("tested in the window trained in")
            };
            let line = Line::new().color(colour).width(2.4);
            let own = trace(&grid.starts, diagonal).name(own).mode(Mode::Lines).line(line);
            plot.add_trace(own.hover_template(hover));
        }
    }
    let axis = |text: &str| style::axis(text).title(style::axis_title(text));
    let mut x_axis = axis("start of the window trained in (ms)").domain(&[left, right]).anchor(&y).n_ticks(8);
    if let Some(extent) = grids.iter().find_map(|(_, grid)| grid.extent()) {
        x_axis = x_axis.range(vec![extent.start, extent.end]);
        for (from, to, name) in bounds(about, &extent) {
            if matches!(name, Epoch::Stim1 | Epoch::Stim2 | Epoch::Distract1) {
                layout.add_shape(style::vertical_band(from, to, "#555555").x_ref(&x).y0(bottom).y1(top));
            }
            layout.add_annotation(epoch_label(name, (&x, 0.5 * (from + to)), ("paper", top)));
        }
        layout.add_annotation(
            style::label("chance", (&x, extent.end), (&y, about.chance), Anchor::Left)
                .font(style::tiny())
                .y_anchor(Anchor::Middle),
        );
        layout.add_shape(style::horizontal_line(about.chance).x_ref(&x).x0(extent.start).x1(extent.end).y_ref(&y));
    }
    let y_axis = axis("accuracy").domain(&[bottom, top]).anchor(&x).range(vec![0.0, 1.05]);
    with_axes(layout, number, x_axis, y_axis)
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    /// Three windows; the decoder of each tells all locations there and half of them in the next.
    fn table() -> DataFrame {
        df![
            "train_ms" => [0.0, 0.0, 0.0, 20.0, 20.0, 20.0, 40.0, 40.0, 40.0],
            "test_ms" => [0.0, 20.0, 40.0, 0.0, 20.0, 40.0, 0.0, 20.0, 40.0],
            "accuracy" => [1.0, 0.5, 0.1, 0.125, 1.0, 0.5, 0.125, 0.2, 1.0],
        ]
        .unwrap()
    }

    fn about() -> DecoderAbout {
        let epochs = vec![(Epoch::Fix1, 0.0..20.0), (Epoch::Stim1, 20.0..400.0)];
        DecoderAbout { title: "Decoded".into(), epochs, ..DecoderAbout::default() }
    }

    fn json(figure: Figure) -> serde_json::Value {
        serde_json::from_str(&figure.json()).unwrap()
    }

    #[test]
    fn the_map_has_a_row_for_each_window_trained_in_and_fixed_colours() {
        let json = json(decoder(&table(), &about()).unwrap());
        let map = &json["data"][0];
        assert_eq!(map["z"], serde_json::json!([[1.0, 0.5, 0.1], [0.125, 1.0, 0.5], [0.125, 0.2, 1.0]]));
        assert_eq!((&map["zmin"], &map["zmax"]), (&serde_json::json!(0.125), &serde_json::json!(1.0)));
        assert_eq!(map["x"], serde_json::json!([0.0, 20.0, 40.0]));
        let shapes = json["layout"]["shapes"].as_array().unwrap();
        let line = |x: [f64; 2], y: [f64; 2]| {
            shapes.iter().any(|shape| {
                [&shape["x0"], &shape["x1"], &shape["y0"], &shape["y1"]] == [x[0], x[1], y[0], y[1]].map(|at| at)
                    && shape["xref"] == "x"
            })
        };
        assert!(line([20.0, 20.0], [-10.0, 50.0]) && line([-10.0, 50.0], [20.0, 20.0]), "stim1 begins on both axes");
        assert!(line([-10.0, 50.0], [-10.0, 50.0]), "the diagonal");
        let names: Vec<_> = json["data"].as_array().unwrap()[1..].iter().map(|trace| &trace["name"]).collect();
        assert_eq!(names, ["mean of the other windows", "tested in the window trained in"]);
        assert_eq!(json["data"][1]["y"], serde_json::json!([0.3, 0.3125, 0.1625]));
        assert_eq!(json["data"][2]["y"], serde_json::json!([1.0, 1.0, 1.0]));
        for word in ["window trained in (ms)", "window tested in (ms)", "stim1", "200 ms", "Decoded"] {
            assert!(json["layout"].to_string().contains(word), "{word}");
        }
    }

    #[test]
    fn two_tables_stand_side_by_side_with_one_diagonal_if_it_is_the_same() {
        let figure = decoder_compared(("held out", &table()), ("published", &table()), &about()).unwrap();
        let json = json(figure);
        let traces = json["data"].as_array().unwrap();
        let maps: Vec<_> = traces.iter().filter(|trace| trace["type"] == "heatmap").collect();
        assert_eq!((maps.len(), &maps[0]["showscale"], &maps[1]["showscale"]), (2, &false.into(), &true.into()));
        let names: Vec<_> = traces.iter().filter_map(|trace| trace["name"].as_str()).collect();
        assert_eq!(
            names,
            [
                "mean of the other windows, held out",
                "tested in the window trained in",
                "mean of the other windows, published"
            ]
        );
    }

    #[test]
    fn checkpoints_are_averaged_and_the_band_of_chance_is_drawn() {
        let mut second = table();
        second.replace("accuracy", Column::new("accuracy".into(), [0.0; 9])).unwrap();
        let mut both = table().vstack(&second).unwrap();
        let edge = |value: f64| Column::new("".into(), [value; 18]);
        both.with_column(edge(0.0).with_name("chance_low".into())).unwrap();
        both.with_column(edge(0.3).with_name("chance_high".into())).unwrap();
        let json = json(decoder(&both, &about()).unwrap());
        assert_eq!(json["data"][0]["z"][0], serde_json::json!([0.5, 0.25, 0.05]));
        assert_eq!(json["data"][1]["y"], serde_json::json!([0.0, 0.0, 0.0]));
        assert_eq!(json["data"][2]["y"], serde_json::json!([0.3, 0.3, 0.3]));
        assert_eq!(json["data"][2]["name"], "locations permuted");
    }

    #[test]
    fn what_is_missing_is_left_open() {
        let json = |table: &DataFrame| json(decoder(table, &about()).unwrap());
        assert!(json(&table().clear())["layout"].to_string().contains("no window"));
        assert_eq!(json(&table().head(Some(4)))["data"][0]["z"][2], serde_json::json!([null, null, null]));
        assert_eq!(json(&table().head(Some(1)))["data"][0]["z"], serde_json::json!([[1.0]]));
        let message = decoder(&table().drop("test_ms").unwrap(), &about()).unwrap_err().to_string();
        assert!(message.contains("`test_ms`"), "{message}");
    }
}
