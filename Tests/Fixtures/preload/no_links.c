// Imitates a file system without symbolic or hard links, such as exFAT: NO_LINKS is symbolic, hard or both.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_missing(const char *kind) {
    const char *missing = getenv("NO_LINKS");
    return missing && (strcmp(missing, kind) == 0 || strcmp(missing, "both") == 0);
}

int symlink(const char *target, const char *path) {
    if (!is_missing("symbolic")) return (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
    errno = EOPNOTSUPP;
    return -1;
}

int link(const char *path, const char *other) {
    if (!is_missing("hard")) return (int)syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, other, 0);
    errno = EPERM;
    return -1;
}
