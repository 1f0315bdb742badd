//! Agreement of preferred locations in two epochs against training.

use plotly::common::{Anchor, Line, Marker, Mode};
use plotly::layout::RangeMode;
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::Columns;

/// The numbers of units that are selective in two epochs, and of those with one preferred location or two, against
/// trials trained.
///
/// `table` is that of [`crate::analysis::agreement`]; several pairs of epochs may stand below each other if they are
/// looked at one by one, and the first decides the title.
///
/// ```
/// use maturation::analysis::agreement;
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let (odr, odrd) = ("odr:stim1".parse()?, "odrd:stim1".parse()?);
/// let (units, readout) = (Population::default(), ReadoutOptions::default());
/// let table = agreement(&run, Selection::Last, odr, odrd, &units, &readout)?;
/// assert!(figures::agreement(&table)?.json().contains("same location"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn agreement(table: &DataFrame) -> Result<Figure> {
    let columns = Columns::of(table, "the table of agreement");
    let trials = columns.counts("trials_trained")?;
    let (first, second) = (columns.names("first")?, columns.names("second")?);
    let (first_stage, second_stage) = (columns.names("first_stage")?, columns.names("second_stage")?);
    let selective = [columns.counts("first_selective")?, columns.counts("second_selective")?];
    let pair = first.first().zip(second.first());
    let (one, other) = pair.map_or(("", ""), |(first, second)| (first, second));

    let mut plot = Plot::new();
    let hover: Vec<String> = (0..trials.len())
        .map(|row| {
            format!(
                "{one}: {} selective {}<br>{other}: {} selective {}",
                selective[0][row],
                in_brackets(&first_stage[row]),
                selective[1][row],
                in_brackets(&second_stage[row])
            )
        })
        .collect();
    let curves = [
        ("both", "selective in both", style::SERIES[6]),
        ("same", "same location", style::SERIES[0]),
        ("different", "different locations", style::SERIES[1]),
    ];
    for (column, name, colour) in curves {
        let trace = Scatter::new(trials.clone(), columns.counts(column)?)
            .name(name)
            .mode(Mode::LinesMarkers)
            .line(Line::new().color(colour).width(2.5))
            .marker(Marker::new().color(colour).size(6))
            .hover_text_array(hover.clone())
            .hover_template("%{fullData.name}: %{y} units<br>%{x:,} trials<br>%{hovertext}<extra></extra>");
        plot.add_trace(trace);
    }
    let title = match pair {
        Some(_) => format!("Preferred locations in {one} and {other}"),
        None => "Preferred locations in two epochs".to_owned(),
    };
    let x = style::axis("trials trained").tick_format(",");
    let y = style::axis("number of units").range_mode(RangeMode::ToZero);
    let mut layout = style::layout(&title, x, y);
    if trials.is_empty() {
        layout.add_annotation(style::nothing("no checkpoint"));
    } else {
        let text = "if the two had nothing to do with each other, one in eight would be the same";
        layout.add_annotation(style::label(text, ("paper", 0.0), ("paper", 1.0), Anchor::Left));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{title}, {} checkpoints", trials.len())))
}

fn in_brackets(stage: &str) -> String {
    if stage.is_empty() { String::new() } else { format!("({stage})") }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        df![
            "trials_trained" => [0_u64, 1280],
            "first" => ["odr:stim1"; 2],
            "second" => ["odrd:stim1"; 2],
            "first_selective" => [12_u32, 14],
            "second_selective" => [11_u32, 15],
            "both" => [10_u32, 12],
            "same" => [7_u32, 12],
            "different" => [3_u32, 0],
            "first_stage" => [Some("early"), None],
            "second_stage" => ["early", "mid"],
        ]
        .unwrap()
    }

    #[test]
    fn the_picture_has_the_three_counts() {
        let json: serde_json::Value = serde_json::from_str(&agreement(&table()).unwrap().json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 3);
        assert_eq!(traces[1]["y"], serde_json::json!([7, 12]));
        assert_eq!(traces[2]["y"], serde_json::json!([3, 0]));
        assert_eq!(traces[0]["hovertext"][0], "odr:stim1: 12 selective (early)<br>odrd:stim1: 11 selective (early)");
        let text = json["layout"].to_string();
        for word in ["odr:stim1 and odrd:stim1", "trials trained", "number of units"] {
            assert!(text.contains(word), "{word}");
        }
    }

    #[test]
    fn an_empty_table_makes_a_picture_that_says_so_and_a_wrong_one_an_error() {
        assert!(agreement(&table().clear()).unwrap().json().contains("no checkpoint"));
        assert!(agreement(&table().drop("same").unwrap()).unwrap_err().to_string().contains("`same`"));
    }
}
