// Counts the heap allocations of the program and of the Swift runtime. Linked into a program, it replaces malloc and
// related functions; the libraries of MPI use the replacements as well and are not counted.
#pragma once

#include <stddef.h>

/// Starts to count the allocations of all threads.
void allocation_count_begin(void);

/// Stops counting and returns the number of allocations.
size_t allocation_count_end(void);

/// Writes the callers of the first counted allocations to standard error: addresses with the nearest symbols.
void allocation_print_places(void);
