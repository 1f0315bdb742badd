//! Tuning curves.

use crate::analysis::Tuning;
use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::Plan;
use crate::report::rules::{average, counterparts_or_any, normalisation, of_stages};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The page's sections on tuning.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let (rule, epoch) = (counterparts_or_any(run, &[Rule::ODRD, Rule::ODR])[0], Epoch::Stim1);
    let tuning = survey.tuning(Selection::All, rule, epoch, &average(run))?;
    Ok(Box::new(move || Ok(vec![section(run, rule, epoch, &tuning.answer()?)?])))
}

fn section(run: &Run, rule: Rule, epoch: Epoch, tuning: &Tuning) -> Result<Section> {
    let table = tuning.table()?;
    let title = format!("Tuning of {epoch}-selective units, rule {rule}{}", of_stages(run));
    let about = About::new(title.as_str()).with_rates(normalisation(run));
    Ok(Section {
        id: format!("tuning-{rule}-{epoch}"),
        title: format!("{title} (paper, Fig. S3B)"),
        text: "The rates of the excited and mixed selective units against the distance from the location that each \
               prefers, averaged over units, then over the checkpoints of a stage. Lines are Gaussians fitted as \
               published, the opposite location counting at both ends; the width is twice their standard deviation, in \
               locations. Bands hold 95 % of the averages over 1000 resamples of the units. The t-tests of the units' \
               heights (largest − smallest rate) take the units of all checkpoints for independent samples, as \
               published, and below each unit once a stage."
            .to_owned(),
        figure: figures::tuning(&table, &tuning.fits()?, &tuning.height_tests()?, about)?,
        table,
    })
}
