//! Random numbers as a function of a counter: Philox 4×32 (Salmon et al., SC 2011) and Box–Muller.
//!
//! A sequential generator makes results depend on who draws first. Here every number is a function of the seed and of
//! what it is for, so that noise is the same whatever the number of threads, and a resumed run sees what an
//! uninterrupted one would have seen.

use std::convert::Infallible;

use rand::TryRng;

use crate::numerics::philox::philox;
use crate::numerics::{Level, normals};

/// Rounds for everything but noise.
const ROUNDS: usize = 10;

/// The key of a seed and a stream: one Philox block of both, so that nearby seeds share nothing.
fn key(seed: u64, stream: u64) -> [u32; 2] {
    let counter = [seed as u32, (seed >> 32) as u32, stream as u32, (stream >> 32) as u32];
    let block = philox::<ROUNDS>(counter, [0x6D61_7475, 0x7265]);
    [block[0] ^ block[2], block[1] ^ block[3]]
}

/// Gaussian noise as a function of its place: (seed, stream) make the noise, (step, trial, time, index) the place in
/// it.
///
/// ```
/// use maturation::numerics::random::Noise;
///
/// let noise = Noise::new(0, 1);
/// let (mut all, mut some) = ([0.0; 100], [0.0; 10]);
/// noise.fill(3, 2, 1, &mut all);
/// noise.fill(3, 2, 1, &mut some);
/// assert_eq!(all[..10], some);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    key: [u32; 2],
}

impl Noise {
    /// The noise of a seed and a stream.
    pub fn new(seed: u64, stream: u64) -> Self {
        Noise { key: key(seed, stream) }
    }

    /// What makes this noise differ from any other.
    pub(crate) fn key(&self) -> [u32; 2] {
        self.key
    }

    /// Fills `out` with standard normals; element `i` depends on (seed, stream, step, trial, time, i) alone.
    pub fn fill(&self, step: u32, trial: u32, time: u32, out: &mut [f32]) {
        self.fill_at(Level::detect(), step, trial, time, out);
    }

    /// As [`Noise::fill`], at a given instruction level. Levels agree to the last bits of single precision.
    pub(crate) fn fill_at(&self, level: Level, step: u32, trial: u32, time: u32, out: &mut [f32]) {
        normals::fill(level, out, self.key, [time, trial, step]);
    }
}

/// A stream of random words for everything that is drawn one after the other: directions, rules, initial weights.
///
/// It is a generator of the `rand` crate, so `random_range` and the rest of [`rand::RngExt`] work on it.
#[derive(Clone, Debug)]
pub struct RandomStream {
    key: [u32; 2],
    block: u64,
    words: [u32; 4],
    used: usize,
}

impl RandomStream {
    /// The stream with this number, of this seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        RandomStream { key: key(seed, stream), block: 0, words: [0; 4], used: 4 }
    }

    fn next_word(&mut self) -> u32 {
        if self.used == 4 {
            // The last counter word keeps the blocks of a stream apart from those of `Noise`.
            self.words = philox::<ROUNDS>([self.block as u32, (self.block >> 32) as u32, 0, u32::MAX], self.key);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// A standard normal, double precision.
    pub fn standard_normal(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
        let uniform = |word: u64| ((word >> 11) as f64 + 0.5) * SCALE;
        let (radius, turn) = (uniform(self.next_pair()), uniform(self.next_pair()));
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
    }

    fn next_pair(&mut self) -> u64 {
        let low = u64::from(self.next_word());
        low | u64::from(self.next_word()) << 32
    }
}

impl TryRng for RandomStream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_pair())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let word = self.next_word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn noise_is_standard_normal_at_every_level() {
        for level in Level::available() {
            let noise = Noise::new(11, 4);
            let mut all = Vec::new();
            let mut row = [0.0; 1000];
            for trial in 0..400 {
                noise.fill_at(level, 5, trial, 7, &mut row);
                all.extend_from_slice(&row);
            }
            let count = all.len() as f64;
            let moment = |power: i32| all.iter().map(|x| f64::from(*x).powi(power)).sum::<f64>() / count;
            assert!(moment(1).abs() < 5.0 / count.sqrt(), "mean {}", moment(1));
            assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / count).sqrt(), "variance {}", moment(2));
            assert!(moment(3).abs() < 5.0 * (15.0 / count).sqrt(), "skewness {}", moment(3));
            assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / count).sqrt(), "kurtosis {}", moment(4));
            assert!(kolmogorov_smirnov(&mut all.clone()) < 1.95 / count.sqrt());
            let neighbours: f64 = all.windows(2).map(|pair| f64::from(pair[0] * pair[1])).sum();
            assert!(neighbours.abs() / count < 5.0 / count.sqrt(), "neighbours correlate");
            let next_trial: f64 = all.iter().zip(&all[1000..]).map(|(a, b)| f64::from(a * b)).sum();
            assert!(next_trial.abs() / count < 5.0 / count.sqrt(), "neighbouring trials correlate");
        }
    }

    /// The largest distance between the sample's distribution and the normal one.
    fn kolmogorov_smirnov(sample: &mut [f32]) -> f64 {
        use statrs::distribution::{ContinuousCDF, Normal};
        sample.sort_by(f32::total_cmp);
        let normal = Normal::new(0.0, 1.0).unwrap();
        let count = sample.len() as f64;
        let distance = |(rank, x): (usize, &f32)| (normal.cdf(f64::from(*x)) - rank as f64 / count).abs();
        sample.iter().enumerate().map(distance).fold(0.0, f64::max)
    }

    #[test]
    fn noise_depends_on_its_place_alone() {
        let noise = Noise::new(3, 9);
        let (mut long, mut short) = (vec![0.0; 300], vec![0.0; 65]);
        noise.fill(1, 2, 3, &mut long);
        noise.fill(1, 2, 3, &mut short);
        assert_eq!(long[..65], short);
        for (step, trial, time) in [(2, 2, 3), (1, 3, 3), (1, 2, 4)] {
            noise.fill(step, trial, time, &mut short);
            assert_ne!(long[..65], short);
        }
        Noise::new(4, 9).fill(1, 2, 3, &mut short);
        assert_ne!(long[..65], short);
        Noise::new(3, 10).fill(1, 2, 3, &mut short);
        assert_ne!(long[..65], short);
    }

    #[test]
    fn levels_agree() {
        let noise = Noise::new(1, 1);
        let mut portable = vec![0.0; 10_000];
        noise.fill_at(Level::available()[0], 0, 0, 0, &mut portable);
        for level in Level::available() {
            let mut found = vec![0.0; 10_000];
            noise.fill_at(level, 0, 0, 0, &mut found);
            for (a, b) in portable.iter().zip(&found) {
                assert!((a - b).abs() < 2e-6 * (1.0 + a.abs()), "{a} {b}");
            }
        }
    }

    #[test]
    fn streams_are_uniform_and_repeat() {
        let mut stream = RandomStream::new(0, 0);
        let mean = (0..100_000).map(|_| stream.random::<f64>()).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 5e-3, "{mean}");
        let squares = (0..100_000).map(|_| stream.standard_normal().powi(2)).sum::<f64>() / 1e5;
        assert!((squares - 1.0).abs() < 0.03, "{squares}");
        let draw = || (0..5).map(|_| RandomStream::new(7, 2).random_range(0..100)).collect::<Vec<_>>();
        assert_eq!(draw(), draw());
    }
}
