//! Where responses end.

use polars::frame::DataFrame;

use crate::analysis::SaccadeOptions;
use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{self, Section};
use crate::report::parts::Plan;
use crate::report::rules::{counterparts, of_the_paper};
use crate::tasks::Rule;
use crate::training::{Run, Selection};

/// The sections of the page: the rules of the published figures that the run was trained on.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let rules: &[Rule] = match of_the_paper(run) {
        true => &[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP],
        false => &[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP, Rule::ODR],
    };
    let ask = |rule| Ok((rule, survey.saccade(Selection::All, rule, &SaccadeOptions::default())?));
    let asked = counterparts(run, rules)?.into_iter().map(ask).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || asked.into_iter().map(|(rule, found)| section(rule, found.answer()?.table()?)).collect()))
}

fn section(rule: Rule, table: DataFrame) -> Result<Section> {
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
}
