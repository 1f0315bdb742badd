//! The growth of performance.

use crate::analysis::survey::Survey;
use crate::analysis::{self, GrowthOptions};
use crate::error::Result;
use crate::figures::{self, Section};
use crate::report::parts::Plan;
use crate::training::{AutomaticChoice, Run};

/// The section of the page.
pub(super) fn plan<'a>(run: &'a Run, _survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    Ok(Box::new(move || Ok(vec![section(run)?])))
}

fn section(run: &Run) -> Result<Section> {
    let options = GrowthOptions { automatic: Some(AutomaticChoice::default()), ..GrowthOptions::default() };
    let chances: Vec<Option<f64>> = run.hyperparameters().rule_trains.iter().map(|rule| rule.task().chance()).collect();
    let on_ring = chances.iter().flatten().all(|chance| (chance - 0.2).abs() < 1e-6) && chances[0].is_some();
    let guessing = match on_ring {
        true => "Guessing earns 0.20, since a response within 36 degrees of the target counts as right.",
        false => "Dotted is what the best answer earns that is the same in every trial, where that is known.",
    };
    Ok(Section {
        id: "performance-growth".to_owned(),
        title: "Performance grows with training (paper, Fig. S7)".to_owned(),
        text: format!(
            "How well each rule is done at the evaluations of the run, averaged over five of them. The bands are the \
             stages: early up to 0.35, mid up to 0.65, mature above. {guessing} Below, the evaluations that the \
             automatic choice of checkpoints takes for each stage of a rule; the other figures take all checkpoints \
             that are at hand."
        ),
        figure: figures::performance_growth_with(run, &options)?,
        table: analysis::performance_growth(run, &options)?,
    })
}
