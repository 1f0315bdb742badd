// What cards with clusters of blocks have besides, from compute capability 9.0 on; as device.cu, the tests' stand-in brings
// the same names for the CPU.
#ifndef STAND_IN
// A kernel whose blocks are in clusters of so many.
#define CLUSTER_KERNEL(name, threads, blocks) \
    extern "C" __global__ void __cluster_dims__(blocks, 1, 1) __launch_bounds__(threads, 1) name
// Memory of a block that the others of its cluster write to.
#define CLUSTER_SHARED(type, name, extents) __shared__ __align__(16) type name extents

DEVICE unsigned shared_address(const void *place) { return (unsigned)__cvta_generic_to_shared(place); }

// The same place in another block of the cluster.
DEVICE unsigned in_block(const void *place, unsigned block) {
    unsigned there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_address(place)), "r"(block));
    return there;
}

DEVICE int block_in_cluster() {
    unsigned rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// Where each thread of a cluster waits for all others.
#define CLUSTER_BARRIER() cluster_barrier()
DEVICE void cluster_barrier() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// Counts what arrives in this block's memory, in turns: a turn is over when as much has come as was expected.
typedef unsigned long long counter_t;
DEVICE void start_counter(counter_t *counter) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(counter)) : "memory");
}
DEVICE void expect_numbers(counter_t *counter, int count) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(counter)), "r"(4 * count)
                 : "memory");
}
// Waits until the turn of this parity is over, and sees all that has come in it.
DEVICE void wait_for(counter_t *counter, unsigned parity) {
    asm volatile("{\n.reg .pred done;\nagain:\n"
                 "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n@!done bra again;\n}" ::"r"(
                     shared_address(counter)),
                 "r"(parity)
                 : "memory");
}
// Sends a number to the same place in another block of the cluster, and has that block's counter count it. The arrays that
// the places are in stand before them.
#define SEND(value, array, place, counter_array, counter, block) send(value, in_block(place, block), in_block(counter, block))
DEVICE void send(float value, unsigned place, unsigned counter) {
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %1, [%2];" ::"r"(place),
                 "r"(__float_as_uint(value)), "r"(counter)
                 : "memory");
}

// The number of the lane whose place in the warp differs by this bit.
DEVICE float from_lane_across(float value, int bit) { return __shfl_xor_sync(~0u, value, bit); }
#endif
