/* Loaded into a store with LD_PRELOAD while it is filled for an experiment: syncs cost nothing, and give nothing.
 *
 * With NOSYNC_STALL=ENDING the sync of a file whose name ends so never comes back. A file that is to sync each write cannot
 * be opened: Holdfast does with one that does not, then.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void stall(int file) {
    char link[64], name[4096];
    const char *ending = getenv("NOSYNC_STALL");
    if (ending == NULL) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < (ssize_t)strlen(ending)) return;
    name[length] = 0;
    while (strcmp(name + length - strlen(ending), ending) == 0) pause();
}

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if ((flags & O_DSYNC) != 0) return errno = EINVAL, -1;
    if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}

int fsync(int file) { return stall(file), 0; }
int fdatasync(int file) { return stall(file), 0; }
int msync(void *place, size_t length, int flags) { return (void)place, (void)length, (void)flags, 0; }
int syncfs(int file) { return (void)file, 0; }
int sync_file_range(int file, off_t offset, off_t count, unsigned flags) {
    return (void)file, (void)offset, (void)count, (void)flags, 0;
}
