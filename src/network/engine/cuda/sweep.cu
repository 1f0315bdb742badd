// A network over all time steps: a block runs a few trials from the first step to the last, and back.

// The rows of a block's trials in an array (time, trial, …) of rows of `width`, at a time.
DEVICE Rows rows_at(float *array, int width, int trials, int time, int first) {
    return Rows{array + ((place_t)time * trials + first) * width, width};
}

// Rates before the first step, (time + 1, trial, unit) with zeros at time 0, and gates, (time, trial, gate): inputs,
// biases and noise. What step t keeps stands at time t + 1 of `kept`, behind zeros.
KERNEL(forward, THREADS)
(float *rates, float *gates, float *kept, const float *first_weights, const float *second_weights, int units,
 int gate_width, int kept_width, int steps, int trials, int of_block, int activation, float first_number,
 float second_number) {
    const int first = block_index() * of_block;
    Step now = {};
    now.trials = smaller(of_block, trials - first);
    now.units = units;
    now.activation = activation;
    now.first_number = first_number;
    now.second_number = second_number;
    now.first_weights = first_weights;
    now.second_weights = second_weights;
    now.before = rows_at(rates, units, trials, 0, first);
    now.kept_before = rows_at(kept, kept_width, trials, 0, first);
    each_unit(now, [&](int trial, int unit) {
        now.before.row(trial)[unit] = 0.0f;
        for (int place = unit; place < kept_width; place += units) now.kept_before.row(trial)[place] = 0.0f;
    });
    BARRIER();
    for (int time = 0; time < steps; ++time) {
        now.is_first = time == 0;
        now.before = rows_at(rates, units, trials, time, first);
        now.after = rows_at(rates, units, trials, time + 1, first);
        now.gates = rows_at(gates, gate_width, trials, time, first);
        now.kept_before = rows_at(kept, kept_width, trials, time, first);
        now.kept = rows_at(kept, kept_width, trials, time + 1, first);
        Cell::forward(now);
        BARRIER();
    }
}

// Back through time after `forward`: gates become the gradients by pre-activations. `added`, (time, trial, unit), is what
// the cost itself adds to the gradient by the rates; `gradient` and `carried` have a row a trial. Weights are transposed.
KERNEL(backward, THREADS)
(float *rates, float *gates, float *kept, float *added, float *gradient, float *carried, const float *first_weights,
 const float *second_weights, int units, int gate_width, int kept_width, int steps, int trials, int of_block,
 int activation, float first_number, float second_number) {
    const int first = block_index() * of_block;
    Step now = {};
    now.trials = smaller(of_block, trials - first);
    now.units = units;
    now.activation = activation;
    now.first_number = first_number;
    now.second_number = second_number;
    now.first_weights = first_weights;
    now.second_weights = second_weights;
    now.gradient = rows_at(gradient, units, trials, 0, first);
    now.carried = rows_at(carried, units, trials, 0, first);
    each_unit(now, [&](int trial, int unit) {
        now.gradient.row(trial)[unit] = 0.0f;
        now.carried.row(trial)[unit] = 0.0f;
    });
    for (int time = steps - 1; time >= 0; --time) {
        if (time + 1 < steps) {
            const Rows later = now.gates.from(Cell::first_recurrent(units));
            multiply(now.gradient, units, Cell::remains(now), later, Cell::recurrent(units), first_weights, now.trials);
        }
        now.is_first = time == 0;
        now.before = rows_at(rates, units, trials, time, first);
        now.after = rows_at(rates, units, trials, time + 1, first);
        now.gates = rows_at(gates, gate_width, trials, time, first);
        now.kept_before = rows_at(kept, kept_width, trials, time, first);
        now.kept = rows_at(kept, kept_width, trials, time + 1, first);
        const Rows of_cost = rows_at(added, units, trials, time, first);
        each_unit(now, [&](int trial, int unit) { now.gradient.row(trial)[unit] += of_cost.row(trial)[unit]; });
        Cell::backward(now);
        BARRIER();
    }
}
