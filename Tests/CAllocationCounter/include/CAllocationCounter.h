// Counts what the program and the Swift runtime take from the heap. Linked into a program, it stands in for malloc and
// its relatives there; the libraries that MPI is made of use them as well and are not counted.
#pragma once

#include <stddef.h>

/// From now on allocations are counted, those of all threads.
void allocation_count_begin(void);

/// Ends the counting and returns how many there were.
size_t allocation_count_end(void);

/// Writes where the first allocations of the last counting came from to standard error: addresses with the nearest symbols.
void allocation_print_places(void);
