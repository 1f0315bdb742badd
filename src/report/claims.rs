//! The paper's claims.

use polars::frame::DataFrame;

use crate::analysis::Evidence;
use crate::analysis::claims::judged;
use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{Section, TableSection};
use crate::readout::ReadoutOptions;
use crate::training::Run;

/// Columns of the table, and what the page calls them.
const SHOWN: [(&str, &str); 7] = [
    ("claim", "Claim"),
    ("source", "In the paper"),
    ("measure", "Measure"),
    ("published", "Published"),
    ("found", "This run"),
    ("verdict", "Verdict"),
    ("reason", "Why"),
];

/// The page's table of claims, once the survey was carried out, from the figures' tables as well.
pub(super) type Plan<'a> = Box<dyn FnOnce(&[Section]) -> Result<TableSection> + 'a>;

/// Asks for what claims are held against.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let asked = Evidence::default().ask(survey)?;
    Ok(Box::new(move |sections| {
        let known = |id: &str| sections.iter().find(|section| section.id == id).map(|section| section.table.clone());
        let (performance, decoder) = (known("performance-growth"), known("decoder-odr"));
        section(judged(run, &asked.answer(run, Evidence { performance, decoder, ..Evidence::default() })?)?)
    }))
}

/// The same by a survey of its own.
pub(super) fn alone(run: &Run) -> Plan<'_> {
    Box::new(move |sections| {
        let mut survey = Survey::of(run, &ReadoutOptions::default())?;
        let plan = plan(run, &mut survey)?;
        survey.carry_out(&mut |_, _| {})?;
        plan(sections)
    })
}

fn section(table: DataFrame) -> Result<TableSection> {
    Ok(TableSection {
        id: "claims".to_owned(),
        title: "What this run shows of the paper's claims".to_owned(),
        text:
            "Each claim with the published numbers (of one network of the authors, read off their figures), those of \
               this run, and whether they tell the same: a verdict is on the direction of a change, not on its size. \
               Measures of rule odrd are over the checkpoints from 20,000 trials before the rule leaves chance, since \
               the published pictures begin there; the figures below average all early checkpoints that are at hand. \
               The last rows ask whether the same holds of units that the unbiased test of selectivity keeps, which \
               the paper does not have."
                .to_owned(),
        columns: SHOWN.map(|(column, heading)| (column.to_owned(), heading.to_owned())).to_vec(),
        table,
    })
}
