// Trials of what was drawn of them, number by number as tasks/arrays.rs makes them. `table` has for each trial the words
// below, and then what its response adds to each target of the ring; `events` has for each event the words below, and then
// what it adds to inputs.
#define FIRST_EVENT 0
#define EVENTS 1
#define FIXATION_OFF 2
#define RESPONSE_ON 3
#define USUAL_FROM 4
#define USUAL_UNTIL 5
#define RESPONSE_FROM 6
#define DIVISOR 7
#define TRIAL_HEAD 8

#define ON 0
#define OFF 1
#define FIRST_CHANNEL 2
#define CHANNELS 3
#define EVENT_HEAD 4

// What an input is before noise.
DEVICE float shown(const float *trial, const float *events, int ring, int rule_channel, int time, int channel) {
    float value = channel == rule_channel || (channel == 0 && time < word(trial, FIXATION_OFF)) ? 1.0f : 0.0f;
    const float *event = events + (place_t)word(trial, FIRST_EVENT) * (EVENT_HEAD + ring);
    for (int k = 0; k < word(trial, EVENTS); ++k, event += EVENT_HEAD + ring) {
        const int place = channel - word(event, FIRST_CHANNEL);
        const bool here = place >= 0 && place < word(event, CHANNELS);
        if (here && time >= word(event, ON) && time < word(event, OFF)) value += event[EVENT_HEAD + place];
    }
    return value;
}

// Inputs, (time, trial, channel), of which a trial has so many numbers; a thread a counter of a trial's noise, which runs
// over all of them.
KERNEL(make_inputs, 256)
(float *inputs, const float *table, const float *events, int ring, int rule_channel, int numbers, int trials, int channels,
 float deviation, unsigned first_key, unsigned second_key, unsigned step) {
    const int counters = counters_for(numbers);
    const place_t index = global_index(256);
    if (index >= (place_t)counters * trials) return;
    const int trial = index / counters, counter = index % counters;
    const float *about = table + (place_t)trial * (TRIAL_HEAD + ring);
    float normals[4] = {};
    if (deviation != 0.0f) four_normals(counter, 0, trial, step, first_key, second_key, normals);
    for (int k = 0; k < 4; ++k) {
        const int number = place_of_normal(counter, k);
        if (number >= numbers) continue;
        const int time = number / channels, channel = number % channels;
        const float value = shown(about, events, ring, rule_channel, time, channel);
        inputs[((place_t)time * trials + trial) * channels + channel] = plus_product(value, deviation, normals[k]);
    }
}

// Targets, (time, trial, output), and the mask, one an output or one in all; a thread a target.
KERNEL(make_targets, 256)
(float *targets, float *mask, const float *table, int ring, int rows, int trials, int mask_width, float silent,
 float fixating, float of_response, float of_fixation) {
    const place_t index = global_index(256);
    if (index >= (place_t)rows * (1 + ring)) return;
    const int row = index / (1 + ring), output = index % (1 + ring), time = row / trials;
    const float *about = table + (place_t)(row % trials) * (TRIAL_HEAD + ring);
    const bool responding = time >= word(about, RESPONSE_ON);
    if (output == 0) targets[index] = responding ? silent : fixating;
    else targets[index] = responding ? silent + about[TRIAL_HEAD + output - 1] : silent;
    if (output >= mask_width) return;
    const bool usual = time >= word(about, USUAL_FROM) && time < word(about, USUAL_UNTIL);
    const float cost = (usual ? 1.0f : time >= word(about, RESPONSE_FROM) ? of_response : 0.0f) / about[DIVISOR];
    mask[(place_t)row * mask_width + output] = output == 0 ? of_fixation * cost : cost;
}
