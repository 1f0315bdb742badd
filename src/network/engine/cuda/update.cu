// How weights follow their gradients: network/optimizer.rs, with what the weights themselves cost (regularisation.rs).

DEVICE float clipped(float gradient, float limit) {
    return gradient < -limit ? -limit : gradient > limit ? limit : gradient;
}

// What `parts` has of each part of the parameters that trains, in their order: from where to where among all, what the
// absolute values cost and what half the sum of squares does, and whether leaving the initial values costs, too.
#define PART_FROM 0
#define PART_END 1
#define PART_L1 2
#define PART_L2 3
#define PART_HELD 4
#define PART_WORDS 5

// Moves all parameters, a thread each, as Adam in TensorFlow's form has it, or down the gradient where there are no `means`.
// Nothing moves after a cost that was not finite. `penalties`, where there are any, are on leaving `initial`.
KERNEL(update, 256)
(float *values, const float *gradients, float *means, float *squares, const float *initial, const float *penalties,
 const float *status, const float *parts, int part_count, int count, float rate, float limit) {
    const place_t index = global_index(256);
    if (index >= count || status[0] != 0.0f) return;
    for (; part_count > 0 && index >= word(parts, PART_END); --part_count) parts += PART_WORDS;
    if (part_count == 0 || index < word(parts, PART_FROM)) return;
    const float value = values[index];
    const float sign = value == 0.0f ? 0.0f : value < 0.0f ? -1.0f : 1.0f;
    float gradient = gradients[index] + parts[PART_L1] * sign + parts[PART_L2] * value;
    if (penalties && word(parts, PART_HELD)) gradient += 2.0f * penalties[index] * (value - initial[index]);
    gradient = clipped(gradient, limit);
    if (!means) {
        values[index] = value - rate * gradient;
        return;
    }
    const float mean = 0.9f * means[index] + 0.1f * gradient;
    const float square = 0.999f * squares[index] + 0.001f * (gradient * gradient);
    means[index] = mean;
    squares[index] = square;
    values[index] = value - rate * (mean / (sqrtf(square) + 1e-8f));
}
