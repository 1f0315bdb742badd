// Exponentials and their kin, as numerics/mathematics.rs has them: the same polynomials, and a NaN goes on.

// Activations, as the engine numbers them.
#define SOFTPLUS 0
#define RELU 1
#define TANH 2
#define POWER 3
#define RETANH 4
#define ELU 5

// 1.5·2²³: adding it rounds a small number to an integer, which then stands in the low mantissa bits.
#define ROUNDER 12582912.0f
// ln 2 in two parts, the first of which products with small integers represent exactly.
#define LN2_HIGH 0.6933594f
#define LN2_LOW -2.1219444e-4f

// 2ⁿ and eʳ − 1 with eˣ = 2ⁿ·eʳ.
DEVICE float split_exponential(float x, float &minus_one) {
    x = x < -87.3f ? -87.3f : x;
    const float shifted = fmaf(x, 1.44269504f, ROUNDER);
    const float n = shifted - ROUNDER;
    const float r = fmaf(n, -LN2_LOW, fmaf(n, -LN2_HIGH, x));
    float p = fmaf(1.3814613e-3f, r, 8.36871e-3f);
    p = fmaf(p, r, 4.166839e-2f);
    p = fmaf(p, r, 1.6666521e-1f);
    p = fmaf(p, r, 0.49999994f);
    minus_one = fmaf(p, r * r, r);
    return float_of((bits_of(shifted) - bits_of(ROUNDER) + 127u) << 23);
}

// eˣ for x ≤ 0.
DEVICE float exp_of_negative(float x) {
    float minus_one;
    const float scale = split_exponential(x, minus_one);
    return fmaf(scale, minus_one, scale);
}

// eˣ − 1 for x ≤ 0.
DEVICE float expm1_of_negative(float x) {
    float minus_one;
    const float scale = split_exponential(x, minus_one);
    return fmaf(scale, minus_one, scale - 1.0f);
}

DEVICE float magnitude(float z) { return float_of(bits_of(z) & 0x7FFFFFFFu); }

// max(z, 0), a NaN staying one.
DEVICE float rectified(float z) { return z < 0.0f ? 0.0f : z; }

// 1/(1 + e⁻ᶻ).
DEVICE float sigmoid(float z) {
    const float e = exp_of_negative(-magnitude(z));
    const float share = 1.0f / (1.0f + e);
    return z < 0.0f ? e * share : share;
}

DEVICE float hyperbolic_tangent(float z) {
    const float m = expm1_of_negative(-2.0f * magnitude(z));
    return float_of((bits_of(-m / (2.0f + m)) & 0x7FFFFFFFu) | (bits_of(z) & 0x80000000u));
}

// The natural logarithm of a positive normal number.
DEVICE float logarithm(float x) {
    const unsigned offset = bits_of(x) - 0x3F3504F3u;
    const float exponent = (float)((int)offset >> 23);
    const float f = float_of((offset & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
    float p = fmaf(8.700521e-2f, f, -1.4267607e-1f);
    p = fmaf(p, f, 1.4914793e-1f);
    p = fmaf(p, f, -1.6577572e-1f);
    p = fmaf(p, f, 1.996306e-1f);
    p = fmaf(p, f, -2.500134e-1f);
    p = fmaf(p, f, 3.333391e-1f);
    const float square = f * f;
    const float low = fmaf(exponent, LN2_LOW, fmaf(p, f * square, -0.5f * square));
    return fmaf(exponent, LN2_HIGH, low + f);
}

// A unit's rate as a function of its input; `slope` takes its derivative.
DEVICE float softplus(float z, float &slope) {
    const float e = exp_of_negative(-magnitude(z));
    float p = fmaf(5.2326936e-3f, e, -2.950524e-2f);
    p = fmaf(p, e, 7.822596e-2f);
    p = fmaf(p, e, -1.3663247e-1f);
    p = fmaf(p, e, 1.9106008e-1f);
    p = fmaf(p, e, -2.4842982e-1f);
    p = fmaf(p, e, 3.3319098e-1f);
    p = fmaf(p, e, -4.9999493e-1f);
    p = fmaf(p, e, 9.9999994e-1f);
    const float share = 1.0f / (1.0f + e);
    slope = z < 0.0f ? e * share : share;
    return fmaf(e, p, z > 0.0f ? z : 0.0f);
}

DEVICE float activate(int activation, float z, float &slope) {
    if (activation == SOFTPLUS) return softplus(z, slope);
    if (activation == RELU) {
        slope = z > 0.0f ? 1.0f : 0.0f;
        return rectified(z);
    }
    if (activation == POWER) {
        slope = 2.0f * rectified(z);
        return rectified(z) * rectified(z);
    }
    if (activation == ELU) {
        const float negative = z > 0.0f ? 0.0f : z;
        slope = z > 0.0f ? 1.0f : exp_of_negative(negative);
        return z > 0.0f ? z : expm1_of_negative(negative);
    }
    const bool silent = activation == RETANH && !(z > 0.0f);
    const float rate = hyperbolic_tangent(activation == RETANH ? rectified(z) : z);
    slope = silent ? 0.0f : fmaf(-rate, rate, 1.0f);
    return rate;
}
