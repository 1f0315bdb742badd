//! Intervals by resampling units (bootstrap).

use ndarray::{Array2, Axis};
use rand::RngExt;

use crate::environment::unless_interrupted;
use crate::error::{Error, Result};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// With fewer resamples the ends of a 95 % interval would hang on one or two of them.
pub(super) const FEWEST: usize = 100;
/// More make no interval better, and fill the memory.
pub(super) const MOST: usize = 20_000;
/// As many as a network may have.
pub(crate) const MOST_UNITS: usize = 1 << 16;
/// The share of resamples that an interval leaves out at either end: it holds 95 %.
const TAIL: f64 = 0.025;

/// Resamples of the units of a population, each as many units drawn with replacement.
///
/// The same resamples serve every checkpoint: a unit that is drawn twice counts twice throughout, since what it does
/// at one checkpoint says much about what it does at the next.
///
/// ```
/// use maturation::statistics::{ResampledMean, UnitResamples};
/// use ndarray::array;
///
/// let resamples = UnitResamples::new(1000, 4, 0)?;
/// let mut mean = ResampledMean::default(); // of no checkpoint yet
/// mean.add(&resamples, &[0, 1, 3], &array![[1.0], [2.0], [6.0]])?; // of units 0, 1 and 3
/// let (low, high) = mean.interval(0).unwrap();
/// assert!((1.0..3.0).contains(&low) && (3.0..=6.0).contains(&high));
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnitResamples {
    /// How often each unit was drawn, (resample, unit).
    drawn: Array2<f64>,
}

impl UnitResamples {
    /// `count` resamples of a population of `units`, as the seed decides.
    ///
    /// # Errors
    /// If there are fewer than 100 resamples, more than 20,000, no unit, or more than 65,536;
    /// [interrupted](Error::is_interrupted).
    pub fn new(count: usize, units: usize, seed: u64) -> Result<UnitResamples> {
        if !(FEWEST..=MOST).contains(&count) {
            return Err(Error::argument(
                format!("{count} resamples make no good interval"),
                format!("take from {FEWEST} to {MOST}; 1000 is usual"),
            ));
        }
        if units == 0 {
            return Err(Error::argument("there is no unit to resample", "give at least one"));
        }
        if units > MOST_UNITS {
            return Err(Error::argument(
                format!("{units} units are too many to resample"),
                format!("number them from 0, up to {MOST_UNITS} of them"),
            ));
        }
        let mut stream = RandomStream::new(seed, Purpose::Bootstrap.stream([0, 0]));
        let mut drawn = Array2::zeros((count, units));
        for row in unless_interrupted(drawn.outer_iter_mut()) {
            let mut row = row?;
            for _ in 0..units {
                row[stream.random_range(0..units)] += 1.0;
            }
        }
        Ok(UnitResamples { drawn })
    }

    /// Number of units in the population.
    pub fn units(&self) -> usize {
        self.drawn.ncols()
    }
}

/// The mean over checkpoints of the mean over units, in each resample, at a number of points (of a curve).
#[derive(Clone, Debug, Default)]
pub struct ResampledMean {
    /// (resample, point); empty before the first checkpoint.
    sum: Array2<f64>,
    /// Checkpoints in the sum, those of a resample that drew none of the units left out.
    checkpoints: Vec<f64>,
    /// The most units of a checkpoint.
    units: usize,
}

impl ResampledMean {
    /// Adds a checkpoint: the `values`, (unit, point), of the units with these numbers. No unit adds nothing.
    ///
    /// # Errors
    /// If a unit is not in the population that was resampled, or the values are of other numbers of units or points, or
    /// the resamples another number, than those added before.
    pub fn add(&mut self, resamples: &UnitResamples, units: &[usize], values: &Array2<f64>) -> Result<()> {
        let is_first = self.checkpoints.is_empty();
        let points = if is_first { values.ncols() } else { self.sum.ncols() };
        let misfit =
            |name: &str, found: &[usize], expected: [usize; 2]| Error::shape("bootstrap", name, found, &expected);
        if values.dim() != (units.len(), points) {
            return Err(misfit("values", values.shape(), [units.len(), points]));
        }
        let count = resamples.drawn.nrows();
        if !is_first && count != self.checkpoints.len() {
            return Err(misfit("resamples", resamples.drawn.shape(), [self.checkpoints.len(), resamples.units()]));
        }
        if let Some(unit) = units.iter().find(|unit| **unit >= resamples.units()) {
            return Err(Error::argument(
                format!("unit {unit} is not among the {} units that were resampled", resamples.units()),
                "average checkpoints of one population at a time",
            ));
        }
        if units.is_empty() {
            return Ok(());
        }
        if is_first {
            self.sum = Array2::zeros((count, points));
            self.checkpoints = vec![0.0; count];
        }
        let weights = resamples.drawn.select(Axis(1), units);
        let sums = weights.dot(values);
        for (resample, total) in weights.sum_axis(Axis(1)).into_iter().enumerate() {
            if total > 0.0 {
                self.sum.row_mut(resample).scaled_add(1.0 / total, &sums.row(resample));
                self.checkpoints[resample] += 1.0;
            }
        }
        self.units = self.units.max(units.len());
        Ok(())
    }

    /// The interval that holds 95 % of the resampled means at a point; none where fewer than two units were averaged.
    pub fn interval(&self, point: usize) -> Option<(f64, f64)> {
        if self.units < 2 || point >= self.sum.ncols() {
            return None;
        }
        let sums = self.sum.column(point);
        percentile_interval(sums.iter().zip(&self.checkpoints).filter(|(_, n)| **n > 0.0).map(|(sum, n)| sum / n))
    }

    /// The mean curve of each resample that has one.
    pub fn curves(&self) -> impl Iterator<Item = Vec<f64>> {
        self.sum
            .outer_iter()
            .zip(&self.checkpoints)
            .filter(|(_, checkpoints)| self.units >= 2 && **checkpoints > 0.0)
            .map(|(sum, checkpoints)| sum.iter().map(|sum| sum / checkpoints).collect())
    }
}

/// The interval that holds 95 % of the values, ends interpolated between them; none of fewer than 50 values, or if one
/// is not finite.
pub fn percentile_interval(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = values.into_iter().collect();
    if values.len() < FEWEST / 2 || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + place.fract() * (above - below)
    };
    Some((at(TAIL), at(1.0 - TAIL)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::mean;

    fn values(units: usize) -> Array2<f64> {
        Array2::from_shape_fn((units, 2), |(unit, point)| ((unit * 37 + point * 11) % 23) as f64)
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_its_standard_error() {
        let (units, count) = (60, 4000);
        let resamples = UnitResamples::new(count, units, 5).unwrap();
        assert!(resamples.drawn.sum_axis(Axis(1)).iter().all(|drawn| *drawn == units as f64));
        let all: Vec<usize> = (0..units).collect();
        let mut resampled = ResampledMean::default();
        resampled.add(&resamples, &all, &values(units)).unwrap();
        for point in 0..2 {
            let column = values(units).column(point).to_vec();
            let average = mean(&column);
            let variance = column.iter().map(|value| (value - average).powi(2)).sum::<f64>() / units as f64;
            let error = (variance / units as f64).sqrt();
            let (low, high) = resampled.interval(point).unwrap();
            assert!(((average - low) / error - 1.96).abs() < 0.15, "{}", (average - low) / error);
            assert!(((high - average) / error - 1.96).abs() < 0.15, "{}", (high - average) / error);
        }
    }

    #[test]
    fn checkpoints_of_the_same_units_narrow_nothing_and_the_seed_decides() {
        let all: Vec<usize> = (0..30).collect();
        let interval = |seed: u64, checkpoints: usize| {
            let resamples = UnitResamples::new(500, 30, seed).unwrap();
            let mut mean = ResampledMean::default();
            (0..checkpoints).for_each(|_| mean.add(&resamples, &all, &values(30)).unwrap());
            mean.interval(1).unwrap()
        };
        let (once, often) = (interval(1, 1), interval(1, 9));
        assert!((once.0 - often.0).abs() < 1e-12 && (once.1 - often.1).abs() < 1e-12);
        assert_eq!(interval(1, 1), once);
        assert_ne!(interval(2, 1), once);
    }

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile(range(101), [2.5, 97.5]), and of the squares of 0 to 149.
        assert_eq!(percentile_interval((0..101).map(f64::from)), Some((2.5, 97.5)));
        let (low, high) = percentile_interval((0..150).map(|i| f64::from(i * i))).unwrap();
        assert!((low - 14.075).abs() < 1e-9 && (high - 21105.025).abs() < 1e-9, "{low} {high}");
        assert_eq!(percentile_interval((0..49).map(f64::from)), None);
        assert_eq!(percentile_interval((0..200).map(|i| if i == 7 { f64::NAN } else { 1.0 })), None);
    }

    #[test]
    fn what_cannot_be_resampled_has_no_interval() {
        assert!(UnitResamples::new(99, 5, 0).unwrap_err().to_string().contains("100"));
        assert!(UnitResamples::new(100_000, 5, 0).is_err());
        assert!(UnitResamples::new(1000, 0, 0).is_err());
        assert!(UnitResamples::new(1000, usize::MAX, 0).unwrap_err().to_string().contains("65536"));
        let resamples = UnitResamples::new(100, 5, 0).unwrap();
        let mut mean = ResampledMean::default();
        assert_eq!(mean.interval(0), None);
        mean.add(&resamples, &[], &values(0)).unwrap();
        assert!(mean.add(&resamples, &[9], &values(1)).unwrap_err().to_string().contains("unit 9"));
        assert!(mean.add(&resamples, &[1, 2], &values(3)).is_err());
        assert_eq!(mean.interval(0), None);
        mean.add(&resamples, &[3], &values(1)).unwrap();
        assert_eq!(mean.interval(0), None, "one unit varies with no other");
        assert_eq!(mean.curves().count(), 0);
        mean.add(&resamples, &[3, 4], &values(2)).unwrap();
        assert!(mean.interval(1).is_some() && mean.interval(2).is_none());
        let more = UnitResamples::new(200, 5, 0).unwrap();
        assert!(mean.add(&more, &[3, 4], &values(2)).unwrap_err().to_string().contains("`resamples`"));
        let wider = Array2::zeros((2, 3));
        assert!(mean.add(&resamples, &[3, 4], &wider).unwrap_err().to_string().contains("`values`"));
    }

    #[test]
    fn an_interrupt_ends_resampling() {
        let made = crate::environment::tests::interrupted(|| UnitResamples::new(MOST, MOST_UNITS / 64, 0));
        assert!(made.is_err_and(|error| error.is_interrupted()));
    }
}
