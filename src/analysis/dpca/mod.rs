//! Demixed principal component analysis (Fig. 5E; the method of Kobak et al., eLife 2016).

use ndarray::{Array2, Array3};
use rand::RngExt;

use crate::activity::Activity;
use crate::analysis::components::{chosen_locations, list};
use crate::environment::Interruption;
use crate::error::{Error, Result};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;
use crate::tasks::Rule;

mod cross_validation;
mod fit;
mod leading;
mod significance;
mod table;
#[cfg(test)]
mod tests;

use cross_validation::cross_validate;
use fit::Model;
use significance::significance;

/// A part of the activity's variance: what varies with one parameter of the task alone, or with both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Marginalisation {
    /// What varies with time alone, common to all locations.
    Time,
    /// What varies with the stimulus location alone, the same at all times.
    Stimulus,
    /// What varies with both (stimulus × time): the rest.
    Mixed,
}

impl Marginalisation {
    /// Every marginalisation.
    pub const ALL: [Marginalisation; 3] = [Marginalisation::Time, Marginalisation::Stimulus, Marginalisation::Mixed];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Marginalisation::Time => "time",
            Marginalisation::Stimulus => "stimulus",
            Marginalisation::Mixed => "mixed",
        }
    }
}

impl std::fmt::Display for Marginalisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// How strongly decoders are kept small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Regularisation {
    /// The value that predicts held-out trials best, of 45 from 1e-7 to about 0.27, each 1.4 times the one before.
    Automatic,
    /// This value: 0 (none) or more, in units of the total variance (see [`dpca`]).
    Given(f64),
}

impl std::str::FromStr for Regularisation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let given = match text {
            "auto" => return Ok(Regularisation::Automatic),
            _ => text.parse().map_or(f64::NAN, |value: f64| value),
        };
        check_regularisation(given).map_err(|_| {
            Error::argument(format!("`{text}` is no regularisation"), "give `auto`, or a number of 0 or more")
        })?;
        Ok(Regularisation::Given(given))
    }
}

fn check_regularisation(value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::argument(format!("the regularisation is {value}"), "give a finite number of 0 or more"))
}

/// How demixed components are found. The default is as published.
#[derive(Clone, Debug, PartialEq)]
pub struct DpcaOptions {
    /// Most components of each marginalisation. There are fewer if its variance has fewer dimensions: no more than
    /// units, nor than steps − 1 (time), locations − 1 (stimulus) and their product (mixed).
    pub components: usize,
    /// How strongly decoders are kept small.
    pub regularisation: Regularisation,
    /// Times that trials are held out to choose the regularisation.
    pub folds: usize,
    /// The locations to analyse, 0 to `location_count` − 1; `None`: all that have trials.
    pub locations: Option<Vec<usize>>,
    /// Times that the trials' locations are shuffled to tell how good a component is by chance; 0: not at all.
    pub shuffles: usize,
    /// Times that a trial of each location is held out, for the data as they are and for each shuffle: as often as
    /// there are trials a location, each is held out once.
    pub splits: usize,
    /// Decides which trials are held out and how locations are shuffled.
    pub seed: u64,
    /// Whether locations may differ in their number of trials.
    pub unbalanced: bool,
}

impl Default for DpcaOptions {
    fn default() -> Self {
        DpcaOptions {
            components: 10,
            regularisation: Regularisation::Automatic,
            folds: 3,
            locations: None,
            shuffles: 0,
            splits: 16,
            seed: 0,
            unbalanced: false,
        }
    }
}

/// How well one regularisation predicts held-out trials: squared errors, each marginalisation of a unit predicted from
/// all other units, summed over units, locations and steps, and averaged over the folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegularisationError {
    /// The regularisation.
    pub regularisation: f64,
    /// The error of each marginalisation, in the order of [`Marginalisation::ALL`].
    pub errors: [f64; 3],
}

impl RegularisationError {
    /// The error of all marginalisations, which the chosen regularisation makes smallest.
    pub fn total(&self) -> f64 {
        self.errors.iter().sum()
    }
}

/// How well a component tells locations apart in held-out trials, against chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Significance {
    /// The share of held-out trials whose location is that of the nearest mean score, at each step.
    pub accuracy: Vec<f64>,
    /// The largest such share among the shuffles, at each step.
    pub shuffled: Vec<f64>,
    /// The share of shuffles, the data themselves counted as one, whose accuracy averaged over time is at least that of
    /// the data.
    pub p_value: f64,
}

/// One demixed component.
#[derive(Clone, Debug, PartialEq)]
pub struct DemixedComponent {
    /// How each unit's rate follows the component; of unit length, orthogonal to those of the same marginalisation.
    pub encoder: Vec<f64>,
    /// The weight of each unit's rate in the score.
    pub decoder: Vec<f64>,
    /// The scores: the decoder applied to the centred averages over trials, (location, time).
    pub scores: Array2<f64>,
    /// The share of the total variance that this component, decoded and encoded again, explains: 1 − residual / total.
    pub explained_variance: f64,
    /// Variance of the scores over the total variance. The Python package dPCA calls this the explained variance ratio.
    pub score_variance: f64,
    /// The shares of the scores' variance that vary with time, stimulus and both, in the order of
    /// [`Marginalisation::ALL`]; they add up to 1. A well demixed component has nearly all in its own.
    pub shares: [f64; 3],
    /// How the component compares with chance; none for time, and where no shuffles were asked for.
    pub significance: Option<Significance>,
}

/// The demixed components of a population's activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Dpca {
    /// The checkpoint, as [`Activity::trials_trained`].
    pub trials_trained: Option<u64>,
    /// The rule of the trials, if they have one.
    pub rule: Option<Rule>,
    /// The locations, ascending.
    pub locations: Vec<usize>,
    /// ms a step.
    pub dt: f64,
    /// The start of the first step, ms.
    pub start_ms: f64,
    /// The regularisation that was given or chosen.
    pub regularisation: f64,
    /// Every regularisation that was tried, if it was to be chosen; empty otherwise.
    pub tried: Vec<RegularisationError>,
    /// The share of the total variance in each marginalisation, in the order of [`Marginalisation::ALL`].
    pub marginal_variance: [f64; 3],
    /// The share of the total variance that all components together explain.
    pub explained_by_all: f64,
    /// The components of each marginalisation, in the order of [`Marginalisation::ALL`], the strongest first.
    pub components: [Vec<DemixedComponent>; 3],
}

/// Demixed principal components of activity: directions in the space of units that carry what varies with time, with
/// the stimulus location, or with both (Fig. 5E).
///
/// The data are the rates by repeat, unit, location and time. Averaged over repeats and centred for each unit they are
/// X, a matrix of units × (locations · steps), and X = X_time + X_stimulus + X_mixed, the averages over locations, over
/// time, and the rest. For each part φ the decoders D and encoders P minimise ‖X_φ − P Dᵀ X‖² + μ ‖P Dᵀ‖² at a given
/// number of components (reduced-rank regression; P has orthonormal columns). μ is (regularisation · ‖X‖²)², which is
/// how the authors' Python package counts, so that values can be compared. Everything rests on the covariances of
/// units, N × N, and on exact eigenvectors, where the package draws random directions above 20 units.
///
/// **Automatic regularisation** holds out, for each unit and location by itself, the whole time course of one trial,
/// and predicts its parts, unit by unit from all other units, with components of the other trials; the value with the
/// least error over all folds is taken ([`Dpca::tried`]).
///
/// **Signs**: a component and its negative explain the same. The encoder's weight of the largest magnitude is positive
/// here, so that a picture does not flip from run to run: where the score rises, the unit that carries the component
/// most does.
///
/// **Significance**, if shuffles are asked for: a trial of each location is held out, the same for all units, and each
/// component of stimulus and mixed, found from the other trials at the same regularisation, classifies its location at
/// each step as that of the nearest mean score; the same after shuffling the locations of all trials. Trials stay whole
/// throughout, which keeps the noise of units correlated as it is.
///
/// ```
/// use maturation::activity::Activity;
/// use maturation::analysis::{DpcaOptions, dpca};
/// use ndarray::Array3;
///
/// // (time, trial, unit): 8 locations × 4 repeats; units mix what follows time and what follows the location.
/// let locations: Vec<usize> = (0..32).map(|trial| trial / 4).collect();
/// let rates = Array3::from_shape_fn((40, 32, 6), |(step, trial, unit)| {
///     let jitter = 0.05 * ((step * 7 + trial * 13 + unit * 5) % 11) as f32;
///     let (angle, unit) = ((trial / 4) as f32 * std::f32::consts::TAU / 8.0, unit as f32);
///     jitter + (2.0 * unit).sin() * 0.1 * step as f32 + (angle - unit).cos()
/// });
/// let dpca = dpca(&Activity::new(rates, locations, 8, 20.0)?, &DpcaOptions::default())?;
/// assert!(dpca.components[0][0].shares[0] > 0.9, "the scores of time_1 vary with time");
/// assert_eq!(dpca.explained_variance_table()?.column("component")?.str()?.get(0), Some("time_1"));
/// assert!(dpca.table()?.height() % (8 * 40) == 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If fewer than two locations have trials; a chosen location does not exist or has none; locations differ in their
/// number of trials and `unbalanced` is not set; a location has a single trial but some are to be held out; a rate is
/// not finite; no unit's average varies; or an option is impossible.
pub fn dpca(activity: &Activity, options: &DpcaOptions) -> Result<Dpca> {
    activity.check()?;
    activity.check_finite()?;
    options.check()?;
    let locations = chosen_locations(activity, options.locations.as_deref(), 2)?;
    let trials = activity.trials_by_location();
    let trials: Vec<Vec<usize>> = locations.iter().map(|location| trials[*location].clone()).collect();
    options.check_trials(activity, &locations, &trials)?;
    let interruption = Interruption::watch();
    let data = Data::new(activity, trials);
    let means = data.means();
    let model = Model::new(means.clone());
    // A mean that rounding moves in its last bits is no activity; a sum of so many terms is off by as many bits at
    // most.
    let largest = activity.rates.fold(0.0_f32, |most, rate| most.max(rate.abs()));
    let terms = (means.locations * means.steps) as f64;
    let rounding = f64::from(largest) * f64::EPSILON * terms.max(8.0);
    if model.total_variance() <= rounding.powi(2) * (means.rates.len() as f64) {
        return Err(Error::argument(
            "no unit's average over trials varies with time or location",
            "there is nothing to find components of: choose a checkpoint, or units, that are active",
        ));
    }

    let (regularisation, tried) = match options.regularisation {
        Regularisation::Given(value) => (value, Vec::new()),
        Regularisation::Automatic => {
            let held_out: Vec<HeldOut> = (0..options.folds)
                .map(|fold| {
                    let stream = Purpose::HeldOutTrials.stream([fold as u64, 0]);
                    data.draw(&mut RandomStream::new(options.seed, stream))
                })
                .collect();
            let tried = cross_validate(&data, &means, &held_out, options.components, interruption);
            interruption.check()?;
            let best = tried.iter().min_by(|a, b| a.total().total_cmp(&b.total()));
            (best.map_or(0.0, |best| best.regularisation), tried)
        }
    };
    let mut dpca = model.describe(activity, locations, regularisation, options.components);
    dpca.tried = tried;
    if options.shuffles > 0 {
        significance(&mut dpca, &data, options, interruption)?;
    }
    Ok(dpca)
}

impl DpcaOptions {
    fn check(&self) -> Result<()> {
        if let Regularisation::Given(value) = self.regularisation {
            check_regularisation(value)?;
        }
        let counts = [("components", self.components), ("folds", self.folds), ("splits", self.splits)];
        for (name, value) in counts {
            if value == 0 {
                return Err(Error::argument(format!("`{name}` is 0"), "give 1 or more"));
            }
        }
        Ok(())
    }

    fn check_trials(&self, activity: &Activity, locations: &[usize], trials: &[Vec<usize>]) -> Result<()> {
        let counts: Vec<usize> = trials.iter().map(Vec::len).collect();
        if !self.unbalanced && counts.iter().any(|count| *count != counts[0]) {
            return Err(Error::argument(
                format!("locations {} have {} trials", list(locations), list(&counts)),
                "leave trials out until each location has as many, or allow unbalanced trials: averages of fewer \
                 trials are noisier, which then counts as an effect of the location",
            ));
        }
        let automatic = self.regularisation == Regularisation::Automatic;
        if (automatic || self.shuffles > 0)
            && let Some(place) = counts.iter().position(|count| *count < 2)
        {
            return Err(Error::argument(
                format!("location {} has a single trial, and none can be held out", locations[place]),
                "give two or more trials a location, or a regularisation and no shuffles",
            ));
        }
        if automatic && activity.units() < 2 {
            return Err(Error::argument(
                "a single unit cannot be predicted from others",
                "give the regularisation, or the activity of two units or more",
            ));
        }
        Ok(())
    }
}

/// Rates of a population with the trials at each of the locations to analyse.
struct Data<'a> {
    activity: &'a Activity,
    trials: Vec<Vec<usize>>,
}

/// Averages over trials, or one trial at each location, in the order (location, time, unit).
#[derive(Clone)]
struct Rates {
    rates: Vec<f64>,
    locations: usize,
    steps: usize,
    units: usize,
}

/// Which of a location's trials is held out, (unit, location).
type HeldOut = Array2<usize>;

impl<'a> Data<'a> {
    fn new(activity: &'a Activity, trials: Vec<Vec<usize>>) -> Self {
        Data { activity, trials }
    }

    fn means(&self) -> Rates {
        let means: Array3<f64> = crate::analysis::rates::location_means(self.activity, &self.trials);
        let (locations, steps, units) = means.dim();
        Rates { rates: means.into_raw_vec_and_offset().0, locations, steps, units }
    }

    /// A trial of each location, for each unit by itself.
    fn draw(&self, stream: &mut RandomStream) -> HeldOut {
        let draw = |(_, location): (usize, usize)| stream.random_range(0..self.trials[location].len());
        Array2::from_shape_fn((self.activity.units(), self.trials.len()), draw)
    }

    /// The averages without the trials that are held out, and these trials.
    fn split(&self, means: &Rates, held_out: &HeldOut) -> (Rates, Rates) {
        let (steps, units) = (means.steps, means.units);
        let mut held = Vec::with_capacity(means.rates.len());
        let mut rest = Vec::with_capacity(means.rates.len());
        for (location, trials) in self.trials.iter().enumerate() {
            let count = trials.len() as f64;
            let chosen: Vec<usize> = (0..units).map(|unit| trials[held_out[[unit, location]]]).collect();
            for step in 0..steps {
                let place = (location * steps + step) * units;
                for (unit, mean) in means.rates[place..place + units].iter().enumerate() {
                    let rate = f64::from(self.activity.rates[[step, chosen[unit], unit]]);
                    held.push(rate);
                    rest.push((mean * count - rate) / (count - 1.0));
                }
            }
        }
        let like = |rates| Rates { rates, locations: means.locations, steps, units };
        (like(rest), like(held))
    }
}
