//! The growth of delay activity.

use crate::analysis;
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::readout::ReadoutOptions;
use crate::report::rules::{average, counterparts, normalisation, of_rates, of_stages};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The page's sections on the growth of delay activity.
pub(super) fn sections(run: &Run) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    let epoch = Epoch::Delay1;
    let options = average(run);
    for rule in counterparts(run, &[Rule::ODR, Rule::ODRD])? {
        let readout = ReadoutOptions::default();
        let table = analysis::epoch_growth(run, Selection::All, rule, epoch, epoch, &options, &readout)?;
        let title = format!("Growth of {epoch} activity of {epoch}-selective units, rule {rule}{}", of_stages(run));
        sections.push(Section {
            id: format!("epoch-growth-{rule}-{epoch}"),
            title: format!("{title} (paper, Fig. S2B)"),
            text: format!(
                "The mean rate in {epoch} of the excited and mixed units that are selective in it, at the location \
                 that each prefers there, {}; a point a checkpoint, coloured by the stage \
                 of rule {rule}. Bars hold 95 % of the averages over 1000 resamples of the units. The published figure \
                 of this title shows units selected in stim1.",
                of_rates(run)
            ),
            figure: figures::epoch_growth(&table, About::new(title).with_rates(normalisation(run)))?,
            table,
        });
    }
    Ok(sections)
}
