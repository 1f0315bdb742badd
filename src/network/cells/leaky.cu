// Leaky rates: one product and one pass, which leaves the slopes f′(z) in the gates. The first number is alpha.
struct Cell {
    DEVICE int first_recurrent(int units) { return 0; }
    DEVICE int recurrent(int units) { return units; }
    DEVICE float remains(const Step &now) { return 1.0f - now.first_number; }

    DEVICE void forward(const Step &now) {
        if (!now.is_first) multiply(now.gates, now.units, 1.0f, now.before, now.units, now.first_weights, now.trials);
        const float alpha = now.first_number;
        each_unit(now, [&](int trial, int unit) {
            float *gate = now.gates.row(trial) + unit;
            float slope;
            const float rate = activate(now.activation, *gate, slope);
            now.after.row(trial)[unit] = fmaf(alpha, rate, (1.0f - alpha) * now.before.row(trial)[unit]);
            *gate = slope;
        });
    }

    DEVICE void backward(const Step &now) {
        const float alpha = now.first_number;
        each_unit(now, [&](int trial, int unit) {
            now.gates.row(trial)[unit] *= alpha * now.gradient.row(trial)[unit];
        });
    }
};
