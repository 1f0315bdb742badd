//! Principal components: against time, and as trajectories in their plane.

use plotly::common::{Line, Marker, MarkerSymbol, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::panels::{Panel, Scores, draw};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;
use crate::tasks::Epoch;

/// The share of variance that each component explains, as a label.
fn shares(explained: &DataFrame) -> Result<Vec<(String, String)>> {
    let columns = Columns::of(explained, "the table of explained variance");
    let (components, ratios) = (columns.names("component")?, columns.numbers("explained_variance_ratio")?);
    let label = |(name, ratio): (String, f64)| (name, format!("{:.1} % of variance", 100.0 * ratio));
    Ok(components.into_iter().zip(ratios).map(label).collect())
}

/// The principal components against time, a curve a location, with the share of variance that each explains.
///
/// `scores` and `explained` are the tables of [`crate::analysis::Pca`]; at most six components are drawn.
///
/// ```
/// use maturation::analysis::pca;
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let found = pca(&activity, &PcaOptions::default())?;
/// let about = About::of(&activity, "Principal components, rule gap");
/// let figure = figures::pca(&found.table()?, &found.explained_variance_table()?, &about)?;
/// assert!(figure.json().contains("pc_3"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn pca(scores: &DataFrame, explained: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let scores = Scores::of(scores)?;
    let panels: Vec<Panel> = shares(explained)?
        .into_iter()
        .filter(|(component, _)| scores.components.contains(component))
        .map(|(component, share)| Panel {
            title: format!("<b>{component}</b>: {share}"),
            component,
            underlined: Vec::new(),
        })
        .collect();
    Ok(draw(&scores, &panels, &about.into(), ""))
}

/// The path of the population through the plane of its first two components over the trial, a path a location, with
/// marks where epochs begin.
///
/// `scores` and `explained` are the tables of [`crate::analysis::Pca`].
///
/// # Errors
/// If a column is missing or of another type.
pub fn pca_trajectories(scores: &DataFrame, explained: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let scores = Scores::of(scores)?;
    let shares = shares(explained)?;
    let axis = |number: usize| {
        let name = format!("pc_{number}");
        let share = shares.iter().find(|(component, _)| *component == name);
        share.map_or_else(|| name.clone(), |(_, share)| format!("{name} ({share})"))
    };
    let two = ["pc_1", "pc_2"].iter().all(|name| scores.components.iter().any(|known| known == name));
    let mut plot = Plot::new();
    let locations: &[usize] = if two { &scores.locations } else { &[] };
    for location in locations {
        let (times, x) = scores.curve("pc_1", *location);
        let (_, y) = scores.curve("pc_2", *location);
        let angle = about.angle(*location);
        let colour = style::location_colour(*location, about.location_count);
        let hover = times.iter().map(|time| format!("{angle}, {time} ms")).collect();
        plot.add_trace(
            Scatter::new(x.clone(), y.clone())
                .name(&angle)
                .mode(Mode::Lines)
                .line(Line::new().color(colour.clone()).width(2.2))
                .legend_group(&angle)
                .hover_text_array(hover)
                .hover_template("%{hovertext}<br>pc_1 %{x:.2f}, pc_2 %{y:.2f}<extra></extra>"),
        );
        // A trace a mark: hiding a location in the legend hides its marks too, and a trace has one symbol.
        for (epoch, range) in &about.epochs {
            let Some(step) = times.iter().position(|time| *time >= range.start) else { continue };
            let mark = Marker::new().color(colour.clone()).size(9).symbol(symbol(*epoch));
            plot.add_trace(
                Scatter::new(vec![x[step]], vec![y[step]])
                    .name(&angle)
                    .mode(Mode::Markers)
                    .marker(mark.line(Line::new().color("#ffffff").width(1.0)))
                    .legend_group(&angle)
                    .show_legend(false)
                    .hover_template(format!("{angle}, start of {epoch}<extra></extra>")),
            );
        }
    }
    // The marks stand in the legend once, without a location's colour.
    for (epoch, _) in if two { about.epochs.as_slice() } else { &[] } {
        plot.add_trace(
            Scatter::<f64, f64>::new(vec![f64::NAN], vec![f64::NAN])
                .name(format!("start of {epoch}"))
                .mode(Mode::Markers)
                .marker(Marker::new().color("#555555").size(9).symbol(symbol(*epoch))),
        );
    }
    let y = style::axis(&axis(2)).scale_anchor("x");
    let mut layout = style::layout(&about.title, style::axis(&axis(1)), y).height(620);
    layout = layout.legend(style::legend("location"));
    if !two {
        layout.add_annotation(style::nothing("fewer than two components"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{}: paths of {} locations", about.title, locations.len())))
}

fn symbol(epoch: Epoch) -> MarkerSymbol {
    match epoch {
        Epoch::Fix1 => MarkerSymbol::Circle,
        Epoch::Stim1 => MarkerSymbol::Square,
        Epoch::Delay1 => MarkerSymbol::Diamond,
        Epoch::Distract1 | Epoch::Stim2 => MarkerSymbol::Cross,
        Epoch::Delay2 => MarkerSymbol::TriangleDown,
        Epoch::Go1 => MarkerSymbol::TriangleUp,
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn about() -> About {
        let epochs = vec![(Epoch::Fix1, 0.0..20.0), (Epoch::Stim1, 20.0..40.0)];
        About { title: "Components".into(), epochs, location_count: 4, ..About::default() }
    }

    fn tables(count: usize) -> [DataFrame; 2] {
        let names: Vec<String> = (1..=count).map(|number| format!("pc_{number}")).collect();
        let rows = || names.iter().flat_map(|name| (0..4).map(move |row| (name.clone(), row)));
        let scores = df![
            "component" => rows().map(|(name, _)| name).collect::<Vec<_>>(),
            "location" => rows().map(|(_, row)| row / 2 * 3).collect::<Vec<u32>>(),
            "time_ms" => rows().map(|(_, row)| f64::from(row % 2) * 20.0).collect::<Vec<_>>(),
            "score" => rows().map(|(_, row)| f64::from(row)).collect::<Vec<_>>(),
        ];
        let explained = df![
            "component" => names.clone(),
            "explained_variance_ratio" => (0..count).map(|number| 0.5 / (number + 1) as f64).collect::<Vec<_>>(),
        ];
        [scores.unwrap(), explained.unwrap()]
    }

    #[test]
    fn components_have_panels_and_locations_paths() {
        let [scores, explained] = tables(3);
        let json = pca(&scores, &explained, about()).unwrap().json();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["data"].as_array().unwrap().len(), 6);
        assert_eq!(json["data"][5]["name"], "270°");
        assert!(json["layout"].to_string().contains("25.0 % of variance"));
        assert!(json["layout"]["xaxis3"].is_object());

        let json = pca_trajectories(&scores, &explained, about()).unwrap().json();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["data"].as_array().unwrap().len(), 8, "two paths, two marks on each, and two in the legend");
        assert_eq!(json["data"][2]["marker"]["symbol"], "square");
        assert_eq!(json["data"][2]["x"], serde_json::json!([1.0]));
        assert_eq!(json["data"][3]["x"], serde_json::json!([2.0, 3.0]));
        assert_eq!(json["layout"]["xaxis"]["title"]["text"], "pc_1 (50.0 % of variance)");
    }

    #[test]
    fn few_many_and_no_components() {
        let [scores, explained] = tables(1);
        assert!(pca_trajectories(&scores, &explained, about()).unwrap().json().contains("fewer than two"));
        assert!(pca(&scores, &explained, about()).unwrap().json().contains("pc_1"));
        let [scores, explained] = tables(9);
        let json = pca(&scores, &explained, about()).unwrap().json();
        assert!(json.contains("pc_6") && !json.contains("<b>pc_7"), "six are drawn");
        let none = (scores.head(Some(0)), explained.head(Some(0)));
        assert!(pca(&none.0, &none.1, about()).unwrap().json().contains("no component"));
    }
}
