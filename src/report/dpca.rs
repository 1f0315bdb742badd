//! Demixed principal components.

use crate::activity::Activity;
use crate::analysis::survey::Survey;
use crate::analysis::{self, DpcaOptions};
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::{Plan, plan_of_last};
use crate::tasks::Rule;
use crate::training::Run;

/// Rules on the page; overlap with two opposite locations alone, as published.
const RULES: [Rule; 3] = [Rule::ODR, Rule::ODRD, Rule::OVERLAP];

/// The page's sections: the components of each rule, and what they explain.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    plan_of_last(run, survey, &RULES, sections)
}

fn sections(rule: Rule, activity: &Activity) -> Result<[Section; 2]> {
    let opposite = rule == Rule::OVERLAP;
    let ring = activity.location_count;
    let locations = (opposite && ring > 1).then(|| vec![0, ring / 2]);
    let found = analysis::dpca(activity, &DpcaOptions { locations, ..DpcaOptions::default() })?;
    let (scores, explained) = (found.table()?, found.explained_variance_table()?);
    let which = if opposite { " at two opposite locations" } else { "" };
    let about = About::of(activity, "Demixed principal components").with_origin(activity);
    let first = Section {
        id: format!("dpca-{rule}").replace('_', "-"),
        title: format!("Demixed components of rule {rule}{which} (paper, Fig. 5E)"),
        text: format!(
            "The population's activity{which} at the last checkpoint, split into what varies with time alone, with \
             the stimulus location alone, and with both; the strongest component of each, a curve a location. In \
             the titles: the share of the variance that the component explains. Regularisation {:.2e}, chosen by \
             cross-validation over trials.",
            found.regularisation
        ),
        figure: figures::dpca(&scores, &explained, &found.significance_table()?, &about)?,
        table: scores,
    };
    let second = about.clone().titled("Variance explained by demixed components").with_origin(activity);
    let other = Section {
        id: format!("dpca-{rule}-variance").replace('_', "-"),
        title: format!("What the demixed components of rule {rule} explain"),
        text: format!(
            "The components that explain most, each bar split by what its scores vary with: a well demixed \
             component has one colour. What components of different parts explain may overlap; all components \
             together explain {:.1} % of the variance.",
            100.0 * found.explained_by_all
        ),
        figure: figures::dpca_explained_variance(&explained, &second)?,
        table: explained,
    };
    Ok([first, other])
}
