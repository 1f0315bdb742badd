//! Standard normals as a function of a counter: Philox 4×32 with seven rounds, and Box–Muller.
//!
//! Philox (Salmon et al., SC 2011) passes every test of BigCrush from seven rounds on; the ten of its usual form are a
//! margin that noise has no need of. A counter gives four words, and so two pairs of normals:
//! (words 0 and 1), (words 2 and 3).
//!
//! Every counter of a row has the same upper three words. What they contribute to the first two rounds is therefore
//! computed once for the row, and those rounds cost the counters one multiplication instead of two.

use crate::numerics::Level;
use crate::numerics::dispatch::multiply_add;
use crate::numerics::philox::{KEY_STEPS, MULTIPLIERS};

/// Rounds of Philox.
const ROUNDS: usize = 7;
/// Counters that are taken at once: the words of each fill 64 bits.
const LANES: usize = 8;
/// Normals that so many counters give. Their order in a row: the first normals of the pairs, then the second ones.
const PACK: usize = 4 * LANES;

/// The coefficients of the polynomials, the highest power first. All approximate within 4·10⁻⁸, relative.
mod coefficients {
    /// `(ln(1 + f) − f + f²/2) / f³` for `1 + f` from √½ to √2.
    pub const LN: [f32; 7] =
        [8.700_521e-2, -1.426_760_7e-1, 1.491_479_3e-1, -1.657_757_2e-1, 1.996_306e-1, -2.500_134e-1, 3.333_391e-1];
    /// `sin(πq/2) / q` in `q²`, for `|q| ≤ ½`.
    pub const SINE: [f32; 4] = [-4.601_658e-3, 7.968_003e-2, -6.459_635e-1, std::f32::consts::FRAC_PI_2];
    /// `cos(πq/2)` in `q²`, for `|q| ≤ ½`.
    pub const COSINE: [f32; 4] = [-2.039_858_1e-2, 2.535_949_3e-1, -1.233_696_7, 0.999_999_94];
}
const TWO_TO_MINUS_31: f32 = 4.656_613e-10;
const TWO_TO_MINUS_32: f32 = 2.328_306_4e-10;
const SQRT_HALF_BITS: u32 = 0x3F35_04F3;
const MANTISSA: u32 = 0x007F_FFFF;
/// ln 2 in two parts, the first of which products with small integers represent exactly.
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// What the upper words of the counters make of the first two rounds.
#[derive(Clone, Copy)]
struct Row {
    /// Multiplied by counters in the first round, and xored into the upper half of the product.
    first_key: u32,
    /// Xored into the products of the second round.
    second: [u32; 2],
    /// The last word after the second round.
    last: u32,
    /// The key of the third round.
    key: [u32; 2],
}

impl Row {
    fn new(key: [u32; 2], upper: [u32; 3]) -> Self {
        let product = |factor: u32, word: u32| {
            let product = u64::from(factor) * u64::from(word);
            ((product >> 32) as u32, product as u32)
        };
        let (high, low) = product(MULTIPLIERS[1], upper[1]);
        let (next_high, next_low) = product(MULTIPLIERS[0], high ^ upper[0] ^ key[0]);
        let second_key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
        Row {
            first_key: upper[2] ^ key[1],
            second: [low ^ second_key[0], next_high ^ second_key[1]],
            last: next_low,
            key: [second_key[0].wrapping_add(KEY_STEPS[0]), second_key[1].wrapping_add(KEY_STEPS[1])],
        }
    }
}

/// Fills `out` with normals; element `i` depends on the key, the upper words of the counter and `i` alone.
pub(super) fn fill(level: Level, out: &mut [f32], key: [u32; 2], upper: [u32; 3]) {
    let row = Row::new(key, upper);
    #[cfg(target_arch = "x86_64")]
    if level.0 == crate::numerics::dispatch::Kind::Avx512 {
        // SAFETY: a `Level` of this kind exists only on a processor that has the instructions.
        return unsafe { avx512::fill(out, &row) };
    }
    plain::fill(level, out, row);
}

/// For the compiler to vectorise.
mod plain {
    use super::*;
    use crate::numerics::dispatch::vectorised;

    /// The words of the counters `first .. first + LANES`.
    ///
    /// A word stands in the lower half of 64 bits: one multiplication then gives both halves of a product, and since it
    /// reads the lower halves alone, nothing needs to be cleared above them between rounds.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "four arrays are indexed alike")]
    pub(super) fn words(first: usize, row: &Row) -> [[u32; LANES]; 4] {
        const LOWER: u64 = u32::MAX as u64;
        let mut words = [[0_u64; LANES]; 4];
        for lane in 0..LANES {
            let product = ((first + lane) as u64 & LOWER) * u64::from(MULTIPLIERS[0]);
            let second = ((product >> 32) ^ u64::from(row.first_key)) * u64::from(MULTIPLIERS[1]);
            words[0][lane] = (second >> 32) ^ u64::from(row.second[0]);
            words[1][lane] = second;
            words[2][lane] = product ^ u64::from(row.second[1]);
            words[3][lane] = u64::from(row.last);
        }
        let mut key = row.key;
        for _ in 2..ROUNDS {
            let mut next = [[0_u64; LANES]; 4];
            for lane in 0..LANES {
                let product_0 = (words[0][lane] & LOWER) * u64::from(MULTIPLIERS[0]);
                let product_1 = (words[2][lane] & LOWER) * u64::from(MULTIPLIERS[1]);
                next[0][lane] = (product_1 >> 32) ^ words[1][lane] ^ u64::from(key[0]);
                next[1][lane] = product_1;
                next[2][lane] = (product_0 >> 32) ^ words[3][lane] ^ u64::from(key[1]);
                next[3][lane] = product_0;
            }
            words = next;
            key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
        }
        words.map(|word| word.map(|value| value as u32))
    }

    /// The natural logarithm of a positive normal number.
    #[inline(always)]
    fn ln<const FUSED: bool>(x: f32) -> f32 {
        let offset = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
        let exponent = (offset as i32 >> 23) as f32;
        let f = f32::from_bits((offset & MANTISSA).wrapping_add(SQRT_HALF_BITS)) - 1.0;
        let p = polynomial::<FUSED, 7>(coefficients::LN, f);
        let square = f * f;
        let low = multiply_add::<FUSED>(p, f * square, -0.5 * square);
        let low = multiply_add::<FUSED>(exponent, LN2[1], low);
        multiply_add::<FUSED>(exponent, LN2[0], low + f)
    }

    #[inline(always)]
    fn polynomial<const FUSED: bool, const TERMS: usize>(coefficients: [f32; TERMS], x: f32) -> f32 {
        let mut sum = coefficients[0];
        for coefficient in &coefficients[1..] {
            sum = multiply_add::<FUSED>(sum, x, *coefficient);
        }
        sum
    }

    /// Two independent standard normals from two uniform words (Box–Muller): a radius from the first, an angle from
    /// the second. The angle's top two bits are the quadrant, so that sine and cosine need only a quarter turn.
    #[inline(always)]
    fn box_muller<const FUSED: bool>(for_radius: u32, for_angle: u32) -> (f32, f32) {
        let uniform = multiply_add::<FUSED>((for_radius >> 1) as i32 as f32, TWO_TO_MINUS_31, TWO_TO_MINUS_32);
        let squared = -2.0 * ln::<FUSED>(uniform);
        let radius = (if squared > 0.0 { squared } else { 0.0 }).sqrt();

        let quarter = ((for_angle << 2) as i32) as f32 * TWO_TO_MINUS_32;
        let square = quarter * quarter;
        let sine = polynomial::<FUSED, 4>(coefficients::SINE, square) * quarter;
        let cosine = polynomial::<FUSED, 4>(coefficients::COSINE, square);
        let (first, second) = if for_angle & (1 << 30) == 0 { (cosine, sine) } else { (sine, cosine) };
        let first_sign = (for_angle ^ (for_angle << 1)) & (1 << 31);
        let second_sign = for_angle & (1 << 31);
        (radius * f32::from_bits(first.to_bits() ^ first_sign), radius * f32::from_bits(second.to_bits() ^ second_sign))
    }

    #[inline(always)]
    fn fill_body<const FUSED: bool>(out: &mut [f32], row: Row) {
        for (pack, chunk) in out.chunks_mut(PACK).enumerate() {
            let words = words(pack * LANES, &row);
            let (mut for_radius, mut for_angle) = ([0; PACK / 2], [0; PACK / 2]);
            for lane in 0..LANES {
                (for_radius[2 * lane], for_radius[2 * lane + 1]) = (words[0][lane], words[2][lane]);
                (for_angle[2 * lane], for_angle[2 * lane + 1]) = (words[1][lane], words[3][lane]);
            }
            let mut normals = [0.0_f32; PACK];
            for pair in 0..PACK / 2 {
                (normals[pair], normals[PACK / 2 + pair]) = box_muller::<FUSED>(for_radius[pair], for_angle[pair]);
            }
            match <&mut [f32; PACK]>::try_from(&mut *chunk) {
                Ok(whole) => *whole = normals,
                Err(_) => chunk.copy_from_slice(&normals[..chunk.len()]),
            }
        }
    }
    vectorised! {
        pub(super) fn fill(out: &mut [f32], row: Row) = fill_body
    }
}

/// By hand, because the compiler's rendering of [`plain`] takes twice the time: too much of it waits for the one
/// before. Without `map` and `zip`: parts of these stay calls, at which every register is put aside.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::*;
    use std::arch::x86_64::*;

    /// Packs that are made side by side, so that the processor always finds one that need not wait.
    const SIDE_BY_SIDE: usize = 4;

    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    pub(super) fn fill(out: &mut [f32], row: &Row) {
        let whole = out.len() / (SIDE_BY_SIDE * PACK) * SIDE_BY_SIDE * PACK;
        let (whole, rest) = out.split_at_mut(whole);
        let mut counter = 0;
        for normals in whole.as_chunks_mut::<PACK>().0.as_chunks_mut::<SIDE_BY_SIDE>().0 {
            packs(counter, row, normals);
            counter += (SIDE_BY_SIDE * LANES) as i64;
        }
        let (whole, rest) = rest.as_chunks_mut::<PACK>();
        let (pairs, single) = whole.as_chunks_mut::<2>();
        for normals in pairs {
            packs(counter, row, normals);
            counter += 2 * LANES as i64;
        }
        for normals in single.as_chunks_mut::<1>().0 {
            packs(counter, row, normals);
            counter += LANES as i64;
        }
        if !rest.is_empty() {
            let mut normals = [[0.0; PACK]];
            packs(counter, row, &mut normals);
            rest.copy_from_slice(&normals[0][..rest.len()]);
        }
    }

    /// Two words, each in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    fn both(words: [u32; 2]) -> [__m512i; 2] {
        [_mm512_set1_epi64(i64::from(words[0])), _mm512_set1_epi64(i64::from(words[1]))]
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    fn packs<const COUNT: usize>(counter: i64, row: &Row, out: &mut [[f32; PACK]; COUNT]) {
        let multipliers = both(MULTIPLIERS);
        let [first_key, last] = both([row.first_key, row.last]);
        let second = both(row.second);
        let lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
        let mut words = [[_mm512_setzero_si512(); 4]; COUNT];
        for (pack, words) in words.iter_mut().enumerate() {
            let counters = _mm512_add_epi64(lanes, _mm512_set1_epi64(counter + (pack * LANES) as i64));
            let product = _mm512_mul_epu32(counters, multipliers[0]);
            let mixed = _mm512_xor_si512(_mm512_srli_epi64::<32>(product), first_key);
            let next = _mm512_mul_epu32(mixed, multipliers[1]);
            let upper = _mm512_srli_epi64::<32>(next);
            *words = [_mm512_xor_si512(upper, second[0]), next, _mm512_xor_si512(product, second[1]), last];
        }
        let mut key = row.key;
        for _ in 2..ROUNDS {
            let keys = both(key);
            for words in &mut words {
                let product_0 = _mm512_mul_epu32(words[0], multipliers[0]);
                let product_1 = _mm512_mul_epu32(words[2], multipliers[1]);
                // 0x96 is the exclusive or of three.
                let mixed_0 = _mm512_ternarylogic_epi64::<0x96>(_mm512_srli_epi64::<32>(product_1), words[1], keys[0]);
                let mixed_1 = _mm512_ternarylogic_epi64::<0x96>(_mm512_srli_epi64::<32>(product_0), words[3], keys[1]);
                *words = [mixed_0, product_1, mixed_1, product_0];
            }
            key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
        }
        for (pack, normals) in out.iter_mut().enumerate() {
            let words = &words[pack];
            // The lower halves of words 2 and 3 go above those of words 0 and 1.
            let for_radius = _mm512_mask_shuffle_epi32::<0xA0>(words[0], 0xAAAA, words[2]);
            let for_angle = _mm512_mask_shuffle_epi32::<0xA0>(words[1], 0xAAAA, words[3]);
            let [first, second] = box_muller(for_radius, for_angle);
            // SAFETY: the place holds twice 16 numbers.
            unsafe {
                _mm512_storeu_ps(normals.as_mut_ptr(), first);
                _mm512_storeu_ps(normals.as_mut_ptr().add(PACK / 2), second);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    fn polynomial<const TERMS: usize>(coefficients: [f32; TERMS], x: __m512) -> __m512 {
        let mut sum = _mm512_set1_ps(coefficients[0]);
        for coefficient in &coefficients[1..] {
            sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(*coefficient));
        }
        sum
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    fn ln(x: __m512) -> __m512 {
        let root = _mm512_set1_epi32(SQRT_HALF_BITS as i32);
        let offset = _mm512_sub_epi32(_mm512_castps_si512(x), root);
        let exponent = _mm512_cvtepi32_ps(_mm512_srai_epi32::<23>(offset));
        let mantissa = _mm512_add_epi32(_mm512_and_si512(offset, _mm512_set1_epi32(MANTISSA as i32)), root);
        let f = _mm512_sub_ps(_mm512_castsi512_ps(mantissa), _mm512_set1_ps(1.0));
        let p = polynomial(coefficients::LN, f);
        let square = _mm512_mul_ps(f, f);
        let low = _mm512_fmadd_ps(p, _mm512_mul_ps(f, square), _mm512_mul_ps(_mm512_set1_ps(-0.5), square));
        let low = _mm512_fmadd_ps(exponent, _mm512_set1_ps(LN2[1]), low);
        _mm512_fmadd_ps(exponent, _mm512_set1_ps(LN2[0]), _mm512_add_ps(low, f))
    }

    /// As the plain one, operation by operation, so that both give the same bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    fn box_muller(for_radius: __m512i, for_angle: __m512i) -> [__m512; 2] {
        let (small, smallest) = (_mm512_set1_ps(TWO_TO_MINUS_31), _mm512_set1_ps(TWO_TO_MINUS_32));
        let uniform = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_srli_epi32::<1>(for_radius)), small, smallest);
        let squared = _mm512_mul_ps(_mm512_set1_ps(-2.0), ln(uniform));
        let radius = _mm512_sqrt_ps(_mm512_max_ps(squared, _mm512_setzero_ps()));

        let quarter = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_slli_epi32::<2>(for_angle)), smallest);
        let square = _mm512_mul_ps(quarter, quarter);
        let sine = _mm512_mul_ps(polynomial(coefficients::SINE, square), quarter);
        let cosine = polynomial(coefficients::COSINE, square);
        let odd = _mm512_test_epi32_mask(for_angle, _mm512_set1_epi32(1 << 30));
        let first_sign = _mm512_xor_si512(for_angle, _mm512_slli_epi32::<1>(for_angle));
        let signed = |value: __m512, sign: __m512i| {
            // 0x78 is `value ^ (sign & top)`.
            let top = _mm512_set1_epi32(i32::MIN);
            let bits = _mm512_ternarylogic_epi32::<0x78>(_mm512_castps_si512(value), sign, top);
            _mm512_mul_ps(radius, _mm512_castsi512_ps(bits))
        };
        [
            signed(_mm512_mask_blend_ps(odd, cosine, sine), first_sign),
            signed(_mm512_mask_blend_ps(odd, sine, cosine), for_angle),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::philox::philox;

    #[test]
    fn words_are_those_of_philox() {
        for (key, upper) in [([0, 0], [0, 0, 0]), ([0xa409_3822, 0x299f_31d0], [0x85a3_08d3, 0x1319_8a2e, 0x0370_7344])]
        {
            let row = Row::new(key, upper);
            let found = plain::words(40, &row);
            for lane in 0..LANES {
                let expected = philox::<ROUNDS>([40 + lane as u32, upper[0], upper[1], upper[2]], key);
                assert_eq!(found.map(|word| word[lane]), expected);
            }
        }
    }

    #[test]
    fn with_fused_arithmetic_every_level_gives_the_same_bits() {
        let fused: Vec<Level> = Level::available().into_iter().skip(1).collect();
        for length in [1, 3, 17, 31, 32, 33, 64, 100, 127, 128, 129, 300, 1000] {
            let rows: Vec<Vec<f32>> = fused
                .iter()
                .map(|level| {
                    let mut row = vec![f32::NAN; length];
                    fill(*level, &mut row, [5, 6], [1, 2, 3]);
                    row
                })
                .collect();
            assert!(rows.windows(2).all(|pair| pair[0] == pair[1]), "{length}");
        }
    }
}
