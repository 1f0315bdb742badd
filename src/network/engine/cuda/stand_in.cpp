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

constexpr int MOST_THREADS = 1024;
constexpr size_t STACK = 64 * 1024;

struct Fiber {
    jmp_buf at;
    char *stack = nullptr;
    // The line of the barrier at which it waits; 0: it has ended.
    int line = 0;
};

struct Grid {
    Fiber fibers[MOST_THREADS];
    int made = 0;
    jmp_buf scheduler;
    int current = 0;
    unsigned block[3] = {};
    void (*kernel)(void **) = nullptr;
    void **arguments = nullptr;
};

static thread_local Grid *grid = nullptr;

static void wait_at(int line) {
    Fiber &fiber = grid->fibers[grid->current];
    fiber.line = line;
    if (!_setjmp(fiber.at)) _longjmp(grid->scheduler, 1);
}

// A fiber lives for many blocks: it runs the kernel, and then waits for the next block.
static void fiber_main() {
    Grid *mine = grid;
    for (;;) {
        mine->kernel(mine->arguments);
        wait_at(0);
    }
}

static void resume(int index) {
    Grid *mine = grid;
    mine->current = index;
    if (_setjmp(mine->scheduler)) return;
    Fiber &fiber = mine->fibers[index];
    if (fiber.stack) _longjmp(fiber.at, 1);
    fiber.stack = (char *)malloc(STACK);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack;
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, fiber_main, 0);
    setcontext(&context);
}

// Runs one block; an error in words, or none.
static const char *run_block(int threads, bool reversed) {
    static thread_local char message[128];
    for (;;) {
        for (int k = 0; k < threads; ++k) resume(reversed ? threads - 1 - k : k);
        const int line = grid->fibers[0].line;
        for (int k = 1; k < threads; ++k) {
            if (grid->fibers[k].line == line) continue;
            snprintf(message, sizeof message, "thread %d waits at line %d, thread 0 at %d", k, grid->fibers[k].line, line);
            return message;
        }
        if (line == 0) return nullptr;
    }
}

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
    int threads;
    void (*run)(void **);
    bool (*takes)(const char *);
};

}  // namespace stand_in

#define KERNEL(name, threads)             \
    static constexpr int name##_threads = threads; \
    static void name
#define ENTRY(name) {#name, name##_threads, stand_in::Caller<name>::run, stand_in::Caller<name>::takes},
#define DEVICE static inline
#define DEVICE_MEMBER inline
#define SHARED static thread_local
#define BARRIER() stand_in::wait_at(__LINE__)
#define UNROLL

DEVICE int thread_index() { return stand_in::grid->current; }
DEVICE int block_index() { return stand_in::grid->block[0]; }
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

// The kernels, and a table of them, ENTRIES, follow; then:
#define STAND_IN_END                                                                                              \
    extern "C" const char *stand_in_run(const char *name, const char *kinds, const unsigned *blocks, int threads,  \
                                        void **arguments, bool reversed) {                                         \
        if (!stand_in::grid) stand_in::grid = new stand_in::Grid;                                                  \
        for (const stand_in::Entry &entry : ENTRIES) {                                                             \
            if (strcmp(entry.name, name) != 0) continue;                                                           \
            if (entry.threads != threads) return "it is called with another number of threads than it is made for"; \
            if (!entry.takes(kinds)) return "it is called with other arguments than it takes";                     \
            stand_in::grid->kernel = entry.run;                                                                    \
            stand_in::grid->arguments = arguments;                                                                 \
            unsigned *block = stand_in::grid->block;                                                               \
            for (block[2] = 0; block[2] < blocks[2]; ++block[2])                                                   \
                for (block[1] = 0; block[1] < blocks[1]; ++block[1])                                               \
                    for (block[0] = 0; block[0] < blocks[0]; ++block[0])                                           \
                        if (const char *problem = stand_in::run_block(threads, reversed)) return problem;          \
            return nullptr;                                                                                        \
        }                                                                                                          \
        return "there is no such kernel";                                                                          \
    }
