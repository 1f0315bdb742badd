//! A sample unit.

use crate::activity::Activity;
use crate::analysis::SampleUnit;
use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::Plan;
use crate::report::rules::{counterparts_or_any, population};
use crate::tasks::{Epoch, Rule};
use crate::training::Run;

/// The page's section on a sample unit.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let (rule, epoch) = (counterparts_or_any(run, &[Rule::ODR, Rule::ODRD])[0], Epoch::Stim1);
    let activity = survey.activity(&run.last()?, rule)?;
    Ok(Box::new(move || Ok(vec![section(run, (rule, epoch), &activity)?])))
}

fn section(run: &Run, (rule, epoch): (Rule, Epoch), activity: &Activity) -> Result<Section> {
    let unit = SampleUnit::of(activity, epoch, None, &population(run))?;
    let table = unit.table()?;
    Ok(Section {
        id: "sample-unit".to_owned(),
        title: format!("A sample unit, rule {rule} (paper, Fig. 3B)"),
        text: format!(
            "The mean rate of unit {} over the trial at each location, the panels placed as the locations are, with \
             the standard error over trials; in the middle its mean rates in {epoch}, the outer circle at the largest, \
             and its preferred direction. It is the most sharply tuned (by vector strength) of the selective units \
             whose highest rate is at least the median one, at the last checkpoint.",
            unit.unit
        ),
        figure: figures::sample_unit(&table, About::of_unit(&unit, activity))?,
        table,
    })
}
