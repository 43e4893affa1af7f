internal import COpenBLAS
internal import CSIMDLevel

/// Prepares the calling thread for kernels: one BLAS thread a rank (left alone, OpenBLAS starts one a core in every
/// rank), and subnormal numbers flushed to zero (saturated gates make them, and each costs a hundred cycles).
package func prepareThreadForKernels() {
    openblas_set_num_threads(1)
    flush_subnormals_on_this_thread()
}
