//! A sample unit.

use crate::analysis::SampleUnit;
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::rules::{counterparts_or_any, population};
use crate::tasks::{Epoch, Rule};
use crate::training::Run;

/// The page's section on a sample unit.
pub(super) fn sections(run: &Run) -> Result<Vec<Section>> {
    let (rule, epoch) = (counterparts_or_any(run, &[Rule::ODR, Rule::ODRD])[0], Epoch::Stim1);
    let activity = run.last()?.activity(rule)?;
    let unit = SampleUnit::of(&activity, epoch, None, &population(run))?;
    let table = unit.table()?;
    Ok(vec![Section {
        id: "sample-unit".to_owned(),
        title: format!("A sample unit, rule {rule} (paper, Fig. 3B)"),
        text: format!(
            "The mean rate of unit {} over the trial at each location, the panels placed as the locations are, with \
             the standard error over trials; in the middle its mean rates in {epoch}, the outer circle at the largest, \
             and its preferred direction. It is the most sharply tuned (by vector strength) of the selective units \
             whose highest rate is at least the median one, at the last checkpoint.",
            unit.unit
        ),
        figure: figures::sample_unit(&table, About::of_unit(&unit, &activity))?,
        table,
    }])
}
