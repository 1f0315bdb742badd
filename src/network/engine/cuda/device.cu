// What is CUDA's own, under names of this crate's. The tests compile the same kernels for the CPU: they define STAND_IN
// and bring these names themselves.
#ifndef STAND_IN
// A kernel and the threads of its blocks: KERNEL(name, 256)(arguments) { … }
#define KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) name
#define DEVICE static __device__ __forceinline__
#define DEVICE_MEMBER __device__ __forceinline__
// Memory that the threads of a block share.
#define SHARED __shared__ __align__(16)
// Where each thread of a block waits for all others.
#define BARRIER() __syncthreads()
#define UNROLL _Pragma("unroll")

DEVICE int thread_index() { return threadIdx.x; }
DEVICE int block_index() { return blockIdx.x; }
DEVICE int block_row() { return blockIdx.y; }
DEVICE int block_layer() { return blockIdx.z; }
DEVICE unsigned bits_of(float value) { return __float_as_uint(value); }
DEVICE float float_of(unsigned bits) { return __uint_as_float(bits); }
// sum + factor·number in two roundings, as the processor makes it where it makes the same number.
DEVICE float plus_product(float sum, float factor, float number) { return __fadd_rn(sum, __fmul_rn(factor, number)); }

// Four neighbours in memory, read at once; the place must be a multiple of four.
typedef float4 Four;
DEVICE Four four_at(const float *place) { return *(const float4 *)place; }
#endif

// Places in arrays, which may be larger than an int says.
typedef long long place_t;

DEVICE int smaller(int a, int b) { return a < b ? a : b; }

// A whole number in a table of numbers, whose bits it has, and a place in memory, which has two.
DEVICE int word(const float *table, int at) { return (int)bits_of(table[at]); }
DEVICE const float *place_in_table(const float *table, int at) {
    return (const float *)(bits_of(table[at]) | (unsigned long long)bits_of(table[at + 1]) << 32);
}

// The number of this thread among those of all blocks, where each block has so many.
DEVICE place_t global_index(int threads) { return (place_t)block_index() * threads + thread_index(); }

// Whether a number is neither infinite nor NaN.
DEVICE bool is_finite(float value) { return (bits_of(value) & 0x7F800000u) != 0x7F800000u; }
