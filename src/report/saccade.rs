//! Where responses end.

use crate::analysis::{SaccadeOptions, saccade};
use crate::error::Result;
use crate::figures::{self, Section};
use crate::readout::ReadoutOptions;
use crate::report::rules::{counterparts, of_the_paper};
use crate::tasks::Rule;
use crate::training::{Run, Selection};

/// The sections of the page: the rules of the published figures that the run was trained on.
pub(super) fn sections(run: &Run) -> Result<Vec<Section>> {
    let rules: &[Rule] = match of_the_paper(run) {
        true => &[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP],
        false => &[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP, Rule::ODR],
    };
    let section = |rule: Rule| {
        let options = SaccadeOptions::default();
        let table = saccade(run, Selection::All, rule, &options, &ReadoutOptions::default())?;
        Ok(Section {
            id: format!("saccade-{rule}").replace('_', "-"),
            title: format!("Where responses end, rule {rule} (paper: saccade end points)"),
            text: "How far from the target the responses end at the trials' last time step, in bins of 6 degrees. \
                   Trials that still fixate then have no response; they are counted apart, where the published \
                   figure has them among the others."
                .to_owned(),
            figure: figures::saccade(&table, rule)?,
            table,
        })
    };
    counterparts(run, rules)?.into_iter().map(section).collect()
}
