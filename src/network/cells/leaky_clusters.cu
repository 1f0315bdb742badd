// Leaky rates with the recurrent weights in registers, on cards with clusters of blocks (compute capability 9.0 on): a
// cluster runs a few trials from the first step to the last, and reads the weights once.
//
// UNITS and BLOCKS are defined ahead: for networks of up to so many units, and the blocks of a cluster. Each block keeps
// UNITS/BLOCKS columns of the matrix; of a step only the rates cross between blocks, by stores into each other's shared
// memory that a barrier there counts. Two buffers of rates suffice: a block sends those of step s + 1 only when it has all
// of step s, and so after everyone has read those of step s − 1.

#define SWEEP_THREADS 512
#define WARPS 16
#define COLUMNS (UNITS / BLOCKS)       // of a block
#define OF_WARP (COLUMNS / WARPS)      // columns of a warp
#define ROWS (UNITS / 32)              // rows of a lane: four and four neighbours, 128 apart

// Sums `count` numbers over the lanes of a warp; lane l is left with the sum of number l / (32 / count), each exchange
// halving what a lane still holds.
template <int count, int step, int all> DEVICE void sum_over_lanes(float (&sums)[all], int lane) {
    if constexpr (count > 1) {
        const bool upper = lane & step;
        UNROLL
        for (int k = 0; k < count / 2; ++k) {
            const float send = upper ? sums[k] : sums[k + count / 2], keep = upper ? sums[k + count / 2] : sums[k];
            sums[k] = keep + from_lane_across(send, step);
        }
        if constexpr (step > 1) sum_over_lanes<count / 2, step / 2>(sums, lane);
    } else {
        sums[0] += from_lane_across(sums[0], step);
        if constexpr (step > 1) sum_over_lanes<1, step / 2>(sums, lane);
    }
}

// Forward, `matrix` (from unit, to unit) is the recurrent weights, `drive` the gates, into which the slopes go as well, and
// `rates` has a row of zeros to come at time 0. Going back, `matrix` is their transpose, `drive` what the cost adds to the
// gradient by the rates, and `gates` turn from slopes into gradients by pre-activations.
template <int TRIALS, bool BACK>
DEVICE void sweep_in_registers(const float *matrix, const float *drive, float *gates, float *rates, int units, int steps,
                               int trials, int activation, float alpha) {
    constexpr int SUMS = TRIALS * OF_WARP, SHARE = 32 / SUMS;
    CLUSTER_SHARED(float, buffers, [2][TRIALS][UNITS]);
    CLUSTER_SHARED(counter_t, counters, [2]);
    const int rank = block_in_cluster(), warp = thread_index() / 32, lane = thread_index() % 32;
    const int first_column = rank * COLUMNS + warp * OF_WARP;
    float weights[ROWS][OF_WARP];
    UNROLL
    for (int row = 0; row < ROWS; ++row) {
        UNROLL
        for (int column = 0; column < OF_WARP; ++column) {
            const int from = row / 4 * 128 + lane * 4 + row % 4, to = first_column + column;
            weights[row][column] = from < units && to < units ? matrix[from * units + to] : 0.0f;
        }
    }
    // What this lane is left with of the sums: one unit of one trial, the same for SHARE lanes.
    const int item = lane / SHARE, mine = item / OF_WARP, unit = first_column + item % OF_WARP, share = lane % SHARE;
    const int trial = block_index() / BLOCKS * TRIALS + mine;
    const bool there = trial < trials && unit < units;
    for (int k = thread_index(); k < TRIALS * UNITS; k += SWEEP_THREADS) (&buffers[0][0][0])[k] = 0.0f;
    if (thread_index() == 0) {
        start_counter(&counters[0]);
        start_counter(&counters[1]);
    }
    const place_t stride = (place_t)trials * units, base = (place_t)trial * units + unit;
    if (!BACK && there && share == 0) rates[base] = 0.0f;
    float state = 0.0f;
    place_t at = base + (BACK ? (steps - 1) * stride : 0);
    float next_drive = there ? drive[at] : 0.0f, next_slope = BACK && there ? gates[at] : 0.0f;
    CLUSTER_BARRIER();
    for (int step = 0; step < steps; ++step) {
        const int now = step & 1;
        if (step > 0) wait_for(&counters[now], (step - 1) >> 1 & 1);
        if (thread_index() == 0 && step + 1 < steps) expect_numbers(&counters[now ^ 1], TRIALS * UNITS);
        const float input = next_drive, kept_slope = next_slope;
        const place_t here = at;
        at += BACK ? -stride : stride;
        if (step + 1 < steps && there) {
            next_drive = drive[at];
            if (BACK) next_slope = gates[at];
        }
        float sums[SUMS];
        UNROLL
        for (int k = 0; k < SUMS; ++k) sums[k] = 0.0f;
        UNROLL
        for (int r = 0; r < TRIALS; ++r) {
            UNROLL
            for (int four = 0; four < ROWS / 4; ++four) {
                const Four left = four_at(&buffers[now][r][four * 128 + lane * 4]);
                UNROLL
                for (int column = 0; column < OF_WARP; ++column) {
                    float &sum = sums[r * OF_WARP + column];
                    sum = fmaf(left.x, weights[four * 4][column], sum);
                    sum = fmaf(left.y, weights[four * 4 + 1][column], sum);
                    sum = fmaf(left.z, weights[four * 4 + 2][column], sum);
                    sum = fmaf(left.w, weights[four * 4 + 3][column], sum);
                }
            }
        }
        sum_over_lanes<SUMS, 16>(sums, lane);
        float value;
        if (BACK) {
            state = fmaf(1.0f - alpha, state, sums[0] + input);
            value = alpha * state * kept_slope;
        } else {
            float slope;
            const float rate = activate(activation, input + sums[0], slope);
            state = fmaf(alpha, rate, (1.0f - alpha) * state);
            value = state;
            if (share == 0 && there) gates[here] = slope;
        }
        // Units that the network does not have stay silent, whatever their rate would be.
        if (!there) value = 0.0f;
        if (share == 0 && there) {
            if (BACK) gates[here] = value;
            else rates[stride + here] = value;
        }
        if (step + 1 < steps) {
            UNROLL
            for (int block = 0; block < BLOCKS; ++block) {
                if (share == block % SHARE)
                    SEND(value, buffers, &buffers[now ^ 1][mine][unit], counters, &counters[now ^ 1], block);
            }
        }
    }
    // No block leaves while another may still write into it.
    CLUSTER_BARRIER();
}

#define SWEEP_ARGUMENTS                                                                                              \
    (const float *matrix, const float *drive, float *gates, float *rates, int units, int steps, int trials,          \
     int activation, float alpha)

CLUSTER_KERNEL(forward_one, SWEEP_THREADS, BLOCKS) SWEEP_ARGUMENTS {
    sweep_in_registers<1, false>(matrix, drive, gates, rates, units, steps, trials, activation, alpha);
}
CLUSTER_KERNEL(forward_four, SWEEP_THREADS, BLOCKS) SWEEP_ARGUMENTS {
    sweep_in_registers<4, false>(matrix, drive, gates, rates, units, steps, trials, activation, alpha);
}
CLUSTER_KERNEL(backward_one, SWEEP_THREADS, BLOCKS) SWEEP_ARGUMENTS {
    sweep_in_registers<1, true>(matrix, drive, gates, rates, units, steps, trials, activation, alpha);
}
CLUSTER_KERNEL(backward_four, SWEEP_THREADS, BLOCKS) SWEEP_ARGUMENTS {
    sweep_in_registers<4, true>(matrix, drive, gates, rates, units, steps, trials, activation, alpha);
}
