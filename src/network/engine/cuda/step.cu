// A time step of the few trials that a block runs: what a cell's steps are made of.
#define COLUMNS 128           // columns of a product that are made at once
#define SLICES 4              // parts that the sum of each is cut into
#define THREADS 512           // COLUMNS · SLICES
#define TRIALS 4              // trials of a block, at most: as many as are read at once
#define CHUNK 512             // factors on the left that are at hand at once

// A row a trial.
struct Rows {
    float *begin;
    int stride;
    DEVICE_MEMBER float *row(int trial) const { return begin + (place_t)trial * stride; }
    DEVICE_MEMBER Rows from(int column) const { return Rows{begin + column, stride}; }
};

// What a cell has in hand at a step. Going forward: `before`, `kept_before` and `gates`, in which inputs, biases and noise
// stand already; it writes `after`, `kept`, and to `gates` what the way back needs of them. Going back: all of these, and
// the gradient by `after` in `gradient`; it writes the gradients by the pre-activations to `gates`, what of `gradient`
// goes past them to `gradient`, and passes `carried` on from step to step.
struct Step {
    int trials, units, activation;
    bool is_first;
    float first_number, second_number;  // the cell's own
    const float *first_weights, *second_weights;  // its recurrent matrices; going back, their transposes
    Rows before, after, gates, kept_before, kept, gradient, carried;
};

// `pass(trial, unit)` for all of them, each pair always on the same thread.
template <class Pass> DEVICE void each_unit(const Step &now, Pass pass) {
    for (int place = thread_index(); place < now.trials * now.units; place += THREADS)
        pass(place / now.units, place % now.units);
}

// out[trial][column] = keep·out[trial][column] + Σ left[trial][k]·right[k][column]. A barrier must stand before, if other
// threads wrote to `left`, and behind, before other threads read `out`.
DEVICE void multiply(Rows out, int columns, float keep, Rows left, int inner, const float *right, int trials) {
    SHARED float at_hand[CHUNK][TRIALS];
    SHARED float parts[SLICES][TRIALS][COLUMNS];
    const int thread = thread_index(), lane = thread % COLUMNS, slice = thread / COLUMNS;
    for (int first = 0; first < columns; first += COLUMNS) {
        const int column = first + lane;
        float sums[TRIALS] = {};
        for (int begin = 0; begin < inner; begin += CHUNK) {
            const int count = smaller(CHUNK, inner - begin);
            if (first == 0 || inner > CHUNK) {
                BARRIER();
                for (int k = thread; k < TRIALS * CHUNK; k += THREADS) {
                    const int trial = k / CHUNK, place = k % CHUNK;
                    at_hand[place][trial] = trial < trials && place < count ? left.row(trial)[begin + place] : 0.0f;
                }
                BARRIER();
            }
            const int share = (count + SLICES - 1) / SLICES, end = smaller(count, (slice + 1) * share);
            if (column < columns) {
                const float *weight = right + (place_t)(begin + slice * share) * columns + column;
#pragma unroll 8
                for (int k = slice * share; k < end; ++k, weight += columns) {
                    const Four of_trials = four_at(at_hand[k]);
                    sums[0] = fmaf(of_trials.x, *weight, sums[0]);
                    sums[1] = fmaf(of_trials.y, *weight, sums[1]);
                    sums[2] = fmaf(of_trials.z, *weight, sums[2]);
                    sums[3] = fmaf(of_trials.w, *weight, sums[3]);
                }
            }
        }
        UNROLL
        for (int trial = 0; trial < TRIALS; ++trial) parts[slice][trial][lane] = sums[trial];
        BARRIER();
        for (int k = thread; k < TRIALS * COLUMNS; k += THREADS) {
            const int trial = k / COLUMNS, place = k % COLUMNS;
            if (trial >= trials || first + place >= columns) continue;
            float sum = 0.0f;
            UNROLL
            for (int part = 0; part < SLICES; ++part) sum += parts[part][trial][place];
            float *to = out.row(trial) + first + place;
            *to = keep == 0.0f ? sum : fmaf(keep, *to, sum);
        }
        // The next columns' parts go where these stood.
        BARRIER();
    }
}
