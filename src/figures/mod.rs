//! Figures: a table in, a plotly picture out.
//!
//! Every picture has one style (see the source of `style.rs`): stage and rule colours that colour-blind readers can
//! tell apart, axes with units, and what is drawn told on hovering. A picture shows by itself where a notebook cell
//! ends in it, and [`Figure::save`] writes it as a page that needs no network, as a vector graphic, or, with the
//! system's Chromium, as a bitmap.

mod about;
mod agreement;
mod browser;
mod chance;
mod chart;
mod claims_over_runs;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
mod epochs;
mod grid;
mod growth_over_runs;
mod image;
mod lesion;
mod markup;
mod measures_over_runs;
mod over_runs;
mod page;
mod panels;
mod pca;
mod performance_growth;
mod period_activity;
mod psth;
mod saccade;
mod sample_unit;
mod shown;
mod style;
mod tuning;
mod unit_counts;
mod vector;

use std::path::Path;

pub use about::About;
pub use agreement::agreement;
pub use chart::{ChartAbout, bars, heatmap, lines, points};
pub use claims_over_runs::claims_over_runs;
pub use decoder::{decoder, decoder_compared};
pub use distractor::{distractor, distractor_saccades};
pub use dpca::{dpca, dpca_explained_variance};
pub use epoch_growth::epoch_growth;
pub use growth_over_runs::growth_over_runs;
pub use image::ImageFormat;
pub use lesion::lesion;
pub(crate) use markup::{escape, framed};
pub use measures_over_runs::measures_over_runs;
pub use over_runs::MOST_LINES;
pub use page::{Page, Section, TableSection};
pub use pca::{pca, pca_trajectories};
pub use performance_growth::{performance_growth, performance_growth_of, performance_growth_with};
pub use period_activity::{period_activity, period_tests};
pub use psth::psth;
pub use saccade::saccade;
pub use sample_unit::sample_unit;
pub use tuning::tuning;
pub use unit_counts::unit_counts;

use crate::error::{Error, Result};
use crate::tables::write_bytes;
use plotly::Plot;

/// A picture.
#[derive(Clone)]
pub struct Figure {
    plot: Plot,
    summary: String,
    /// Whether the plot is a user's own, whose texts may have all markup of plotly's.
    is_own: bool,
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figure").field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Figure {
    /// A picture of a plot, with one line that tells what it shows.
    pub(crate) fn new(plot: Plot, summary: impl Into<String>) -> Self {
        Figure { plot, summary: summary.into(), is_own: false }
    }

    /// The plot, to change or to combine.
    pub fn plot(&self) -> &Plot {
        &self.plot
    }

    /// What the picture shows, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The picture as plotly's JSON. Of plotly's markup it has what the crate's figures write; names that look like
    /// other markup are text.
    pub fn json(&self) -> String {
        if self.is_own { self.plot.to_json() } else { markup::tame(&self.plot.to_json()) }
    }

    /// Writes the picture to a file: `.html`, a page that needs no network; or `.svg`, `.png` or `.pdf`, as
    /// [`Figure::image`].
    ///
    /// # Errors
    /// If the name ends otherwise, the file cannot be written, or as [`Figure::image`]. The file appears whole or not
    /// at all.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let extension = extension.as_deref().unwrap_or_default();
        let content = match ImageFormat::ALL.into_iter().find(|format| format.extension() == extension) {
            Some(format) => self.image(format)?,
            None if extension == "html" => {
                page::document(&self.summary, &page::plot_element("figure", self)).into_bytes()
            }
            None => {
                return Err(Error::argument(
                    format!("`{}` does not say what kind of picture it is", path.display()),
                    "name it .html, .png, .svg or .pdf",
                ));
            }
        };
        write_bytes(path, &content)
    }

    /// The picture as a bitmap, a vector graphic or a page to print, of the size that its layout says (1040 × 480 where
    /// it says none).
    ///
    /// A vector graphic of scatters, bars, boxes and heatmaps, which all figures of this crate are, is made at once.
    /// All else is drawn by the system's Chromium or Chrome, out of sight and without a network, in about two seconds.
    /// The variable `MATURATION_CHROMIUM` says which, if it is not on the path. A Chromium that comes as a snap sees no
    /// temporary files and cannot be used.
    ///
    /// # Errors
    /// If there is no browser, or it gives no picture within 30 s.
    pub fn image(&self, format: ImageFormat) -> Result<Vec<u8>> {
        if format == ImageFormat::Svg {
            let plot = self.value();
            if let Ok(picture) = vector::svg(&plot, image::size(&plot), vector::Fit::Size, &self.summary) {
                return Ok(picture.into_bytes());
            }
        }
        image::of_json(&self.json(), format)
    }

    /// Shows the picture where a notebook cell ends in it: plotly's JSON for the viewers that draw it by themselves
    /// (JupyterLab with the plotly package, Visual Studio Code), a vector graphic for those that run no script (GitHub,
    /// nbconvert), and one line that says what it shows. Its colours are for light and for dark pages.
    ///
    /// A plot of a kind that [`Figure::image`] needs a browser for has no vector graphic.
    pub fn evcxr_display(&self) {
        let plot = shown::for_notebook(&self.value());
        let picture = vector::svg(&plot, image::size(&plot), vector::Fit::Page, &self.summary);
        println!("{}", framed("application/vnd.plotly.v1+json", &shown::packed(plot).to_string()));
        if let Ok(picture) = picture {
            println!("{}", framed("image/svg+xml", picture.trim_end()));
        }
        println!("{}", framed("text/plain", &self.summary));
    }

    /// The picture as plotly's JSON, to look into.
    fn value(&self) -> serde_json::Value {
        // What plotly wrote is JSON.
        serde_json::from_str(&self.json()).unwrap_or_default()
    }
}

/// A plot of one's own, to show, to save and to set on a page as all others. It is told of by its title. Its texts may
/// have any markup of plotly's, links among it; plotly.js lets no script run that stands in them.
///
/// ```
/// use maturation::prelude::*;
///
/// let mut plot = Plot::new();
/// plot.add_trace(Scatter::new(vec![0, 1, 2], vec![0.1, 0.4, 0.9]).name("mine"));
/// plot.set_layout(Layout::new().title("Performance"));
/// let figure = Figure::from(plot);
/// assert_eq!(figure.summary(), "Performance");
/// figure.save(std::env::temp_dir().join("performance.svg"))?;
/// # Ok::<(), maturation::Error>(())
/// ```
impl From<Plot> for Figure {
    fn from(plot: Plot) -> Self {
        let mut figure = Figure { is_own: true, ..Figure::new(plot, "") };
        let json = figure.value();
        let title = &json["layout"]["title"];
        let traces = json["data"].as_array().map_or(0, Vec::len);
        figure.summary = match title["text"].as_str().or(title.as_str()) {
            Some(title) if !title.is_empty() => title.split('<').next().unwrap_or_default().to_owned(),
            _ => format!("a plot of {traces} trace{}", if traces == 1 { "" } else { "s" }),
        };
        figure
    }
}
