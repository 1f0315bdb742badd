//! Activity in the second delay.

use crate::analysis::survey::Survey;
use crate::analysis::{Period, PeriodActivity};
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::Plan;
use crate::report::rules::{counterparts, normalisation, of_rates, of_stages, population};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The sections of the page: the second delay of the distractor task, if the run was trained on it.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let (rule, epoch) = (counterparts(run, &[Rule::ODRD])?[0], Epoch::Delay2);
    let period = Period::Epoch(epoch);
    let found = survey.period_activity(Selection::All, rule, epoch, &period, &population(run))?;
    Ok(Box::new(move || sections(run, (rule, epoch), &period, &found.answer()?)))
}

fn sections(run: &Run, (rule, epoch): (Rule, Epoch), period: &Period, found: &PeriodActivity) -> Result<Vec<Section>> {
    let title = format!("Activity in {period} of {epoch}-selective units, rule {rule}{}", of_stages(run));
    let table = found.table()?;
    let tests = found.t_tests()?;
    Ok(vec![
        Section {
            id: "period-odrd-delay2".to_owned(),
            title: "Delay activity of each stage (paper: second delay, analysis of variance)".to_owned(),
            text: format!(
                "The activity of delay2-selective units in the second delay of odrd, each at its preferred location \
                 and {}, at the last checkpoint of each stage. The boxes have their means dashed. The test takes the \
                 units of the three checkpoints as independent, as published, though they are units of one network.",
                of_rates(run)
            ),
            figure: figures::period_activity(&table, About::new(title.as_str()).with_rates(normalisation(run)))?,
            table,
        },
        Section {
            id: "period-tests-odrd-delay2".to_owned(),
            title: "Delay activity of each checkpoint against each other".to_owned(),
            text: "The same activity at every checkpoint that is at hand, compared by independent t-tests, which are \
                   not corrected for their number. Red: the checkpoint of the row is the more active; blue: that of \
                   the column is; white: p above 0.05."
                .to_owned(),
            figure: figures::period_tests(&tests, &title)?,
            table: tests,
        },
    ])
}
