//! Demixed components as tables.

use polars::prelude::*;

use crate::analysis::components::scores_table;
use crate::analysis::dpca::{DemixedComponent, Dpca, Marginalisation};
use crate::error::{Error, Result};

impl Dpca {
    /// The scores as a table.
    ///
    /// Columns: component (time_1, …, stimulus_1, …, mixed_1, …), location, time_ms (the step's start, from the
    /// trial's), score; component by component, location by location.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let components = self.named().map(|(_, name, component)| (name, &component.scores));
        scores_table(components, &self.locations, (self.start_ms, self.dt))
    }

    /// How much each component explains, as a table.
    ///
    /// Columns: component; marginalisation (time, stimulus, mixed); explained_variance, the share of the total variance
    /// that the component, decoded and encoded again, explains (components of different marginalisations are not
    /// orthogonal, so these need not add up: see [`Dpca::explained_by_all`]); score_variance, the variance of its
    /// scores over the total (the 'explained variance ratio' of the Python package); time, stimulus and mixed, the
    /// shares of the scores' variance that vary with each; marginal_variance, the share of the total in the component's
    /// marginalisation; p_value, how often shuffled locations do as well (null for time, or without shuffles).
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn explained_variance_table(&self) -> Result<DataFrame> {
        let number = |value: &dyn Fn(&DemixedComponent) -> f64| -> Vec<f64> {
            self.named().map(|(_, _, component)| value(component)).collect()
        };
        let p_value = |component: &DemixedComponent| component.significance.as_ref().map(|found| found.p_value);
        let marginal: Vec<f64> = self.named().map(|(part, _, _)| self.marginal_variance[part as usize]).collect();
        df![
            "component" => self.named().map(|(_, name, _)| name).collect::<Vec<_>>(),
            "marginalisation" => self.named().map(|(part, _, _)| part.name()).collect::<Vec<_>>(),
            "explained_variance" => number(&|component| component.explained_variance),
            "score_variance" => number(&|component| component.score_variance),
            "time" => number(&|component| component.shares[0]),
            "stimulus" => number(&|component| component.shares[1]),
            "mixed" => number(&|component| component.shares[2]),
            "marginal_variance" => marginal,
            "p_value" => self.named().map(|(_, _, component)| p_value(component)).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of explained variance"))
    }

    /// How well each regularisation that was tried predicts held-out trials, as a table; without rows if it was given.
    ///
    /// Columns: regularisation; time, stimulus and mixed, the squared errors of predicting each part (see
    /// [`crate::analysis::RegularisationError`]); total, their sum; chosen.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn regularisation_table(&self) -> Result<DataFrame> {
        let error = |part: usize| self.tried.iter().map(|tried| tried.errors[part]).collect::<Vec<_>>();
        df![
            "regularisation" => self.tried.iter().map(|tried| tried.regularisation).collect::<Vec<_>>(),
            "time" => error(0),
            "stimulus" => error(1),
            "mixed" => error(2),
            "total" => self.tried.iter().map(|tried| tried.total()).collect::<Vec<_>>(),
            "chosen" => self.tried.iter().map(|tried| tried.regularisation == self.regularisation).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of regularisations"))
    }

    /// How well components tell locations apart at each step, as a table; without rows if there were no shuffles.
    ///
    /// Columns: component; time_ms; accuracy, the share of held-out trials at the right location; shuffled, the largest
    /// such share of the shuffles; significant, whether the first exceeds the second.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn significance_table(&self) -> Result<DataFrame> {
        let (mut names, mut times) = (Vec::<String>::new(), Vec::<f64>::new());
        let (mut accuracy, mut shuffled) = (Vec::<f64>::new(), Vec::<f64>::new());
        for (_, name, component) in self.named() {
            let Some(found) = &component.significance else { continue };
            names.extend(std::iter::repeat_n(name, found.accuracy.len()));
            times.extend((0..found.accuracy.len()).map(|step| self.start_ms + step as f64 * self.dt));
            accuracy.extend(&found.accuracy);
            shuffled.extend(&found.shuffled);
        }
        let significant: Vec<bool> = accuracy.iter().zip(&shuffled).map(|(found, chance)| found > chance).collect();
        df![
            "component" => names,
            "time_ms" => times,
            "accuracy" => accuracy,
            "shuffled" => shuffled,
            "significant" => significant,
        ]
        .map_err(Error::table("making the table of significance"))
    }

    /// Whether the chosen regularisation is the smallest or the largest that was tried, so that the best may lie
    /// beyond.
    pub fn at_boundary(&self) -> bool {
        let ends = self.tried.first().into_iter().chain(self.tried.last());
        ends.into_iter().any(|tried| tried.regularisation == self.regularisation)
    }

    /// Components with their part and name.
    fn named(&self) -> impl Iterator<Item = (Marginalisation, String, &DemixedComponent)> {
        Marginalisation::ALL.into_iter().flat_map(|part| {
            let components = self.components[part as usize].iter().enumerate();
            components.map(move |(number, component)| (part, format!("{part}_{}", number + 1), component))
        })
    }
}
