// Makes Swift's runtime lose a program's arguments, as libraries can that are loaded before it.
#define _GNU_SOURCE
#include <dlfcn.h>

static char *no_arguments[] = {0};

__attribute__((constructor)) static void lose_arguments(void) {
    void (*override)(char **, int) = (void (*)(char **, int))dlsym(RTLD_DEFAULT, "_swift_stdlib_overrideUnsafeArgvArgc");
    if (override) override(no_arguments, 0);
}
