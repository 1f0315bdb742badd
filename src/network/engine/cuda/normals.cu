// The crate's noise, number by number as numerics/normals.rs has it: Philox 4×32 with seven rounds, and Box–Muller. A
// counter gives four normals, which stand in a pack of 32 at 2l, 2l + 1, 16 + 2l and 17 + 2l for the pack's counter l.
#define PACK 32
#define COUNTERS 8

struct Words {
    unsigned at[4];
};

DEVICE Words philox(Words counter, unsigned first_key, unsigned second_key) {
    for (int round = 0; round < 7; ++round) {
        const unsigned long long first = (unsigned long long)counter.at[0] * 0xD2511F53u;
        const unsigned long long second = (unsigned long long)counter.at[2] * 0xCD9E8D57u;
        counter = Words{{(unsigned)(second >> 32) ^ counter.at[1] ^ first_key, (unsigned)second,
                         (unsigned)(first >> 32) ^ counter.at[3] ^ second_key, (unsigned)first}};
        first_key += 0x9E3779B9u;
        second_key += 0xBB67AE85u;
    }
    return counter;
}

// Two independent standard normals from two uniform words. The angle's top two bits are the quadrant.
DEVICE void box_muller(unsigned for_radius, unsigned for_angle, float &first, float &second) {
    const float uniform = fmaf((float)(int)(for_radius >> 1), 4.656613e-10f, 2.3283064e-10f);
    const float squared = -2.0f * logarithm(uniform);
    const float radius = sqrtf(squared > 0.0f ? squared : 0.0f);
    const float quarter = (float)(int)(for_angle << 2) * 2.3283064e-10f;
    const float square = quarter * quarter;
    float sine = fmaf(-4.601658e-3f, square, 7.968003e-2f);
    sine = fmaf(sine, square, -6.459635e-1f);
    sine = fmaf(sine, square, 1.57079633f) * quarter;
    float cosine = fmaf(-2.0398581e-2f, square, 2.5359493e-1f);
    cosine = fmaf(cosine, square, -1.2336967f);
    cosine = fmaf(cosine, square, 9.9999994e-1f);
    const bool odd = for_angle & (1u << 30);
    const unsigned first_sign = (for_angle ^ (for_angle << 1)) & (1u << 31), second_sign = for_angle & (1u << 31);
    first = radius * float_of(bits_of(odd ? sine : cosine) ^ first_sign);
    second = radius * float_of(bits_of(odd ? cosine : sine) ^ second_sign);
}

// Counters for a row of normals.
DEVICE int counters_for(int normals) { return (normals / PACK + (normals % PACK != 0)) * COUNTERS; }

// The place in a row of a counter's normal.
DEVICE int place_of_normal(int counter, int normal) {
    return counter / COUNTERS * PACK + 2 * (counter % COUNTERS) + normal % 2 + normal / 2 * (PACK / 2);
}

// The four normals of a counter.
DEVICE void four_normals(unsigned counter, unsigned time, unsigned trial, unsigned step, unsigned first_key,
                         unsigned second_key, float *normals) {
    const Words words = philox(Words{{counter, time, trial, step}}, first_key, second_key);
    box_muller(words.at[0], words.at[1], normals[0], normals[2]);
    box_muller(words.at[2], words.at[3], normals[1], normals[3]);
}
