// How weights follow their gradients: network/optimizer.rs, with what the weights themselves cost (regularisation.rs).

DEVICE float clipped(float gradient, float limit) {
    return gradient < -limit ? -limit : gradient > limit ? limit : gradient;
}

// Moves a parameter's values, as Adam in TensorFlow's form has it, or down the gradient where there are no `means`.
// Nothing moves after a cost that was not finite. `l1` is of the mean, `l2` of half the sum of squares; `penalties`, where
// there are any, are on leaving `initial`.
KERNEL(update, 256)
(float *values, const float *gradients, float *means, float *squares, const float *initial, const float *penalties,
 const float *status, int count, float l1, float l2, float rate, float limit) {
    const place_t index = global_index(256);
    if (index >= count || status[0] != 0.0f) return;
    const float value = values[index];
    const float sign = value == 0.0f ? 0.0f : value < 0.0f ? -1.0f : 1.0f;
    float gradient = gradients[index] + l1 * sign + l2 * value;
    if (penalties) gradient += 2.0f * penalties[index] * (value - initial[index]);
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
