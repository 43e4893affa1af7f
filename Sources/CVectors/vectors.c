// All of this module is in its header: it must be inlined into Swift code, which is built for the chosen SIMD level.
