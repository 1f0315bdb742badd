// From the outputs' pre-activations to outputs, their cost, and the gradient by the pre-activations.
#define LEAST_SQUARES 0

DEVICE float graded_by_squares(float *values, const float *targets, const float *mask, float *gradient, int outputs,
                               float scale) {
    float cost = 0.0f;
    for (int k = 0; k < outputs; ++k) {
        const float value = sigmoid(values[k]);
        values[k] = value;
        if (!targets) continue;
        const float difference = (value - targets[k]) * mask[k];
        cost = fmaf(difference, difference, cost);
        if (gradient) gradient[k] = 2.0f * scale * difference * mask[k] * value * (1.0f - value);
    }
    return cost;
}

// The cost takes the logarithms themselves: those of outputs that vanish would be lost.
DEVICE float graded_by_entropy(float *values, const float *targets, const float *mask, float *gradient, int outputs,
                               float scale) {
    float highest = values[0], total = 0.0f, cost = 0.0f, of_targets = 0.0f;
    for (int k = 1; k < outputs; ++k) highest = values[k] > highest ? values[k] : highest;
    for (int k = 0; k < outputs; ++k) total += exp_of_negative(values[k] - highest);
    const float shift = highest + logarithm(total);
    for (int k = 0; k < outputs; ++k) {
        const float exponent = values[k] - shift;
        values[k] = exp_of_negative(exponent);
        if (targets) {
            cost = fmaf(-targets[k], exponent, cost);
            of_targets += targets[k];
        }
    }
    if (gradient)
        for (int k = 0; k < outputs; ++k) gradient[k] = scale * *mask * fmaf(of_targets, values[k], -targets[k]);
    return targets ? *mask * cost : 0.0f;
}

// Turns pre-activations, a row of outputs a thread, into outputs, in place. With `targets`, `costs` takes what each row
// costs, not yet divided; with `gradient`, that takes `scale` times the gradient by the pre-activations.
KERNEL(grade, 128)
(float *values, const float *targets, const float *mask, float *gradient, float *costs, int rows, int outputs, int loss,
 float scale) {
    const place_t row = global_index(128);
    if (row >= rows) return;
    const int mask_width = loss == LEAST_SQUARES ? outputs : 1;
    values += row * outputs;
    if (targets) targets += row * outputs;
    if (mask) mask += row * mask_width;
    if (gradient) gradient += row * outputs;
    const float cost = loss == LEAST_SQUARES ? graded_by_squares(values, targets, mask, gradient, outputs, scale)
                                             : graded_by_entropy(values, targets, mask, gradient, outputs, scale);
    if (targets) costs[row] = cost;
}

// What the rates themselves cost, a row of units a thread.
KERNEL(activity_cost, 128)(const float *rates, float *costs, int rows, int units, float l1, float l2) {
    const place_t row = global_index(128);
    if (row >= rows) return;
    double sum = 0.0, squares = 0.0;
    for (int unit = 0; unit < units; ++unit) {
        const float rate = rates[row * units + unit];
        sum += magnitude(rate);
        squares += (double)rate * rate;
    }
    costs[row] = (float)(l1 * sum + 0.5 * l2 * squares);
}

// Adds what the rates themselves cost to the gradient by them.
KERNEL(activity_gradient, 256)(float *added, const float *rates, int rows, int units, float l1, float l2) {
    const place_t index = global_index(256);
    if (index >= (place_t)rows * units) return;
    const float rate = rates[index];
    const float sign = rate == 0.0f ? 0.0f : rate < 0.0f ? -1.0f : 1.0f;
    added[index] += l1 * sign + l2 * rate;
}

// The sum of a column of numbers, by one block, always in the same order; a large and a small part.
DEVICE void sum_of(const float *costs, int rows, float *out) {
    SHARED double sums[256];
    const int thread = thread_index();
    double sum = 0.0;
    if (costs)
        for (int row = thread; row < rows; row += 256) sum += costs[row];
    sums[thread] = sum;
    BARRIER();
    if (thread == 0) {
        for (int k = 1; k < 256; ++k) sum += sums[k];
        out[0] = (float)sum;
        out[1] = is_finite((float)sum) ? (float)(sum - (double)out[0]) : 0.0f;
    }
    BARRIER();
}

// The whole cost: `out` takes that of the task and that of the rates (`rates` may be none), two parts each. With
// `status`, the first cost that is not finite is noted there: 1, the step, the task's and the rates' cost.
KERNEL(sum_costs, 256)(const float *task, const float *rates, int rows, float *out, float *status, float step) {
    sum_of(task, rows, out);
    sum_of(rates, rows, out + 2);
    if (thread_index() == 0 && status && status[0] == 0.0f && !(is_finite(out[0]) && is_finite(out[2]))) {
        status[0] = 1.0f;
        status[1] = step;
        status[2] = out[0];
        status[3] = out[2];
    }
}
