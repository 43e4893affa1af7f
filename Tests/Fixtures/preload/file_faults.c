// Makes a program's file operations fail, one at a time. A test loads this library into the program with LD_PRELOAD and
// controls it by environment variables:
//
//     FILE_FAULTS_FOLDER   operations on this path, as the program names it, and on all below it count
//     FILE_FAULTS_ONLY     only those whose path ends with this count; with a ! before it, only those whose path
//                          does not
//     FILE_FAULTS_AT       the first that fails, from 1
//     FILE_FAULTS_MODE     error: that one fails with EIO; full: from that one on, all that need disk space fail with
//                          ENOSPC, after half of a write; full:N: only the next N of them; kill: the process dies
//                          there, after half of a write
//     FILE_FAULTS_LOG      every operation that counts is added to this file, one line each: number, name, path
//
// Counted are open (for writing, or of a folder), write, fsync, ftruncate, rename, link, unlink, mkdir, rmdir and symlink.
//
// Other operations call the kernel directly, not the C library's function of the same name: dlsym, which would find it,
// takes a lock, and signal handlers must not wait for one; mpirun has signal handlers that write.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most_files = 1024, longest_path = 1024 };

// The path of each open file that counts; otherwise empty.
static char paths[most_files][longest_path];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long operations;
static long failures;

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), needed = strlen(end);
    return length >= needed && strcmp(text + length - needed, end) == 0;
}

static bool counts(const char *path) {
    const char *folder = getenv("FILE_FAULTS_FOLDER"), *only = getenv("FILE_FAULTS_ONLY");
    if (!folder || !path) return false;
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0 || (path[length] != 0 && path[length] != '/')) return false;
    if (!only) return true;
    return only[0] == '!' ? !ends_with(path, only + 1) : ends_with(path, only);
}

static void note(long number, const char *name, const char *path) {
    const char *log = getenv("FILE_FAULTS_LOG");
    if (!log) return;
    int file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file < 0) return;
    char line[longest_path + 64];
    int length = snprintf(line, sizeof line, "%ld %s %s\n", number, name, path);
    if (syscall(SYS_write, file, line, (size_t)length) < 0) abort();
    syscall(SYS_close, file);
}

// The fate of an operation: 0, it is carried out; an errno; or -1, the process dies.
static int verdict(const char *name, const char *path, bool needs_space) {
    const char *at = getenv("FILE_FAULTS_AT"), *mode = getenv("FILE_FAULTS_MODE");
    pthread_mutex_lock(&lock);
    long number = ++operations;
    note(number, name, path);
    int result = 0;
    if (at && mode && number >= atol(at)) {
        if (strcmp(mode, "error") == 0) {
            if (number == atol(at)) result = EIO;
        } else if (strcmp(mode, "kill") == 0) {
            result = -1;
        } else if (strncmp(mode, "full", 4) == 0 && needs_space) {
            if (mode[4] != ':' || failures < atol(mode + 5)) result = ENOSPC;
            failures++;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

// For all but writes: returns whether the operation fails, with errno set.
static bool fails(const char *name, const char *path, bool needs_space) {
    if (!counts(path)) return false;
    int found = verdict(name, path, needs_space);
    if (found < 0) kill(getpid(), SIGKILL);
    if (found > 0) errno = found;
    return found != 0;
}

static const char *path_of(int file) { return file >= 0 && file < most_files && paths[file][0] ? paths[file] : NULL; }

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    bool counted = counts(path) && ((flags & O_ACCMODE) != O_RDONLY || flags & O_DIRECTORY);
    if (counted && fails("open", path, flags & O_CREAT)) return -1;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (counted && file >= 0 && file < most_files) snprintf(paths[file], longest_path, "%s", path);
    return file;
}

int close(int file) {
    if (file >= 0 && file < most_files) paths[file][0] = 0;
    return (int)syscall(SYS_close, file);
}

ssize_t write(int file, const void *bytes, size_t count) {
    const char *path = path_of(file);
    if (path) {
        int found = verdict("write", path, true);
        bool is_first = found == ENOSPC && failures == 1;
        if (found < 0 || is_first) {
            ssize_t half = syscall(SYS_write, file, bytes, count / 2);
            if (found < 0) kill(getpid(), SIGKILL);
            if (half > 0) return half;
        }
        if (found > 0) {
            errno = found;
            return -1;
        }
    }
    return syscall(SYS_write, file, bytes, count);
}

int fsync(int file) {
    const char *path = path_of(file);
    return path && fails("fsync", path, true) ? -1 : (int)syscall(SYS_fsync, file);
}

int ftruncate(int file, off_t size) {
    const char *path = path_of(file);
    return path && fails("ftruncate", path, false) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}

int rename(const char *path, const char *new_path) {
    return fails("rename", new_path, true) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, new_path, 0);
}

int link(const char *path, const char *new_path) {
    return fails("link", new_path, true) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, new_path, 0);
}

int unlink(const char *path) {
    return fails("unlink", path, false) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
    return fails("mkdir", path, true) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int rmdir(const char *path) {
    return fails("rmdir", path, false) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int symlink(const char *target, const char *path) {
    return fails("symlink", path, true) ? -1 : (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}
