//! The ring of directions: stimuli and responses live on a circle that a few channels sample evenly.

use std::f64::consts::{PI, TAU};

/// Height of a bump on the ring (paper, STAR Methods).
const BUMP_HEIGHT: f64 = 0.8;
/// Standard deviation of a bump in radians.
const BUMP_WIDTH: f64 = PI / 8.0;

/// How a direction is written onto the ring's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// A Gaussian bump of height 0.8 and standard deviation π/8 around the direction.
    #[serde(alias = "ring")]
    Bump,
    /// 1 on the channel whose preferred direction is nearest, 0 elsewhere.
    OneHot,
}

/// A ring of evenly spaced preferred directions: channel `k` of `n` prefers `2πk/n` radians.
///
/// ```
/// use maturation::tasks::Ring;
///
/// let ring = Ring::new(8);
/// let activity = ring.encode(std::f64::consts::PI, maturation::tasks::Encoding::Bump);
/// assert_eq!(activity[4], 0.8);
/// assert!((ring.population_vector(&activity).unwrap() - std::f64::consts::PI).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    preferred: Vec<f64>,
    /// Cosine and sine of each preferred direction.
    directions: Vec<[f64; 2]>,
}

impl Ring {
    /// A ring of `channels` preferred directions.
    pub fn new(channels: usize) -> Self {
        let spacing = TAU / channels.max(1) as f64;
        let preferred: Vec<f64> = (0..channels).map(|channel| channel as f64 * spacing).collect();
        let directions = preferred.iter().map(|preferred| [preferred.cos(), preferred.sin()]).collect();
        Ring { preferred, directions }
    }

    /// The preferred direction of each channel, radians.
    pub fn preferred(&self) -> &[f64] {
        &self.preferred
    }

    /// The angle between two neighbouring channels, radians.
    pub fn spacing(&self) -> f64 {
        TAU / self.len().max(1) as f64
    }

    /// Number of channels.
    pub fn len(&self) -> usize {
        self.preferred.len()
    }

    /// Whether the ring has no channel.
    pub fn is_empty(&self) -> bool {
        self.preferred.is_empty()
    }

    /// The channel activity that stands for `direction` (radians).
    pub fn encode(&self, direction: f64, encoding: Encoding) -> Vec<f32> {
        match encoding {
            Encoding::Bump => self
                .preferred
                .iter()
                .map(|preferred| {
                    let distance = circular_distance(direction, *preferred) / BUMP_WIDTH;
                    (BUMP_HEIGHT * (-0.5 * distance * distance).exp()) as f32
                })
                .collect(),
            Encoding::OneHot => {
                let nearest = self.nearest(direction);
                (0..self.len()).map(|channel| if channel == nearest { 1.0 } else { 0.0 }).collect()
            }
        }
    }

    /// The channel whose preferred direction is nearest to `direction` (radians); the first one on a tie.
    pub fn nearest(&self, direction: f64) -> usize {
        let mut best = 0;
        for channel in 1..self.len() {
            let distance = circular_distance(direction, self.preferred[channel]);
            if distance < circular_distance(direction, self.preferred[best]) {
                best = channel;
            }
        }
        best
    }

    /// The direction that channel activity stands for: the angle of the sum of the preferred directions weighted by
    /// activity, in `[0, 2π)`.
    ///
    /// `None` if the activity is not finite.
    pub fn population_vector(&self, activity: &[f32]) -> Option<f64> {
        let (mut x, mut y) = (0.0, 0.0);
        for ([cosine, sine], activity) in self.directions.iter().zip(activity) {
            x += f64::from(*activity) * cosine;
            y += f64::from(*activity) * sine;
        }
        let angle = y.atan2(x).rem_euclid(TAU);
        angle.is_finite().then_some(angle)
    }
}

/// The distance between two directions on the circle, radians, in `[0, π]`.
pub fn circular_distance(a: f64, b: f64) -> f64 {
    let distance = (a - b).abs() % TAU;
    distance.min(TAU - distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_wraps() {
        assert!((circular_distance(0.1, TAU - 0.1) - 0.2).abs() < 1e-12);
        assert!((circular_distance(-3.0 * PI, 0.0) - PI).abs() < 1e-12);
        assert_eq!(circular_distance(1.0, 1.0), 0.0);
    }

    #[test]
    fn population_vector_inverts_the_bump_everywhere() {
        // Eight samples of a bump do not give its centre exactly between two of them.
        let ring = Ring::new(8);
        for k in 0..360 {
            let direction = f64::from(k).to_radians();
            let decoded = ring.population_vector(&ring.encode(direction, Encoding::Bump)).unwrap();
            assert!(circular_distance(decoded, direction) < 0.04, "{k} degrees decoded as {}", decoded.to_degrees());
        }
        assert_eq!(ring.population_vector(&[f32::NAN; 8]), None);
    }

    #[test]
    fn one_hot_takes_the_nearest_channel() {
        let ring = Ring::new(8);
        assert_eq!(ring.encode(TAU - 0.1, Encoding::OneHot)[0], 1.0);
        assert_eq!(ring.nearest(PI + 0.3), 4);
        assert_eq!(ring.nearest(PI + 0.5), 5);
    }
}
