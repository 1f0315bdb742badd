// A gated recurrent unit; gates stand in the order candidate, reset, update. The share `first + second·u` of a rate is
// renewed in a step, with the cell's two numbers. It keeps r·h and the candidates; leaky_gru.rs has the formulas.
struct Cell {
    DEVICE int first_recurrent(int units) { return units; }
    DEVICE int recurrent(int units) { return 2 * units; }
    DEVICE float remains(const Step &now) { return 1.0f; }

    DEVICE void forward(const Step &now) {
        const int units = now.units;
        if (!now.is_first)
            multiply(now.gates.from(units), 2 * units, 1.0f, now.before, units, now.first_weights, now.trials);
        each_unit(now, [&](int trial, int unit) {
            float *gate = now.gates.row(trial) + unit;
            gate[units] = sigmoid(gate[units]);
            gate[2 * units] = sigmoid(gate[2 * units]);
            now.kept.row(trial)[unit] = gate[units] * now.before.row(trial)[unit];
        });
        BARRIER();
        if (!now.is_first) multiply(now.gates, units, 1.0f, now.kept, units, now.second_weights, now.trials);
        each_unit(now, [&](int trial, int unit) {
            float *gate = now.gates.row(trial) + unit;
            const float before = now.before.row(trial)[unit];
            const float share = fmaf(now.second_number, gate[2 * units], now.first_number);
            float slope;
            const float candidate = activate(now.activation, *gate, slope);
            now.after.row(trial)[unit] = fmaf(share, candidate - before, before);
            now.kept.row(trial)[units + unit] = candidate;
            *gate = slope;
        });
    }

    DEVICE void backward(const Step &now) {
        const int units = now.units;
        each_unit(now, [&](int trial, int unit) {
            float *gate = now.gates.row(trial) + unit, *gradient = now.gradient.row(trial) + unit;
            const float update = gate[2 * units], share = fmaf(now.second_number, update, now.first_number);
            const float change = now.kept.row(trial)[units + unit] - now.before.row(trial)[unit];
            *gate *= share * *gradient;
            gate[2 * units] = now.second_number * *gradient * change * update * (1.0f - update);
            *gradient *= 1.0f - share;
        });
        BARRIER();
        // The candidates are not wanted any more; their place takes the gradient by r·h.
        multiply(now.kept.from(units), units, 0.0f, now.gates, units, now.second_weights, now.trials);
        each_unit(now, [&](int trial, int unit) {
            float *reset = now.gates.row(trial) + units + unit, *gradient = now.gradient.row(trial) + unit;
            const float by_product = now.kept.row(trial)[units + unit];
            *gradient = fmaf(by_product, *reset, *gradient);
            *reset = by_product * now.before.row(trial)[unit] * *reset * (1.0f - *reset);
        });
    }
};
