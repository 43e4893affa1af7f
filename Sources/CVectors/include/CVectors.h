// Vector operations that Swift has no fast words for: `addingProduct` goes lane by lane through Swift's generic code, and
// the optimiser puts only parts of it together again (2.2 times the time of a sigmoid and a tanh, AVX-512).
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
