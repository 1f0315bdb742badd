// Runs the kernels' own source on the CPU, for the tests: each thread of a block is a fiber, and each runs until the next
// barrier before any goes on. A block whose threads do not all come to the same barrier is an error, and so is a call
// with arguments that are not the kernel's. The fibers of a block run in order or in reverse, which must change no bit:
// what depends on it is a race between barriers.
#define STAND_IN
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>
#include <vector>

namespace stand_in {

constexpr int MOST_BLOCKS = 8, MOST_THREADS = 8 * 512;
constexpr size_t STACK = 64 * 1024;
// Where a fiber is when it has ended, and when it waits for something else than a barrier of its block.
constexpr int ENDED = 0, ASLEEP = -1;

struct Fiber {
    jmp_buf at;
    char *stack = nullptr;
    // The line of the barrier at which it waits, or one of the above.
    int line = ENDED;
    // Exchanges between lanes, and barriers of the cluster, that it has come to.
    unsigned exchanges = 0, barriers = 0;
};

// What the lanes of a warp show each other; two exchanges may be under way.
struct Warp {
    float shown[2][32];
    unsigned arrived[2];
};

// The fibers of one block, or of all blocks of a cluster.
struct Grid {
    Fiber fibers[MOST_THREADS];
    Warp warps[MOST_THREADS / 32];
    jmp_buf scheduler;
    int current = 0, threads = 0, all_threads = 0;
    unsigned block[3] = {}, at_barrier = 0;
    // Whether something happened that a sleeping fiber may have waited for.
    bool moved = false;
    void (*kernel)(void **) = nullptr;
    void **arguments = nullptr;
};

static thread_local Grid *grid = nullptr;

static Fiber &fiber() { return grid->fibers[grid->current]; }

static void leave(int line) {
    fiber().line = line;
    if (!_setjmp(fiber().at)) _longjmp(grid->scheduler, 1);
}

template <class Condition> static void sleep_until(Condition condition) {
    while (!condition()) leave(ASLEEP);
    grid->moved = true;
}

// A fiber lives for many blocks: it runs the kernel, and then waits for the next block.
static void fiber_main() {
    for (;;) {
        grid->kernel(grid->arguments);
        leave(ENDED);
    }
}

static void resume(int index) {
    grid->current = index;
    if (_setjmp(grid->scheduler)) return;
    Fiber &next = grid->fibers[index];
    if (next.stack) _longjmp(next.at, 1);
    next.stack = (char *)malloc(STACK);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = next.stack;
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, fiber_main, 0);
    setcontext(&context);
}

// Runs one block; a complaint, or none.
static const char *run_block(bool reversed) {
    static thread_local char complaint[128];
    const int threads = grid->threads;
    for (;;) {
        for (int k = 0; k < threads; ++k) resume(reversed ? threads - 1 - k : k);
        const int line = grid->fibers[0].line;
        for (int k = 1; k < threads; ++k) {
            const int other = grid->fibers[k].line;
            if (other == line) continue;
            snprintf(complaint, sizeof complaint, "thread %d waits at line %d, thread 0 at %d", k, other, line);
            return complaint;
        }
        if (line == ENDED) return nullptr;
    }
}

// Runs the blocks of one cluster; a complaint, or none.
static const char *run_cluster(bool reversed) {
    const int threads = grid->all_threads;
    for (int k = 0; k < threads; ++k) {
        grid->fibers[k].line = ASLEEP;
        grid->fibers[k].exchanges = grid->fibers[k].barriers = 0;
    }
    memset(grid->warps, 0, sizeof grid->warps);
    grid->at_barrier = 0;
    for (int left = threads; left > 0;) {
        grid->moved = false;
        for (int k = 0; k < threads; ++k) {
            const int index = reversed ? threads - 1 - k : k;
            if (grid->fibers[index].line == ENDED) continue;
            resume(index);
            if (grid->fibers[index].line != ENDED) continue;
            grid->moved = true;
            --left;
        }
        if (!grid->moved) return "its threads wait for one another for ever";
    }
    return nullptr;
}

static float from_lane_across(float value, int bit) {
    Warp &warp = grid->warps[grid->current / 32];
    const unsigned exchange = fiber().exchanges++, slot = exchange & 1, lane = grid->current % 32;
    warp.shown[slot][lane] = value;
    ++warp.arrived[slot];
    sleep_until([&] { return warp.arrived[slot] >= 32 * (exchange / 2 + 1); });
    return warp.shown[slot][lane ^ bit];
}

static void cluster_barrier() {
    const unsigned barrier = fiber().barriers++;
    ++grid->at_barrier;
    sleep_until([&] { return grid->at_barrier >= grid->all_threads * (barrier + 1); });
}

// Counts what arrives, in turns, as the card's do: a turn is over when its one expectation was stated and met.
struct Counter {
    int missing, unstated, turn;
    void settle() {
        if (missing || unstated) return;
        unstated = 1;
        ++turn;
        grid->moved = true;
    }
};

template <class T> struct Kind;
template <class T> struct Kind<T *> { static constexpr char letter = 'p'; };
template <> struct Kind<int> { static constexpr char letter = 'i'; };
template <> struct Kind<unsigned> { static constexpr char letter = 'u'; };
template <> struct Kind<float> { static constexpr char letter = 'f'; };

template <auto kernel> struct Caller;
template <class... A, void (*kernel)(A...)> struct Caller<kernel> {
    template <size_t... k> static void call(void **arguments, std::index_sequence<k...>) {
        kernel(*(A *)arguments[k]...);
    }
    static void run(void **arguments) { call(arguments, std::index_sequence_for<A...>{}); }
    static bool takes(const char *kinds) {
        const char own[] = {Kind<A>::letter..., 0};
        return strcmp(own, kinds) == 0;
    }
};

struct Entry {
    const char *name;
    int threads, cluster;
    void (*run)(void **);
    bool (*takes)(const char *);
};

static const char *run(const Entry &entry, const unsigned *blocks, void **arguments, bool reversed) {
    if (!grid) grid = new Grid;
    const int together = entry.cluster ? entry.cluster : 1;
    if (blocks[0] % together) return "its blocks are not whole clusters";
    grid->kernel = entry.run;
    grid->arguments = arguments;
    grid->threads = entry.threads;
    grid->all_threads = entry.threads * together;
    unsigned *block = grid->block;
    for (block[2] = 0; block[2] < blocks[2]; ++block[2])
        for (block[1] = 0; block[1] < blocks[1]; ++block[1])
            for (block[0] = 0; block[0] < blocks[0]; block[0] += together)
                if (const char *complaint = entry.cluster ? run_cluster(reversed) : run_block(reversed))
                    return complaint;
    return nullptr;
}

}  // namespace stand_in

#define KERNEL(name, threads) CLUSTER_KERNEL(name, threads, 0)
#define CLUSTER_KERNEL(name, threads, blocks)                                     \
    static constexpr int name##_threads = threads, name##_cluster = blocks;       \
    static void name
#define ENTRY(name) {#name, name##_threads, name##_cluster, stand_in::Caller<name>::run, stand_in::Caller<name>::takes},
#define DEVICE static inline
#define DEVICE_MEMBER inline
#define SHARED static thread_local
#define BARRIER() stand_in::leave(__LINE__)
#define UNROLL

DEVICE int thread_index() { return stand_in::grid->current % stand_in::grid->threads; }
DEVICE int block_in_cluster() { return stand_in::grid->current / stand_in::grid->threads; }
DEVICE int block_index() { return stand_in::grid->block[0] + block_in_cluster(); }
DEVICE int block_row() { return stand_in::grid->block[1]; }
DEVICE int block_layer() { return stand_in::grid->block[2]; }
DEVICE unsigned bits_of(float value) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    return bits;
}
DEVICE float float_of(unsigned bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
DEVICE float plus_product(float sum, float factor, float number) { return sum + factor * number; }

// Each block of a cluster has its own; the reference is to that of the block that asks.
#define CLUSTER_SHARED(type, name, extents)                                     \
    static thread_local type name##_of_blocks[stand_in::MOST_BLOCKS] extents;   \
    type(&name) extents = name##_of_blocks[block_in_cluster()]
#define CLUSTER_BARRIER() stand_in::cluster_barrier()
#define IN_BLOCK(place, array, block) \
    ((char *)(place) - (char *)array##_of_blocks[block_in_cluster()] + (char *)array##_of_blocks[block])
#define SEND(value, array, place, counter_array, counter, block) \
    send(value, (float *)IN_BLOCK(place, array, block), (counter_t *)IN_BLOCK(counter, counter_array, block))
using stand_in::from_lane_across;
typedef stand_in::Counter counter_t;
struct Four {
    float x, y, z, w;
};
DEVICE Four four_at(const float *place) { return Four{place[0], place[1], place[2], place[3]}; }
DEVICE void start_counter(counter_t *counter) { *counter = counter_t{0, 1, 0}; }
DEVICE void expect_numbers(counter_t *counter, int count) {
    counter->missing += count;
    --counter->unstated;
    counter->settle();
}
DEVICE void send(float value, float *place, counter_t *counter) {
    *place = value;
    --counter->missing;
    counter->settle();
}
DEVICE void wait_for(counter_t *counter, unsigned parity) {
    stand_in::sleep_until([&] { return (counter->turn & 1) != (int)parity; });
}

// The kernels, and a table of them, ENTRIES, follow; then:
#define STAND_IN_END                                                                                               \
    extern "C" const char *stand_in_run(const char *name, const char *kinds, const unsigned *blocks, int threads,   \
                                        void **arguments, bool reversed) {                                          \
        for (const stand_in::Entry &entry : ENTRIES) {                                                              \
            if (strcmp(entry.name, name) != 0) continue;                                                            \
            if (entry.threads != threads) return "it is called with another number of threads than it is made for"; \
            if (!entry.takes(kinds)) return "it is called with other arguments than it takes";                      \
            return stand_in::run(entry, blocks, arguments, reversed);                                               \
        }                                                                                                           \
        return "there is no such kernel";                                                                           \
    }
