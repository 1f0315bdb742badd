//! Agreement of preferred locations in two epochs.

use polars::frame::DataFrame;

use crate::analysis::RuleEpoch;
use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{self, Section};
use crate::report::parts::Plan;
use crate::report::rules::{counterparts, population};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The sections of the page: the cue of the two memory rules, if the run was trained on both.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let pair = [counterparts(run, &[Rule::ODR])?[0], counterparts(run, &[Rule::ODRD])?[0]];
    let [first, second] = pair.map(|rule| RuleEpoch { rule, epoch: Epoch::Stim1 });
    let found = survey.agreement(Selection::All, first, second, &population(run))?;
    Ok(Box::new(move || Ok(vec![section(run, [first, second], found.answer()?.table(run)?)?])))
}

fn section(run: &Run, [first, second]: [RuleEpoch; 2], table: DataFrame) -> Result<Section> {
    Ok(Section {
        id: format!("agreement-{}-{}-stim1", first.rule, second.rule),
        title: "Preferred locations in two tasks (paper: direction agreement)".to_owned(),
        text: format!(
            "The excited and mixed units that are selective in stim1 of both {} and {}, and how many of them prefer \
             the same location in both. If the preferences had nothing to do with each other, one in {} would.",
            first.rule,
            second.rule,
            run.hyperparameters().n_eachring
        ),
        figure: figures::agreement(&table)?,
        table,
    })
}
