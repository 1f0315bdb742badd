// Long short-term memory: gates in the order i, j, f, o. It keeps the memory, f, and o·act′(c); lstm.rs has the formulas.
struct Cell {
    DEVICE int first_recurrent(int units) { return 0; }
    DEVICE int recurrent(int units) { return 4 * units; }
    DEVICE float remains(const Step &now) { return 0.0f; }

    DEVICE void forward(const Step &now) {
        const int units = now.units;
        if (!now.is_first) multiply(now.gates, 4 * units, 1.0f, now.before, units, now.first_weights, now.trials);
        each_unit(now, [&](int trial, int unit) {
            float *gate = now.gates.row(trial) + unit, *kept = now.kept.row(trial) + unit;
            const float memory = now.kept_before.row(trial)[unit];
            // An untrained network forgets little: 1 is added to what the forget gates receive.
            const float i = sigmoid(gate[0]), f = sigmoid(gate[2 * units] + 1.0f), o = sigmoid(gate[3 * units]);
            float new_slope, rate_slope;
            const float j = activate(now.activation, gate[units], new_slope);
            const float after = fmaf(f, memory, i * j), rate = activate(now.activation, after, rate_slope);
            now.after.row(trial)[unit] = o * rate;
            kept[0] = after;
            kept[units] = f;
            kept[2 * units] = o * rate_slope;
            gate[0] = j * i * (1.0f - i);
            gate[units] = i * new_slope;
            gate[2 * units] = memory * f * (1.0f - f);
            gate[3 * units] = rate * o * (1.0f - o);
        });
    }

    DEVICE void backward(const Step &now) {
        const int units = now.units;
        each_unit(now, [&](int trial, int unit) {
            float *gate = now.gates.row(trial) + unit, *carried = now.carried.row(trial) + unit;
            const float *kept = now.kept.row(trial) + unit;
            const float gradient = now.gradient.row(trial)[unit];
            const float by_memory = fmaf(gradient, kept[2 * units], *carried);
            gate[0] *= by_memory;
            gate[units] *= by_memory;
            gate[2 * units] *= by_memory;
            gate[3 * units] *= gradient;
            *carried = by_memory * kept[units];
        });
    }
};
