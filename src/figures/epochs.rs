//! How the epochs of a trial are marked: a band where something is shown, a name above each.

use std::ops::Range;

use plotly::Layout;
use plotly::common::Anchor;

use crate::figures::style;
use crate::tasks::Epoch;

/// How marks look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Look {
    /// In a figure of one panel.
    Large,
    /// In one of several panels: the response has a band too, and many names stand on two lines.
    Small,
    /// In one of several panels, as in a large one, but with small names.
    Plain,
    /// Bands without names.
    Bands,
}

impl Look {
    /// How dark an epoch's band is.
    fn darkness(self, epoch: Epoch) -> f64 {
        match (self, epoch) {
            (Look::Small, Epoch::Stim1 | Epoch::Stim2 | Epoch::Distract1) => 0.14,
            (_, Epoch::Stim1 | Epoch::Stim2 | Epoch::Distract1) => 0.12,
            (Look::Small, Epoch::Go1) => 0.06,
            _ => 0.0,
        }
    }
}

/// Marks epochs along the time axis `x`; bands reach over a height that counts in `y` ("paper" or an axis), and names
/// stand at its upper end.
pub(super) fn mark(
    layout: &mut Layout,
    epochs: &[(Epoch, Range<f64>)],
    x: &str,
    (y, low, high): (&str, f64, f64),
    look: Look,
) {
    for (epoch, range) in epochs {
        let darkness = look.darkness(*epoch);
        if darkness > 0.0 {
            let band = style::vertical_band(range.start, range.end, "#555555").x_ref(x);
            layout.add_shape(band.y_ref(y).y0(low).y1(high).opacity(darkness));
        }
    }
    // The names of many epochs would run into each other on one line.
    let second_line = if epochs.len() > 4 { 11.0 } else { 0.0 };
    for (number, (epoch, own)) in own_parts(epochs, &(f64::NEG_INFINITY..f64::INFINITY)).into_iter().enumerate() {
        let name = style::label(epoch.name(), (x, 0.5 * (own.start + own.end)), (y, high), Anchor::Center);
        layout.add_annotation(match look {
            Look::Large => name,
            Look::Small => name.font(style::tiny()).y_shift(if number % 2 == 0 { 0.0 } else { second_line }),
            Look::Plain => name.font(style::tiny()),
            Look::Bands => return,
        });
    }
}

/// Each epoch with the part within `extent` that is its own: epochs can overlap, and each begins anew where the one
/// before it ends.
pub(super) fn own_parts(epochs: &[(Epoch, Range<f64>)], extent: &Range<f64>) -> Vec<(Epoch, Range<f64>)> {
    let mut marked = extent.start;
    let mut parts = Vec::new();
    for (epoch, range) in epochs {
        let own = range.start.max(marked)..range.end.min(extent.end);
        if own.end > own.start {
            marked = own.end;
            parts.push((*epoch, own));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_has_its_own_part_and_its_name_in_the_middle_of_it() {
        let epochs = [(Epoch::Fix1, -500.0..0.0), (Epoch::Stim1, 0.0..500.0), (Epoch::Go1, 0.0..900.0)];
        let parts = own_parts(&epochs, &(-100.0..800.0));
        assert_eq!(parts, [(Epoch::Fix1, -100.0..0.0), (Epoch::Stim1, 0.0..500.0), (Epoch::Go1, 500.0..800.0)]);
        let mut layout = Layout::new();
        mark(&mut layout, &epochs, "x2", ("paper", 0.0, 1.0), Look::Large);
        let json = serde_json::to_value(&layout).unwrap();
        let places: Vec<f64> =
            json["annotations"].as_array().unwrap().iter().map(|a| a["x"].as_f64().unwrap()).collect();
        assert_eq!(places, [-250.0, 250.0, 700.0]);
        assert_eq!(json["shapes"].as_array().unwrap().len(), 1, "one stimulus");
        mark(&mut layout, &epochs, "x2", ("paper", 0.0, 1.0), Look::Small);
        let json = serde_json::to_value(&layout).unwrap();
        assert_eq!(json["shapes"].as_array().unwrap().len(), 3, "and the response");
    }
}
