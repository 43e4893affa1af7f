// Delays each sync of a checkpoint's model.safetensors by SLOW_DISK_SECONDS.

#define _GNU_SOURCE
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fsync(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    const char *seconds = getenv("SLOW_DISK_SECONDS");
    if (seconds && strstr(path, "model.safetensors")) {
        struct timespec time = {atol(seconds), 0};
        while (nanosleep(&time, &time) != 0) {}
    }
    return (int)syscall(SYS_fsync, descriptor);
}
