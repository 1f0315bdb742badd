//! How many units are selective.

use polars::frame::DataFrame;

use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{self, Section};
use crate::report::parts::Plan;
use crate::report::rules::{of_stages, rule_epochs, selectivity};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The page's sections on unit counts.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let ask = |(rule, epoch)| Ok((rule, epoch, survey.unit_counts(Selection::All, rule, epoch, &selectivity(run))?));
    let wanted = rule_epochs(run, &[(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Delay1)]);
    let asked = wanted.into_iter().map(ask).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || {
        asked.into_iter().map(|(rule, epoch, counts)| section(run, rule, epoch, counts.answer()?.table()?)).collect()
    }))
}

fn section(run: &Run, rule: Rule, epoch: Epoch, table: DataFrame) -> Result<Section> {
    let title = format!("Units selective in {epoch}, rule {rule}{}", of_stages(run));
    Ok(Section {
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
    })
}
