//! The vector registers that products are made in.

use std::arch::x86_64::*;

/// A register of single-precision numbers.
///
/// # Safety
///
/// Every method needs a processor with the instructions of its register, and addresses at which as many numbers as it
/// reads or writes may be read or written. Methods are inlined into functions that are compiled for these instructions.
pub(super) trait Vector: Copy {
    /// Numbers in a register.
    const LANES: usize;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(place: *const f32) -> Self;
    /// Loads the first `count` numbers, at most [`Vector::LANES`], and zeros behind them.
    unsafe fn load_first(place: *const f32, count: usize) -> Self;
    /// Stores the first `count` numbers, at most [`Vector::LANES`].
    unsafe fn store_first(self, place: *mut f32, count: usize);
    /// `self·factor + sum`, rounded once.
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self;
}

impl Vector for __m512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's processor has AVX-512.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(place: *const f32) -> Self {
        // SAFETY: as the caller promises.
        unsafe { _mm512_loadu_ps(place) }
    }

    #[inline(always)]
    unsafe fn load_first(place: *const f32, count: usize) -> Self {
        // SAFETY: the mask lets through only the numbers that the caller promises.
        unsafe { _mm512_maskz_loadu_ps(first_of_16(count), place) }
    }

    #[inline(always)]
    unsafe fn store_first(self, place: *mut f32, count: usize) {
        // SAFETY: the mask lets through only the numbers that the caller promises.
        unsafe { _mm512_mask_storeu_ps(place, first_of_16(count), self) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the caller's processor has AVX-512.
        unsafe { _mm512_fmadd_ps(self, factor, sum) }
    }
}

#[inline(always)]
fn first_of_16(count: usize) -> __mmask16 {
    ((1_u32 << count) - 1) as __mmask16
}

impl Vector for __m256 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's processor has AVX2.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(place: *const f32) -> Self {
        // SAFETY: as the caller promises.
        unsafe { _mm256_loadu_ps(place) }
    }

    #[inline(always)]
    unsafe fn load_first(place: *const f32, count: usize) -> Self {
        // SAFETY: the mask lets through only the numbers that the caller promises.
        unsafe { _mm256_maskload_ps(place, first_of_8(count)) }
    }

    #[inline(always)]
    unsafe fn store_first(self, place: *mut f32, count: usize) {
        // SAFETY: the mask lets through only the numbers that the caller promises.
        unsafe { _mm256_maskstore_ps(place, first_of_8(count), self) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the caller's processor has AVX2 and FMA.
        unsafe { _mm256_fmadd_ps(self, factor, sum) }
    }
}

/// All bits set in the first `count` lanes.
#[inline(always)]
unsafe fn first_of_8(count: usize) -> __m256i {
    // SAFETY: the caller's processor has AVX2.
    unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
}
