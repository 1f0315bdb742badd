// Adds noise to the first `units` columns of (time, trial) rows of gates, `width` apart; a thread a counter.
KERNEL(add_noise, 256)
(float *gates, int width, int units, int steps, int trials, float deviation, unsigned first_key, unsigned second_key,
 unsigned step) {
    const int counters = counters_for(units);
    const place_t index = global_index(256), row = index / counters;
    if (row >= (place_t)steps * trials) return;
    const int counter = index % counters;
    float normals[4];
    four_normals(counter, row / trials, row % trials, step, first_key, second_key, normals);
    for (int k = 0; k < 4; ++k) {
        const int unit = place_of_normal(counter, k);
        if (unit < units) gates[row * width + unit] = fmaf(deviation, normals[k], gates[row * width + unit]);
    }
}
