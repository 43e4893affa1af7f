// Decompression by the system's shared libraries zlib (libz.so.1) and zstd (libzstd.so.1). They are loaded when they are
// first needed, so that the program neither needs their headers to be built nor the libraries to start.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum compression_result {
    compression_done,
    /// The library is not on this machine.
    compression_no_library,
    /// The data is not of this format.
    compression_damaged,
    /// The data ends too early.
    compression_truncated,
    /// The result would have more than `limit` bytes.
    compression_too_large,
    compression_no_memory,
};

/// Decompresses all members of a gzip file (RFC 1952).
///
/// result: receives memory with `*count` bytes and 8 zeros behind them, to be freed with free().
enum compression_result decompress_gzip(
    const uint8_t *data, size_t size, size_t limit, uint8_t **result, size_t *count);

/// Decompresses all frames of a zstd file (RFC 8878); as above.
enum compression_result decompress_zstd(
    const uint8_t *data, size_t size, size_t limit, uint8_t **result, size_t *count);
