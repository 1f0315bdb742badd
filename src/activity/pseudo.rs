//! Pseudo-populations: units of different sessions, their trials matched by location.

use ndarray::{Array3, s};
use rand::RngExt;

use crate::activity::Trial;
use crate::error::{Error, Result};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// How units that were recorded in different trials become one population.
///
/// Of each unit, as many trials a location are drawn, each at most once; the first draws of all units at a location
/// become one trial of the population, the second ones the next, and so on. Units with fewer trials at some location
/// are left out. What units do together from trial to trial is lost: correlations of the noise are those of chance.
///
/// Where the table has a column `session`, each session's units are units of their own, whatever their columns are
/// called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudoPopulation {
    /// Trials of each location.
    pub trials: usize,
    /// Decides which trials are drawn.
    pub seed: u64,
}

/// A pseudo-population.
pub(super) struct Pooled {
    /// (time, trial, unit).
    pub(super) rates: Array3<f32>,
    pub(super) locations: Vec<usize>,
    pub(super) notes: Vec<String>,
}

/// A unit of one session, or of all.
struct Unit {
    session: Option<usize>,
    column: usize,
    /// Its trials at each location that has any.
    trials: Vec<Vec<usize>>,
}

impl PseudoPopulation {
    /// Draws the trials. `rates` is (time, trial, unit), NaN where a unit was not recorded in a trial.
    pub(super) fn pool(&self, rates: &Array3<f32>, locations: &[usize], trials: &[Trial]) -> Result<Pooled> {
        if self.trials == 0 {
            return Err(Error::argument("0 pseudo-trials a location", "draw 1 or more"));
        }
        let mut places: Vec<usize> = locations.to_vec();
        places.sort_unstable();
        places.dedup();
        let sessions = 1 + trials.iter().map(|trial| trial.session).max().unwrap_or(0);
        let (mut kept, mut left_out, mut fewest) = (Vec::new(), 0_usize, usize::MAX);
        let mut of_sessions = vec![0_usize; sessions];
        for (session, units) in of_sessions.iter_mut().enumerate() {
            for column in 0..rates.dim().2 {
                let unit = unit_of(rates, locations, trials, &places, session, column)?;
                let least = unit.trials.iter().map(Vec::len).min().unwrap_or(0);
                if unit.trials.iter().all(Vec::is_empty) {
                    continue;
                }
                if least < self.trials {
                    left_out += 1;
                    fewest = fewest.min(least);
                } else {
                    *units += 1;
                    kept.push(Unit { session: (sessions > 1).then_some(session), ..unit });
                }
            }
        }
        if kept.is_empty() {
            return Err(Error::argument(
                format!("no unit has {} trials at each of {} locations", self.trials, places.len()),
                format!("the unit with the fewest has {} at some location: draw fewer", fewest.min(self.trials)),
            ));
        }
        let (steps, count) = (rates.dim().0, self.trials * places.len());
        let mut pooled = Array3::zeros((steps, count, kept.len()));
        for (number, unit) in kept.iter().enumerate() {
            // A stream a unit: which trials are drawn does not depend on the units that are there beside it.
            let parts = [unit.session.unwrap_or(0) as u64, unit.column as u64];
            let mut stream = RandomStream::new(self.seed, Purpose::PseudoPopulation.stream(parts));
            for (place, trials) in unit.trials.iter().enumerate() {
                let mut trials = trials.clone();
                for drawn in 0..self.trials {
                    let other = stream.random_range(drawn..trials.len());
                    trials.swap(drawn, other);
                    let from = rates.slice(s![.., trials[drawn], unit.column]);
                    pooled.slice_mut(s![.., place * self.trials + drawn, number]).assign(&from);
                }
            }
        }
        let locations = places.iter().flat_map(|place| std::iter::repeat_n(*place, self.trials)).collect();
        let mut notes = vec![format!(
            "a pseudo-population of {} units, {} trials at each of {} locations, drawn from each unit's own trials \
             (seed {}): its units' noise is not correlated as it was",
            kept.len(),
            self.trials,
            places.len(),
            self.seed
        )];
        if left_out > 0 {
            notes.push(format!(
                "{left_out} units have fewer than {} trials at some location and are left out",
                self.trials
            ));
        }
        if sessions > 1 {
            let counts: Vec<String> = of_sessions.iter().map(ToString::to_string).collect();
            notes.push(format!("units are numbered session by session: {} of them", counts.join(" + ")));
        }
        Ok(Pooled { rates: pooled, locations, notes })
    }
}

/// A column's trials in a session.
fn unit_of(
    rates: &Array3<f32>,
    locations: &[usize],
    trials: &[Trial],
    places: &[usize],
    session: usize,
    column: usize,
) -> Result<Unit> {
    let mut found = vec![Vec::new(); places.len()];
    for (trial, location) in locations.iter().enumerate().filter(|(trial, _)| trials[*trial].session == session) {
        let course = rates.slice(s![.., trial, column]);
        let missing = course.iter().filter(|rate| rate.is_nan()).count();
        if missing > 0 && missing < course.len() {
            return Err(Error::argument(
                format!("unit_{column} lacks {missing} of {} steps of trial {}", course.len(), trials[trial].name),
                "a unit must have all steps of a trial or none: leave the trial out for it",
            ));
        }
        if missing == 0 {
            let place = places.partition_point(|place| place < location);
            found[place].push(trial);
        }
    }
    Ok(Unit { session: None, column, trials: found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(name: usize, session: usize) -> Trial {
        Trial { name: name.to_string(), number: Some(name as f64), session, rows: vec![] }
    }

    /// A rate that tells step, trial and unit.
    fn rates(trials: usize) -> Array3<f32> {
        Array3::from_shape_fn((3, trials, 2), |(step, trial, unit)| (100 * unit + 10 * trial + step) as f32)
    }

    #[test]
    fn each_unit_has_its_own_trials_of_the_location() {
        let locations = [0, 0, 0, 1, 1, 1, 1];
        let trials: Vec<Trial> = (0..7).map(|number| trial(number, 0)).collect();
        let mut rates = rates(7);
        // Unit 1 was not recorded in trial 0.
        rates.slice_mut(s![.., 0, 1]).fill(f32::NAN);
        let pooled = PseudoPopulation { trials: 2, seed: 3 }.pool(&rates, &locations, &trials).unwrap();
        assert_eq!(pooled.locations, [0, 0, 1, 1]);
        for ((step, number, unit), rate) in pooled.rates.indexed_iter() {
            let source = (*rate as usize - 100 * unit - step) / 10;
            assert_eq!(locations[source], pooled.locations[number]);
            assert_eq!(rates[[step, source, unit]], *rate);
            assert!((unit, source) != (1, 0));
        }
        for unit in 0..2 {
            assert_ne!(pooled.rates[[0, 0, unit]], pooled.rates[[0, 1, unit]], "no trial is drawn twice");
        }
        let again = PseudoPopulation { trials: 2, seed: 3 }.pool(&rates, &locations, &trials).unwrap();
        assert_eq!(again.rates, pooled.rates);
        let other = PseudoPopulation { trials: 2, seed: 4 }.pool(&rates, &locations, &trials).unwrap();
        assert_ne!(other.rates, pooled.rates);
    }

    #[test]
    fn units_with_few_trials_are_left_out_and_counted() {
        let locations = [0, 0, 0, 1, 1, 1, 1];
        let trials: Vec<Trial> = (0..7).map(|number| trial(number, 0)).collect();
        let mut rates = rates(7);
        rates.slice_mut(s![.., 0, 1]).fill(f32::NAN);
        let pooled = PseudoPopulation { trials: 3, seed: 0 }.pool(&rates, &locations, &trials).unwrap();
        assert_eq!(pooled.rates.dim(), (3, 6, 1));
        assert!(pooled.notes[1].starts_with("1 units have fewer than 3"), "{:?}", pooled.notes);
        let of = |trials_wanted| PseudoPopulation { trials: trials_wanted, seed: 0 }.pool(&rates, &locations, &trials);
        assert!(of(4).err().unwrap().to_string().contains("draw fewer"));
        assert!(of(0).err().unwrap().to_string().contains("1 or more"));
        rates[[1, 2, 0]] = f32::NAN;
        let half = PseudoPopulation { trials: 2, seed: 0 }.pool(&rates, &locations, &trials);
        assert!(half.err().unwrap().to_string().contains("unit_0 lacks 1 of 3 steps of trial 2"));
    }

    #[test]
    fn sessions_have_units_of_their_own() {
        let locations = [0, 1, 0, 1];
        let trials: Vec<Trial> = (0..4).map(|number| trial(number, number / 2)).collect();
        let pooled = PseudoPopulation { trials: 1, seed: 0 }.pool(&rates(4), &locations, &trials).unwrap();
        assert_eq!(pooled.rates.dim(), (3, 2, 4));
        let of_unit = |unit: usize| pooled.rates.slice(s![0, .., unit]).to_vec();
        assert_eq!((of_unit(0), of_unit(2)), (vec![0.0, 10.0], vec![20.0, 30.0]));
        assert!(pooled.notes.iter().any(|note| note.contains("2 + 2")), "{:?}", pooled.notes);
    }
}
