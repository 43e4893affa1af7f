#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// The C library's implementations of malloc and related functions.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

enum { most_ranges = 64, most_places = 8, most_frames = 24 };

static struct {
    uintptr_t start, end;
} ranges[most_ranges];
static int range_count;
static atomic_bool is_counting;
static atomic_size_t count;
static void *places[most_places][most_frames];
static int place_frames[most_places];
static _Thread_local bool is_noting;

// The program itself and the libraries of Swift.
static bool is_ours(const char *name) {
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    return *name == 0 || strncmp(base, "libswift", 8) == 0 || strncmp(base, "libFoundation", 13) == 0
        || strncmp(base, "lib_Foundation", 14) == 0 || strncmp(base, "libdispatch", 11) == 0;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    (void)data;
    for (int index = 0; index < info->dlpi_phnum && is_ours(info->dlpi_name); index++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[index];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || range_count == most_ranges) continue;
        ranges[range_count].start = info->dlpi_addr + part->p_vaddr;
        ranges[range_count].end = ranges[range_count].start + part->p_memsz;
        range_count++;
    }
    return 0;
}

void allocation_count_begin(void) {
    void *frames[1];
    backtrace(frames, 1); // loads what it needs, before anything is counted
    range_count = 0;
    dl_iterate_phdr(note_object, NULL);
    atomic_store(&count, 0);
    atomic_store(&is_counting, true);
}

size_t allocation_count_end(void) {
    atomic_store(&is_counting, false);
    return atomic_load(&count);
}

void allocation_print_places(void) {
    for (size_t place = 0; place < atomic_load(&count) && place < most_places; place++) {
        backtrace_symbols_fd(places[place], place_frames[place], 2);
    }
}

static void note(void *caller) {
    if (!atomic_load_explicit(&is_counting, memory_order_relaxed) || is_noting) return;
    for (int index = 0; index < range_count; index++) {
        if ((uintptr_t)caller < ranges[index].start || (uintptr_t)caller >= ranges[index].end) continue;
        is_noting = true;
        size_t place = atomic_fetch_add(&count, 1);
        if (place < most_places) place_frames[place] = backtrace(places[place], most_frames);
        is_noting = false;
        return;
    }
}

void *malloc(size_t size) {
    note(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note(__builtin_return_address(0));
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    note(__builtin_return_address(0));
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}
