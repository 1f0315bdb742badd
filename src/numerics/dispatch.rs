//! Which vector instructions this processor has.

/// A level of vector instructions that this processor is known to have.
///
/// A value exists only if the processor has the instructions, so that holding one is the proof that running them is
/// sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub(crate) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The highest level that this processor has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("fma") {
                if has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq") {
                    return Level(Kind::Avx512);
                }
                return Level(Kind::Avx2);
            }
        }
        Level(Kind::Portable)
    }

    /// Every level that this processor has, the lowest first.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        match Level::detect().0 {
            Kind::Avx512 => return vec![Level(Kind::Portable), Level(Kind::Avx2), Level(Kind::Avx512)],
            Kind::Avx2 => return vec![Level(Kind::Portable), Level(Kind::Avx2)],
            Kind::Portable => {}
        }
        vec![Level(Kind::Portable)]
    }
}

/// Whether the portable body should multiply and add in one rounding: only where the hardware does so without help,
/// since a software `mul_add` is a hundred times slower.
pub(crate) const PORTABLE_FUSED: bool = cfg!(target_arch = "aarch64");

/// `a·b + c`, in one rounding where `FUSED`.
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Stamps out `$name(level, …)`, which runs `$body::<FUSED>(…)` compiled for the instruction level.
macro_rules! vectorised {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)?
        = $body:ident) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "rows of a kernel, passed as slices")]
        $visibility fn $name(level: $crate::numerics::Level, $($argument: $type),*) $(-> $output)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "rows of a kernel, passed as slices")]
                fn avx512($($argument: $type),*) $(-> $output)? {
                    $body::<true>($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "rows of a kernel, passed as slices")]
                fn avx2($($argument: $type),*) $(-> $output)? {
                    $body::<true>($($argument),*)
                }
                match level.0 {
                    // SAFETY: a `Level` of this kind exists only on a processor that has these instructions.
                    $crate::numerics::dispatch::Kind::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::numerics::dispatch::Kind::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::numerics::dispatch::Kind::Portable => {}
                }
            }
            let _ = level;
            $body::<{ $crate::numerics::dispatch::PORTABLE_FUSED }>($($argument),*)
        }
    };
}
pub(crate) use vectorised;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detected_level_is_the_highest_available() {
        assert_eq!(Level::available().last(), Some(&Level::detect()));
        assert_eq!(Level::available()[0], Level(Kind::Portable));
    }
}
