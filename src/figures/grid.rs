//! Where the panels of a figure lie, and what plotly calls their axes.

use plotly::common::Anchor;
use plotly::layout::{Annotation, Axis, Layout, Margin};

use crate::figures::style;

/// More panels than this would be too small to read; plotly's layout has eight pairs of axes at most.
pub(super) const MOST_PANELS: usize = 6;
/// Panels side by side, before a second row begins.
pub(super) const PANELS_IN_A_ROW: usize = 3;
/// Pairs of axes that plotly's layout has.
pub(super) const MOST_AXES: usize = 8;

/// The part of the page (0 to 1) that a panel covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    pub(super) top: f64,
}

impl Place {
    pub(super) const fn of([left, right]: [f64; 2], [bottom, top]: [f64; 2]) -> Place {
        Place { left, right, bottom, top }
    }

    /// From left to right, for an axis.
    pub(super) fn across(&self) -> [f64; 2] {
        [self.left, self.right]
    }

    /// From bottom to top, for an axis.
    pub(super) fn up(&self) -> [f64; 2] {
        [self.bottom, self.top]
    }

    pub(super) fn middle(&self) -> f64 {
        0.5 * (self.left + self.right)
    }

    /// The title above the panel.
    pub(super) fn title(&self, text: &str) -> Annotation {
        style::label(text, ("paper", self.middle()), ("paper", self.top), Anchor::Center).y_shift(26.0)
    }
}

/// The places of `count` panels, three in a row, from the upper left.
pub(super) fn in_rows(count: usize) -> Vec<Place> {
    let (columns, rows) = (count.min(PANELS_IN_A_ROW), count.div_ceil(PANELS_IN_A_ROW));
    let (gap, below) = (0.07, if rows > 1 { 0.16 } else { 0.0 });
    let width = (1.0 - gap * columns.saturating_sub(1) as f64) / columns.max(1) as f64;
    let height = (1.0 - below * rows.saturating_sub(1) as f64) / rows.max(1) as f64;
    let place = |panel: usize| {
        let left = (panel % PANELS_IN_A_ROW) as f64 * (width + gap);
        let top = 1.0 - (panel / PANELS_IN_A_ROW) as f64 * (height + below);
        Place::of([left, left + width], [top - height, top])
    };
    (0..count).map(place).collect()
}

/// The layout of panels in rows: as high as they need, with room for their titles.
pub(super) fn layout_in_rows(layout: Layout, count: usize) -> Layout {
    let height = if count > PANELS_IN_A_ROW { 900 } else { 520 };
    layout.height(height).margin(Margin::new().left(75).right(20).top(135).bottom(65))
}

/// The places of `count` panels side by side, each with a little room on either side.
pub(super) fn side_by_side(count: usize) -> Vec<Place> {
    let width = 1.0 / count.max(1) as f64;
    let place = |panel: usize| {
        let from = panel as f64 * width;
        Place::of([from + 0.06 * width, from + 0.94 * width], [0.0, 1.0])
    };
    (0..count).map(place).collect()
}

/// Where the columns of three by three panels lie from the left, and the rows from the bottom.
pub(super) const THREE_BY_THREE: [[f64; 2]; 3] = [[0.0, 0.29], [0.355, 0.645], [0.71, 1.0]];

/// Plotly's names of the axes of a panel, counted from 0.
pub(super) fn axes_of(panel: usize) -> [String; 2] {
    let number = if panel == 0 { String::new() } else { (panel + 1).to_string() };
    [format!("x{number}"), format!("y{number}")]
}

/// The axes of a panel, counted from 0.
pub(super) fn with_axes(layout: Layout, panel: usize, x: Axis, y: Axis) -> Layout {
    with_y_axis(with_x_axis(layout, panel, x), panel, y)
}

/// An axis from left to right, counted from 0.
pub(super) fn with_x_axis(layout: Layout, number: usize, axis: Axis) -> Layout {
    match number {
        0 => layout.x_axis(axis),
        1 => layout.x_axis2(axis),
        2 => layout.x_axis3(axis),
        3 => layout.x_axis4(axis),
        4 => layout.x_axis5(axis),
        5 => layout.x_axis6(axis),
        6 => layout.x_axis7(axis),
        _ => layout.x_axis8(axis),
    }
}

/// An axis upwards, counted from 0.
pub(super) fn with_y_axis(layout: Layout, number: usize, axis: Axis) -> Layout {
    match number {
        0 => layout.y_axis(axis),
        1 => layout.y_axis2(axis),
        2 => layout.y_axis3(axis),
        3 => layout.y_axis4(axis),
        4 => layout.y_axis5(axis),
        5 => layout.y_axis6(axis),
        6 => layout.y_axis7(axis),
        _ => layout.y_axis8(axis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_lie_within_the_page_and_beside_each_other() {
        for count in 0..=MOST_AXES {
            for places in [in_rows(count.min(MOST_PANELS)), side_by_side(count)] {
                for (number, one) in places.iter().enumerate() {
                    assert!(one.left >= 0.0 && one.right <= 1.0 + 1e-12 && one.left < one.right, "{one:?}");
                    assert!(one.bottom >= -1e-12 && one.top <= 1.0 && one.bottom < one.top, "{one:?}");
                    let apart = |other: &Place| {
                        other.left >= one.right
                            || one.left >= other.right
                            || other.bottom >= one.top
                            || one.bottom >= other.top
                    };
                    assert!(places[number + 1..].iter().all(apart), "{places:?}");
                }
            }
        }
        let second = in_rows(2)[1];
        assert!((second.left - 0.535).abs() < 1e-9 && (second.right - 1.0).abs() < 1e-9, "{second:?}");
    }

    #[test]
    fn each_panel_has_axes_of_its_own() {
        assert_eq!([0, 1, 7].map(axes_of), [["x", "y"], ["x2", "y2"], ["x8", "y8"]]);
        let layout = (0..MOST_AXES).fold(Layout::new(), |layout, panel| {
            with_axes(layout, panel, Axis::new().title(format!("across {panel}")), Axis::new().title(panel.to_string()))
        });
        let text = serde_json::to_string(&layout).unwrap();
        for panel in 0..MOST_AXES {
            assert!(text.contains(&format!("across {panel}")), "{text}");
        }
    }
}
