internal import CSIMDLevel

/// Prepares the calling thread for kernels: subnormal numbers are flushed to zero (saturated gates make them, and each costs
/// a hundred cycles).
package func prepareThreadForKernels() {
    flush_subnormals_on_this_thread()
}
