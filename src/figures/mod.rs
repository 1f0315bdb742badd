//! Figures: a table in, a plotly picture out.
//!
//! Every picture has one style (see the source of `style.rs`): stage and rule colours that colour-blind readers can
//! tell apart, axes with units, and what is drawn told on hovering. A picture shows by itself where a notebook cell
//! ends in it, and [`Figure::save`] writes it as a page that needs no network, or, with the system's Chromium, as a bitmap
//! or a vector graphic.

mod agreement;
mod browser;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
mod image;
mod lesion;
mod page;
mod panels;
mod pca;
mod performance_growth;
mod period_activity;
mod psth;
mod saccade;
mod sample_unit;
mod style;
mod tuning;
mod unit_counts;

use std::io::Write;
use std::path::Path;

pub use agreement::agreement;
pub use decoder::{DecoderAbout, decoder, decoder_compared};
pub use distractor::{distractor, distractor_saccades};
pub use dpca::{dpca, dpca_explained_variance};
pub use epoch_growth::epoch_growth;
pub use image::{ImageFormat, image_of_json};
pub use lesion::lesion;
pub(crate) use page::escape;
pub use page::{Page, Section, TableSection};
pub use panels::TrialAbout;
pub use pca::{pca, pca_trajectories};
pub use performance_growth::{performance_growth, performance_growth_of, performance_growth_with};
pub use period_activity::{period_activity, period_tests};
pub use psth::{PsthAbout, psth};
pub use saccade::saccade;
pub use sample_unit::sample_unit;
pub(crate) use style::thousands;
pub use tuning::tuning;
pub use unit_counts::unit_counts;

use crate::error::{Error, Result};
use crate::tables::write_atomically;
use plotly::Plot;

/// A picture.
#[derive(Clone)]
pub struct Figure {
    plot: Plot,
    summary: String,
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figure").field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Figure {
    /// A picture of a plot, with one line that tells what it shows.
    pub(crate) fn new(plot: Plot, summary: impl Into<String>) -> Self {
        Figure { plot, summary: summary.into() }
    }

    /// The plot, to change or to combine.
    pub fn plot(&self) -> &Plot {
        &self.plot
    }

    /// What the picture shows, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The picture as plotly's JSON.
    pub fn json(&self) -> String {
        self.plot.to_json()
    }

    /// Writes the picture to a file: `.html`, a page that needs no network; or `.png`, `.svg` or `.pdf`, as
    /// [`Figure::image`].
    ///
    /// # Errors
    /// If the name ends otherwise, the file cannot be written, or as [`Figure::image`]. The file appears whole or not at
    /// all.
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
        write_atomically(path, |file| file.write_all(&content).map_err(|source| Error::io("write", path, source)))
    }

    /// The picture as a bitmap, a vector graphic or a page to print, of the size that its layout says (1040 × 480 where it
    /// says none).
    ///
    /// The system's Chromium or Chrome draws it, out of sight and without a network, in about two seconds. The variable
    /// `MATURATION_CHROMIUM` says which, if it is not on the path. A Chromium that comes as a snap sees no temporary
    /// files and cannot be used.
    ///
    /// # Errors
    /// If there is no browser, or it gives no picture within 30 s.
    pub fn image(&self, format: ImageFormat) -> Result<Vec<u8>> {
        image_of_json(&self.json(), format)
    }

    /// Shows the picture where a notebook cell ends in it: plotly's JSON for the viewers that draw it by themselves
    /// (JupyterLab with the plotly package, Visual Studio Code), and a page element for those that do not, which brings
    /// plotly.js along with the first figure of a notebook; where neither is drawn, one line says what it shows.
    pub fn evcxr_display(&self) {
        use std::sync::atomic::{AtomicU64, Ordering};
        static SHOWN: AtomicU64 = AtomicU64::new(0);
        let number = SHOWN.fetch_add(1, Ordering::Relaxed);
        let script = if number == 0 { page::plotly_script() } else { String::new() };
        let element = page::plot_element(&format!("maturation-figure-{}-{number}", std::process::id()), self);
        println!("EVCXR_BEGIN_CONTENT application/vnd.plotly.v1+json\n{}\nEVCXR_END_CONTENT", self.json());
        println!("EVCXR_BEGIN_CONTENT text/html\n{script}{element}\nEVCXR_END_CONTENT");
        println!("EVCXR_BEGIN_CONTENT text/plain\n{}\nEVCXR_END_CONTENT", self.summary);
    }
}
