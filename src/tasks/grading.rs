//! Which answers are right.

use crate::tasks::circular_distance;

/// A response within this distance of the target is right: 36 degrees, a fifth of the half circle, so that chance is
/// 0.2.
pub const TOLERANCE: f64 = 0.2 * std::f64::consts::PI;
/// Above this the fixation output says 'fixating'.
pub(crate) const FIXATING: f32 = 0.5;

/// What a network says at the last time step of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// The fixation output.
    pub fixation: f32,
    /// The direction of the response ring's population vector, radians; `None` if the outputs are not finite.
    pub direction: Option<f64>,
}

impl Said {
    /// Whether it is a response within `tolerance` (radians) of the required one, or fixation where none is required.
    pub fn is_within(self, required: Option<f64>, tolerance: f64) -> bool {
        match required {
            None => self.fixation > FIXATING,
            // A NaN is neither fixating nor right.
            Some(required) => {
                let near = |direction| circular_distance(required, direction) < tolerance;
                self.fixation <= FIXATING && self.direction.is_some_and(near)
            }
        }
    }
}
