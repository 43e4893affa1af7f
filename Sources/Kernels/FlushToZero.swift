internal import CSIMDLevel

/// Makes the calling thread flush subnormal floats to zero: saturated gates produce them, and each costs a hundred
/// cycles. Every thread that runs kernels calls this first.
package func prepareThreadForKernels() {
    flush_subnormals_on_this_thread()
}
