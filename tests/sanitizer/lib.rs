//! The modules of `maturation` that contain `unsafe`, with their tests, and stand-ins for the little that they use of
//! the others.

#![allow(dead_code, reason = "what other modules use is not used here")]

// The crate stands in for `gemm` too, which takes minutes to build and is not what is tested.
extern crate self as gemm;

#[path = "../../src/network/engine/cpu/kernels/mod.rs"]
pub mod kernels;
#[path = "../../src/numerics/mod.rs"]
pub mod numerics;

pub mod network {
    pub mod engine {
        pub mod cpu {
            pub use crate::kernels;
        }
    }
}

pub mod hyperparameters {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Loss {
        LeastSquares,
        CrossEntropy,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Activation {
        Softplus,
        Relu,
        Tanh,
        Power,
        Retanh,
        Elu,
    }
}

pub mod error {
    #[derive(Debug)]
    pub enum Error {
        Argument { what: String, remedy: String },
        Shape { operation: &'static str, name: String, found: Vec<usize>, expected: Vec<usize> },
    }

    pub type Result<T, E = Error> = std::result::Result<T, E>;

    impl Error {
        pub(crate) fn shape(operation: &'static str, name: &str, found: &[usize], expected: &[usize]) -> Self {
            Error::Shape { operation, name: name.to_owned(), found: found.to_vec(), expected: expected.to_vec() }
        }

        pub(crate) fn argument(what: impl Into<String>, remedy: impl Into<String>) -> Self {
            Error::Argument { what: what.into(), remedy: remedy.into() }
        }
    }

    impl std::fmt::Display for Error {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match self {
                Error::Argument { what, remedy } => write!(formatter, "{what}: {remedy}"),
                Error::Shape { operation, name, found, expected } => {
                    write!(formatter, "{operation}: `{name}` has shape {found:?}, expected {expected:?}")
                }
            }
        }
    }
}

pub enum Parallelism {
    None,
}

/// `destination ← keep·destination + factor·left·right`, one number at a time: reads and writes what `gemm::gemm` is
/// allowed to, and nothing else.
///
/// # Safety
///
/// Every element of the three matrices must lie where it may be read, and in `destination` written.
#[allow(clippy::too_many_arguments, reason = "as gemm has them")]
pub unsafe fn gemm(
    rows: usize,
    columns: usize,
    inner: usize,
    destination: *mut f32,
    destination_column_stride: isize,
    destination_row_stride: isize,
    read_destination: bool,
    left: *const f32,
    left_column_stride: isize,
    left_row_stride: isize,
    right: *const f32,
    right_column_stride: isize,
    right_row_stride: isize,
    keep: f32,
    factor: f32,
    _conjugate_destination: bool,
    _conjugate_left: bool,
    _conjugate_right: bool,
    _parallelism: Parallelism,
) {
    for row in 0..rows as isize {
        for column in 0..columns as isize {
            // SAFETY: as the caller promises.
            unsafe {
                let place = destination.offset(row * destination_row_stride + column * destination_column_stride);
                let mut sum = 0.0;
                for k in 0..inner as isize {
                    let left = *left.offset(row * left_row_stride + k * left_column_stride);
                    sum += left * *right.offset(k * right_row_stride + column * right_column_stride);
                }
                *place = if read_destination { keep * *place } else { 0.0 } + factor * sum;
            }
        }
    }
}
