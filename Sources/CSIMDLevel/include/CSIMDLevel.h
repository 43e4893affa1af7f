// The SIMD levels of the build and of this CPU, and the floating-point mode of a thread.
#pragma once

/// 4: x86-64-v4 (AVX-512), 3: x86-64-v3 (AVX2, FMA), 1: portable.
int simd_level_of_build(void);

/// The highest level that this CPU and its operating system support, with the same values.
int simd_level_of_machine(void);

/// Makes this thread treat subnormal inputs and results as zero. Only on x86; elsewhere it does nothing.
void flush_subnormals_on_this_thread(void);

/// The CPU's maker and its display family and model, as CPUID gives them.
struct cpu_identity {
    /// 1: Intel, 2: AMD, 0: another, or not x86.
    int vendor;
    int family;
    int model;
};

struct cpu_identity identify_cpu(void);
