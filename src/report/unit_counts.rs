//! How many units are selective.

use crate::analysis;
use crate::error::Result;
use crate::figures::{self, Section};
use crate::readout::ReadoutOptions;
use crate::report::rules::{of_stages, rule_epochs, selectivity};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The page's sections on unit counts.
pub(super) fn sections(run: &Run) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for (rule, epoch) in rule_epochs(run, &[(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Delay1)]) {
        let (options, readout) = (selectivity(run), ReadoutOptions::default());
        let table = analysis::unit_counts(run, Selection::All, rule, epoch, &options, &readout)?;
        let title = format!("Units selective in {epoch}, rule {rule}{}", of_stages(run));
        sections.push(Section {
            id: format!("units-{rule}-{epoch}"),
            title: format!("{title}, by two tests"),
            text: format!(
                "How many units are selective in {epoch}: by the published test, which divides the rates of each \
                 location by a baseline measured there and so takes chance for tuning in part of the untuned units, \
                 and by the unbiased one, which compares absolute rates and bounds the share of false discoveries. \
                 Left, by stage and kind, averaged over checkpoints; right, all kinds together against trials trained."
            ),
            figure: figures::unit_counts(&table, &title)?,
            table,
        });
    }
    Ok(sections)
}
