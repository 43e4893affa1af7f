// Vector operations that Swift lacks or compiles poorly: `addingProduct` goes lane by lane through Swift's generic
// code, which the optimiser vectorises only in part (2.2 times the time of a sigmoid and a tanh, AVX-512); shuffles of
// two vectors, prefetches and the like cannot be expressed at all.
#pragma once

typedef float float_vector_8 __attribute__((ext_vector_type(8)));
typedef float float_vector_16 __attribute__((ext_vector_type(16)));

/// a b + sum in each lane, rounded once.
static inline __attribute__((always_inline)) float_vector_8 multiply_add_8(
    float_vector_8 a, float_vector_8 b, float_vector_8 sum) {
    return __builtin_elementwise_fma(a, b, sum);
}

/// a b + sum in each lane, rounded once.
static inline __attribute__((always_inline)) float_vector_16 multiply_add_16(
    float_vector_16 a, float_vector_16 b, float_vector_16 sum) {
    return __builtin_elementwise_fma(a, b, sum);
}

/// The lanes 0, 2, 4 … of a and then of b.
static inline __attribute__((always_inline)) float_vector_8 even_lanes_8(float_vector_8 a, float_vector_8 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

/// The lanes 1, 3, 5 … of a and then of b.
static inline __attribute__((always_inline)) float_vector_8 odd_lanes_8(float_vector_8 a, float_vector_8 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}

/// The lanes 0, 2, 4 … of a and then of b.
static inline __attribute__((always_inline)) float_vector_16 even_lanes_16(float_vector_16 a, float_vector_16 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

/// The lanes 1, 3, 5 … of a and then of b.
static inline __attribute__((always_inline)) float_vector_16 odd_lanes_16(float_vector_16 a, float_vector_16 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/// Lanewise a > b ? a : b. If a or b is NaN, the result is b.
static inline __attribute__((always_inline)) float_vector_8 larger_8(float_vector_8 a, float_vector_8 b) {
    return a > b ? a : b;
}

/// Lanewise a > b ? a : b. If a or b is NaN, the result is b.
static inline __attribute__((always_inline)) float_vector_16 larger_16(float_vector_16 a, float_vector_16 b) {
    return a > b ? a : b;
}

/// Lanewise a < b ? a : b. If a or b is NaN, the result is b.
static inline __attribute__((always_inline)) float_vector_8 smaller_8(float_vector_8 a, float_vector_8 b) {
    return a < b ? a : b;
}

/// Lanewise a < b ? a : b. If a or b is NaN, the result is b.
static inline __attribute__((always_inline)) float_vector_16 smaller_16(float_vector_16 a, float_vector_16 b) {
    return a < b ? a : b;
}

/// Lanewise x < y ? a : b.
static inline __attribute__((always_inline)) float_vector_8 choose_less_8(
    float_vector_8 x, float_vector_8 y, float_vector_8 a, float_vector_8 b) {
    return x < y ? a : b;
}

/// Lanewise x < y ? a : b.
static inline __attribute__((always_inline)) float_vector_16 choose_less_16(
    float_vector_16 x, float_vector_16 y, float_vector_16 a, float_vector_16 b) {
    return x < y ? a : b;
}

/// ln x of the C library, which kernels can't import on a target without an operating system.
static inline __attribute__((always_inline)) float natural_logarithm(float x) { return __builtin_logf(x); }

/// Prefetches the cache line of an address, which need not be readable.
static inline __attribute__((always_inline)) void prefetch_line(const void *address) {
    __builtin_prefetch(address, 0, 3);
}

/// 64 instructions that do nothing, `rounds` times: only the width of the core's front end limits their rate.
static inline __attribute__((always_inline)) void issue_nops(long rounds) {
    for (long round = 0; round < rounds; round++) {
        __asm__ volatile(".rept 64\n\tnop\n\t.endr");
    }
}

/// A chain of 64 additions, `rounds` times, each of which waits for the one before: a clock cycle each, whatever else
/// the core does, because each can go to any of several ports.
static inline __attribute__((always_inline)) void addition_chain(long rounds) {
    unsigned long sum = 1;
    for (long round = 0; round < rounds; round++) {
#if defined(__x86_64__)
        __asm__ volatile(".rept 64\n\taddq %0, %0\n\t.endr" : "+r"(sum));
#elif defined(__aarch64__)
        __asm__ volatile(".rept 64\n\tadd %0, %0, %0\n\t.endr" : "+r"(sum));
#endif
    }
}
