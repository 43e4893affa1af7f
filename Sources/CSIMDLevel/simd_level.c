// Compiled for the oldest supported CPU at every SIMD level of the build, so that it can run before any other code and
// name the right build instead of crashing with an illegal instruction.
#include "CSIMDLevel.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <xmmintrin.h>
#endif

int simd_level_of_build(void) { return LSTM_DIST_LEVEL; }

int simd_level_of_machine(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2")) {
        return 1;
    }
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl")
               ? 4
               : 3;
#else
    return 1;
#endif
}

void flush_subnormals_on_this_thread(void) {
#if defined(__x86_64__)
    const unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    _mm_setcsr(_mm_getcsr() | flush_to_zero | denormals_are_zero);
#endif
}

struct cpu_identity identify_cpu(void) {
    struct cpu_identity identity = {0, 0, 0};
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d)) return identity;
    if (b == signature_INTEL_ebx && d == signature_INTEL_edx && c == signature_INTEL_ecx) identity.vendor = 1;
    if (b == signature_AMD_ebx && d == signature_AMD_edx && c == signature_AMD_ecx) identity.vendor = 2;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return identity;
    int family = (a >> 8) & 0xf;
    identity.family = family == 0xf ? family + ((a >> 20) & 0xff) : family;
    identity.model = (a >> 4) & 0xf;
    if (family == 6 || family == 0xf) identity.model += ((a >> 16) & 0xf) << 4;
#endif
    return identity;
}

static const char *name_of(int level) {
    return level == 4 ? "v4 (AVX-512)" : level == 3 ? "v3 (AVX2 and FMA)" : "portable";
}

// Runs before main and before any code that is compiled for the build's SIMD level.
__attribute__((constructor(101))) static void refuse_older_cpu(void) {
    int machine = simd_level_of_machine();
    if (machine >= LSTM_DIST_LEVEL) return;
    fprintf(stderr,
            "lstm-dist: this program is built for SIMD level %s, and this CPU offers %s; build it here with "
            "launch/build, or anywhere with launch/build --level %s\n",
            name_of(LSTM_DIST_LEVEL), name_of(machine), machine == 3 ? "v3" : "portable");
    _Exit(1);
}
