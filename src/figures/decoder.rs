//! The cross-temporal decoder (Fig. S5E).

use std::ops::Range;

use plotly::color::NamedColor;
use plotly::common::{
    Anchor, ColorBar, ColorScale, ColorScalePalette, DashType, Fill, HoverInfo, Line, Mode, Orientation, ThicknessMode,
    Title,
};
use plotly::layout::{Axis, AxisConstrain, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType};
use plotly::{HeatMap, Layout, Plot, Scatter};
use polars::frame::DataFrame;

use crate::analysis::DecoderOptions;
use crate::error::Result;
use crate::figures::epochs::{self, Look, own_parts};
use crate::figures::grid::{self, Place};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;

/// Maps side by side: more would be too small to read.
const MOST_MAPS: usize = 2;

/// How well a decoder trained in one window tells locations apart in another, as a map, with its diagonal against time
/// beside it (Fig. S5E). The colours run from chance to 1 whatever the table holds.
///
/// `table` is that of [`crate::analysis::decoder`]; where several checkpoints stand below each other, their average is
/// drawn; `options` are those that it was made with. With permutations, the band of chance is drawn about the
/// diagonal's curve.
///
/// ```
/// use maturation::analysis::{DecoderOptions, decoder};
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let options = DecoderOptions { stride_ms: 100.0, ..DecoderOptions::default() };
/// let about = About::of(&activity, "The last checkpoint");
/// let figure = figures::decoder(&decoder(&activity, &options)?, &options, &about)?;
/// assert!(figure.json().contains("heatmap") && figure.json().contains("The last checkpoint"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn decoder(table: &DataFrame, options: &DecoderOptions, about: impl Into<About>) -> Result<Figure> {
    draw(&[("", Windows::of(table)?)], options, &about.into())
}

/// Two such tables side by side, each with its name, and their curves below.
///
/// # Errors
/// As [`decoder`].
pub fn decoder_compared(
    (first_name, first): (&str, &DataFrame),
    (second_name, second): (&str, &DataFrame),
    options: &DecoderOptions,
    about: impl Into<About>,
) -> Result<Figure> {
    draw(&[(first_name, Windows::of(first)?), (second_name, Windows::of(second)?)], options, &about.into())
}

/// A table by the windows trained in and tested in.
struct Windows {
    /// Starts of windows, ascending.
    starts: Vec<f64>,
    /// Accuracy, [window trained in][window tested in]; NaN where the table has no row.
    accuracy: Vec<Vec<f64>>,
    /// The band of chance on the diagonal, if the table has one.
    band: Option<[Vec<f64>; 2]>,
}

impl Windows {
    fn of(table: &DataFrame) -> Result<Windows> {
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
        Ok(Windows { starts, accuracy, band })
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

/// The parts of the picture.
struct Places {
    maps: Vec<Place>,
    /// Where the colours' legend begins.
    colours: f64,
    curves: Place,
    legend: Legend,
    height: usize,
}

impl Places {
    fn of(maps: usize) -> Places {
        let legend = style::plain_legend();
        if maps == 1 {
            Places {
                maps: vec![Place::of([0.0, 0.44], [0.0, 1.0])],
                colours: 0.45,
                curves: Place::of([0.65, 0.95], [0.0, 1.0]),
                legend: legend.orientation(Orientation::Horizontal).x(0.0).y(-0.17).y_anchor(Anchor::Top),
                height: 590,
            }
        } else {
            Places {
                maps: vec![Place::of([0.0, 0.43], [0.42, 1.0]), Place::of([0.51, 0.94], [0.42, 1.0])],
                colours: 0.95,
                curves: Place::of([0.0, 0.64], [0.0, 0.24]),
                legend: legend.x(0.7).y(0.24).y_anchor(Anchor::Top),
                height: 850,
            }
        }
    }
}

/// The accuracy of guessing, where the colours begin.
fn chance(options: &DecoderOptions, about: &About) -> f64 {
    let is_told_apart = |location: &&usize| options.locations.as_ref().is_none_or(|chosen| chosen.contains(location));
    1.0 / about.locations.iter().filter(is_told_apart).count().max(1) as f64
}

fn draw(tables: &[(&str, Windows)], options: &DecoderOptions, about: &About) -> Result<Figure> {
    let tables = &tables[..tables.len().min(MOST_MAPS)];
    let (places, chance) = (Places::of(tables.len()), chance(options, about));
    let note = format!(
        "a support vector classifier on mean rates in windows of {} ms, placed by their start; lines mark the epochs; \
         {}",
        options.window_ms, options.hold_out
    );
    let mut layout = style::layout(&style::heading(&about.title, &[note]), Axis::new(), Axis::new());
    layout = layout.height(places.height).legend(places.legend.clone());
    layout = layout.margin(Margin::new().left(75).right(20).top(100).bottom(90));
    let mut plot = Plot::new();
    for (number, ((name, windows), place)) in tables.iter().zip(&places.maps).enumerate() {
        let [x, y] = grid::axes_of(number);
        let axis = |text: &str| {
            let axis = style::axis(text).title(style::axis_title(text)).show_grid(false).n_ticks(6);
            let axis = axis.constrain(AxisConstrain::Domain);
            windows.extent().map_or(axis.clone(), |extent| axis.range(vec![extent.start, extent.end]))
        };
        let x_axis = axis("start of the window tested in (ms)").domain(&place.across()).anchor(&y);
        let y_axis = axis(if number == 0 { "start of the window trained in (ms)" } else { "" });
        layout = grid::with_axes(layout, number, x_axis, y_axis.domain(&place.up()).anchor(&x).scale_anchor(&x));
        let Some(extent) = windows.extent() else { continue };
        let map = map(windows, chance, &places, place).show_scale(number + 1 == tables.len());
        plot.add_trace(map.x_axis(&x).y_axis(&y));
        mark(&mut layout, about, &extent, (&x, &y));
        layout.add_annotation(
            style::label(name, (&x, 0.5 * (extent.start + extent.end)), (&y, extent.end), Anchor::Center).y_shift(18.0),
        );
    }
    draw_curves(&mut plot, tables);
    layout = with_curves(layout, tables, chance, about, &places.curves);
    if tables.iter().all(|(_, windows)| windows.starts.is_empty()) {
        layout.add_annotation(style::nothing("no window"));
    }
    plot.set_layout(layout);
    let windows = tables.iter().map(|(_, windows)| windows.starts.len()).max().unwrap_or_default();
    Ok(Figure::new(plot, format!("{}: {windows} windows", about.title)))
}

fn map(windows: &Windows, chance: f64, places: &Places, place: &Place) -> Box<HeatMap<f64, f64, Vec<f64>>> {
    let mut ticks: Vec<f64> = [0.25, 0.5, 0.75, 1.0].into_iter().filter(|tick| *tick > chance + 0.04).collect();
    ticks.insert(0, chance);
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
        .y(0.5 * (place.bottom + place.top))
        .y_anchor(Anchor::Middle);
    HeatMap::new(windows.starts.clone(), windows.starts.clone(), windows.accuracy.clone())
        .zmin(chance)
        .zmax(1.0)
        .color_scale(ColorScale::Palette(ColorScalePalette::Viridis))
        .color_bar(bar)
        .hover_template("trained at %{y} ms<br>tested at %{x} ms<br>accuracy %{z:.3f}<extra></extra>")
}

/// Marks the epochs on both axes of a map, and its diagonal: lines, since bands would hide the colours.
fn mark(layout: &mut Layout, about: &About, extent: &Range<f64>, (x, y): (&str, &str)) {
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
    let parts = own_parts(&about.epochs, extent);
    for from in parts.iter().map(|(_, part)| part.start).filter(|from| *from > extent.start) {
        layout.add_shape(line([from, extent.start, from, extent.end], DashType::Solid));
        layout.add_shape(line([extent.start, from, extent.end, from], DashType::Solid));
    }
    layout.add_shape(line([extent.start, extent.start, extent.end, extent.end], DashType::Dash));
    for (epoch, part) in parts {
        let middle = 0.5 * (part.start + part.end);
        layout.add_annotation(
            style::label(epoch.name(), (x, middle), (y, extent.end), Anchor::Center).font(style::tiny()),
        );
    }
}

/// The accuracy of each window's decoder in that window, and in all others.
fn draw_curves(plot: &mut Plot, tables: &[(&str, Windows)]) {
    let [x, y] = grid::axes_of(tables.len());
    let trace = |starts: &[f64], values: Vec<f64>| Scatter::new(starts.to_vec(), values).x_axis(&x).y_axis(&y);
    let diagonals: Vec<Vec<f64>> = tables.iter().map(|(_, windows)| windows.diagonal()).collect();
    let one_diagonal = diagonals.iter().all(|diagonal| *diagonal == diagonals[0]);
    for (place, ((name, windows), diagonal)) in tables.iter().zip(diagonals).enumerate() {
        if windows.starts.is_empty() {
            continue;
        }
        let colour = style::SERIES[place];
        let named = |what: &str| if name.is_empty() { what.to_owned() } else { format!("{what}, {name}") };
        if let Some([low, high]) = windows.band.as_ref().filter(|_| place == 0 || !one_diagonal) {
            let edge = |values: &[f64], shown: bool| {
                trace(&windows.starts, values.to_vec())
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
        let elsewhere = trace(&windows.starts, windows.elsewhere())
            .name(named("mean of the other windows"))
            .mode(Mode::Lines)
            .line(Line::new().color(colour).width(1.8).dash(DashType::Dot))
            .hover_template(hover);
        plot.add_trace(elsewhere);
        if place == 0 || !one_diagonal {
            let own = "tested in the window trained in";
            let own = if one_diagonal { own.to_owned() } else { named(own) };
            let line = Line::new().color(colour).width(2.4);
            let own = trace(&windows.starts, diagonal).name(own).mode(Mode::Lines).line(line);
            plot.add_trace(own.hover_template(hover));
        }
    }
}

/// The axes of the curves, with epochs and chance marked.
fn with_curves(mut layout: Layout, tables: &[(&str, Windows)], chance: f64, about: &About, place: &Place) -> Layout {
    let number = tables.len();
    let [x, y] = grid::axes_of(number);
    let axis = |text: &str| style::axis(text).title(style::axis_title(text));
    let mut x_axis = axis("start of the window trained in (ms)").domain(&place.across()).anchor(&y).n_ticks(8);
    if let Some(extent) = tables.iter().find_map(|(_, windows)| windows.extent()) {
        x_axis = x_axis.range(vec![extent.start, extent.end]);
        let parts = own_parts(&about.epochs, &extent);
        epochs::mark(&mut layout, &parts, &x, ("paper", place.bottom, place.top), Look::Plain);
        layout.add_annotation(
            style::label("chance", (&x, extent.end), (&y, chance), Anchor::Left)
                .font(style::tiny())
                .y_anchor(Anchor::Middle),
        );
        layout.add_shape(style::horizontal_line(chance).x_ref(&x).x0(extent.start).x1(extent.end).y_ref(&y));
    }
    let y_axis = axis("accuracy").domain(&place.up()).anchor(&x).range(vec![0.0, 1.05]);
    grid::with_axes(layout, number, x_axis, y_axis)
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::tasks::Epoch;

    /// Three windows; the decoder of each tells all locations there and half of them in the next.
    fn table() -> DataFrame {
        df![
            "train_ms" => [0.0, 0.0, 0.0, 20.0, 20.0, 20.0, 40.0, 40.0, 40.0],
            "test_ms" => [0.0, 20.0, 40.0, 0.0, 20.0, 40.0, 0.0, 20.0, 40.0],
            "accuracy" => [1.0, 0.5, 0.1, 0.125, 1.0, 0.5, 0.125, 0.2, 1.0],
        ]
        .unwrap()
    }

    fn about() -> About {
        let epochs = vec![(Epoch::Fix1, 0.0..20.0), (Epoch::Stim1, 20.0..400.0)];
        About { epochs, ..About::new("Decoded") }
    }

    fn options() -> DecoderOptions {
        DecoderOptions::default()
    }

    fn json(figure: Figure) -> serde_json::Value {
        serde_json::from_str(&figure.json()).unwrap()
    }

    #[test]
    fn the_map_has_a_row_for_each_window_trained_in_and_fixed_colours() {
        let json = json(decoder(&table(), &options(), about()).unwrap());
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
        let figure = decoder_compared(("held out", &table()), ("published", &table()), &options(), about()).unwrap();
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
        let json = json(decoder(&both, &options(), about()).unwrap());
        assert_eq!(json["data"][0]["z"][0], serde_json::json!([0.5, 0.25, 0.05]));
        assert_eq!(json["data"][1]["y"], serde_json::json!([0.0, 0.0, 0.0]));
        assert_eq!(json["data"][2]["y"], serde_json::json!([0.3, 0.3, 0.3]));
        assert_eq!(json["data"][2]["name"], "locations permuted");
    }

    #[test]
    fn what_is_missing_is_left_open() {
        let json = |table: &DataFrame| json(decoder(table, &options(), about()).unwrap());
        assert!(json(&table().clear())["layout"].to_string().contains("no window"));
        assert_eq!(json(&table().head(Some(4)))["data"][0]["z"][2], serde_json::json!([null, null, null]));
        assert_eq!(json(&table().head(Some(1)))["data"][0]["z"], serde_json::json!([[1.0]]));
        let message = decoder(&table().drop("test_ms").unwrap(), &options(), about()).unwrap_err().to_string();
        assert!(message.contains("`test_ms`"), "{message}");
    }

    #[test]
    fn chance_is_that_of_the_locations_that_are_told_apart() {
        let few = About { locations: vec![0, 3, 5], ..About::default() };
        let two = DecoderOptions { locations: Some(vec![0, 5]), ..DecoderOptions::default() };
        assert_eq!(
            [chance(&options(), &About::default()), chance(&options(), &few), chance(&two, &few)],
            [0.125, 1.0 / 3.0, 0.5]
        );
    }
}
