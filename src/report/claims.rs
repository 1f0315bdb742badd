//! The paper's claims.

use crate::analysis::{Evidence, claims};
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

/// The page's table of claims, from the tables that its figures have already.
pub(super) fn section(run: &Run, sections: &[Section]) -> Result<TableSection> {
    let known = |id: &str| sections.iter().find(|section| section.id == id).map(|section| section.table.clone());
    let evidence = Evidence {
        performance: known("performance-growth"),
        saccade: known("saccade-gap"),
        decoder: known("decoder-odr"),
        agreement: known("agreement-odr-odrd-stim1"),
        ..Evidence::default()
    };
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
        table: claims(run, evidence, &ReadoutOptions::default())?,
    })
}
