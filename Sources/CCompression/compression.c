#include "CCompression.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/// Memory that grows with the output.
struct output {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    size_t limit;
};

/// Bytes behind the output.
enum { trailing_zeros = 8 };

/// Makes the memory larger, at most one byte beyond the limit, by which an excess is noticed.
static enum compression_result grow(struct output *output) {
    if (output->count > output->limit) return compression_too_large;
    size_t capacity = output->capacity < 1 << 16 ? 1 << 16 : 2 * output->capacity;
    if (capacity > output->limit + 1) capacity = output->limit + 1;
    if (capacity <= output->count) return compression_too_large;
    uint8_t *bytes = realloc(output->bytes, capacity + trailing_zeros);
    if (!bytes) return compression_no_memory;
    output->bytes = bytes;
    output->capacity = capacity;
    return compression_done;
}

static enum compression_result finish(
    enum compression_result outcome, struct output *output, uint8_t **result, size_t *count) {
    if (outcome == compression_done && output->count > output->limit) outcome = compression_too_large;
    if (outcome == compression_done && !output->bytes) outcome = grow(output);
    if (outcome != compression_done) {
        free(output->bytes);
        return outcome;
    }
    memset(output->bytes + output->count, 0, trailing_zeros);
    *result = output->bytes;
    *count = output->count;
    return compression_done;
}

// zlib's interface since version 1.0 (zlib.h).

struct z_stream {
    const uint8_t *next_in;
    unsigned avail_in;
    unsigned long total_in;
    uint8_t *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *msg;
    void *state;
    void *zalloc;
    void *zfree;
    void *opaque;
    int data_type;
    unsigned long adler;
    unsigned long reserved;
};

enum { z_no_flush = 0, z_ok = 0, z_stream_end = 1, z_mem_error = -4, z_buf_error = -5, gzip_window_bits = 15 + 16 };

enum compression_result decompress_gzip(
    const uint8_t *data, size_t size, size_t limit, uint8_t **result, size_t *count) {
    void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return compression_no_library;
    int (*begin)(struct z_stream *, int, const char *, int) = dlsym(library, "inflateInit2_");
    int (*inflate)(struct z_stream *, int) = dlsym(library, "inflate");
    int (*reset)(struct z_stream *) = dlsym(library, "inflateReset");
    int (*end)(struct z_stream *) = dlsym(library, "inflateEnd");
    if (!begin || !inflate || !reset || !end) return compression_no_library;

    struct output output = {.limit = limit};
    struct z_stream stream = {0};
    if (begin(&stream, gzip_window_bits, "1.2.11", (int)sizeof stream) != z_ok) return compression_no_memory;
    enum compression_result outcome = compression_done;
    size_t taken = 0;
    while (1) {
        if (output.count == output.capacity && (outcome = grow(&output)) != compression_done) break;
        size_t left = size - taken, free_bytes = output.capacity - output.count;
        stream.next_in = data + taken;
        stream.avail_in = left > INT_MAX ? INT_MAX : (unsigned)left;
        stream.next_out = output.bytes + output.count;
        stream.avail_out = free_bytes > INT_MAX ? INT_MAX : (unsigned)free_bytes;
        unsigned given = stream.avail_in, offered = stream.avail_out;
        int status = inflate(&stream, z_no_flush);
        taken += given - stream.avail_in;
        output.count += offered - stream.avail_out;
        if (status == z_stream_end) {
            // Another member follows, or the end.
            if (taken == size) break;
            reset(&stream);
        } else if (status == z_mem_error) {
            outcome = compression_no_memory;
            break;
        } else if (status != z_ok && status != z_buf_error) {
            outcome = compression_damaged;
            break;
        } else if (taken == size && stream.avail_out > 0) {
            outcome = compression_truncated;
            break;
        }
    }
    end(&stream);
    return finish(outcome, &output, result, count);
}

// zstd's interface since version 1.0 (zstd.h).

struct zstd_input {
    const void *src;
    size_t size;
    size_t pos;
};

struct zstd_output {
    void *dst;
    size_t size;
    size_t pos;
};

enum compression_result decompress_zstd(
    const uint8_t *data, size_t size, size_t limit, uint8_t **result, size_t *count) {
    void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return compression_no_library;
    void *(*create)(void) = dlsym(library, "ZSTD_createDStream");
    size_t (*decompress)(void *, struct zstd_output *, struct zstd_input *) = dlsym(library, "ZSTD_decompressStream");
    unsigned (*is_error)(size_t) = dlsym(library, "ZSTD_isError");
    size_t (*release)(void *) = dlsym(library, "ZSTD_freeDStream");
    if (!create || !decompress || !is_error || !release) return compression_no_library;

    struct output output = {.limit = limit};
    void *stream = create();
    if (!stream) return compression_no_memory;
    enum compression_result outcome = compression_done;
    struct zstd_input input = {data, size, 0};
    while (1) {
        if (output.count == output.capacity && (outcome = grow(&output)) != compression_done) break;
        struct zstd_output part = {output.bytes, output.capacity, output.count};
        size_t missing = decompress(stream, &part, &input);
        output.count = part.pos;
        if (is_error(missing)) {
            outcome = compression_damaged;
            break;
        }
        // 0: a frame is complete.
        if (input.pos == size && missing == 0) break;
        if (input.pos == size && output.count < output.capacity) {
            outcome = compression_truncated;
            break;
        }
    }
    release(stream);
    return finish(outcome, &output, result, count);
}
