// Ends the process that it is loaded into (LD_PRELOAD) at a chosen system call, for tools/torture.
//
//     HOLDFAST_KILL='WHEN CALL COUNT PERMILLE ARMED PATTERN'
//
// WHEN is "before", "after" or "torn"; CALL is a function below, or "any" of them; the process is ended by SIGKILL at
// the COUNT-th call whose path matches PATTERN (fnmatch; "*" matches "/" too). A torn write stores PERMILLE thousandths
// of its bytes first: what a kill in the middle of a long write leaves. Calls count from the start if ARMED is 1, else
// from the first SIGUSR1 on. The path is that of the file; of renameat, the one before; of standard output, "answers".
//
// The program needs no code for this, so what is tested is what is shipped. Standard error says where it was killed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char when[8], call_name[16], pattern[512];
static long wanted, permille;
static atomic_bool is_armed;
static atomic_long matches;

static void arm(int signal) {
    (void)signal;
    atomic_store(&is_armed, true);
}

__attribute__((constructor)) static void prepare(void) {
    const char *order = getenv("HOLDFAST_KILL");
    int armed = 0;
    if (!order) return;
    if (sscanf(order, "%7s %15s %ld %ld %d %511[^\n]", when, call_name, &wanted, &permille, &armed, pattern) != 6) {
        fprintf(stderr, "killpoint: HOLDFAST_KILL is not understood: %s\n", order);
        abort();
    }
    atomic_store(&is_armed, armed == 1);
    struct sigaction action = {.sa_handler = arm, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
}

static void die(const char *call, const char *path) {
    char text[PATH_MAX + 64];
    int length = snprintf(text, sizeof text, "killed %s %s %s\n", when, call, path);
    syscall(SYS_write, STDERR_FILENO, text, length);
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/// The path of an open file, or of `name` in an open directory.
static void find_path(char path[PATH_MAX], int descriptor, const char *name) {
    char link[64];
    if (descriptor == STDOUT_FILENO && !name) {
        strcpy(path, "answers");
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) length = 0;
    path[length] = 0;
    if (name) snprintf(path + length, PATH_MAX - length, "/%s", name);
}

/// Whether this call is the one; counts it if it matches. Leaves its path.
static bool is_due(const char *call, int descriptor, const char *name, char path[PATH_MAX]) {
    if (!atomic_load(&is_armed)) return false;
    if (strcmp(call_name, "any") != 0 && strcmp(call_name, call) != 0) return false;
    find_path(path, descriptor, name);
    if (fnmatch(pattern, path, 0) != 0) return false;
    return atomic_fetch_add(&matches, 1) + 1 == wanted;
}

#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/// Makes the call, or dies before or after it.
#define RUN(function, descriptor, name, ...)                                   \
    char path[PATH_MAX];                                                       \
    bool due = is_due(#function, descriptor, name, path);                      \
    if (due && strcmp(when, "after") != 0) die(#function, path);               \
    __typeof__(function(__VA_ARGS__)) result = REAL(function)(__VA_ARGS__);    \
    if (due) die(#function, path);                                             \
    return result

/// The same for a write, which may also be cut short. Something of it is missing then, and something is there.
#define RUN_WRITE(function, descriptor, count, whole, part)                    \
    char path[PATH_MAX];                                                       \
    bool due = is_due(#function, descriptor, NULL, path);                      \
    if (due && strcmp(when, "before") == 0) die(#function, path);              \
    if (due && strcmp(when, "torn") == 0) {                                    \
        size_t kept = count * permille / 1000;                                 \
        if (kept > 0) REAL(function) part;                                     \
        die(#function, path);                                                  \
    }                                                                          \
    ssize_t result = REAL(function) whole;                                     \
    if (due) die(#function, path);                                             \
    return result

ssize_t write(int file, const void *bytes, size_t count) {
    RUN_WRITE(write, file, count, (file, bytes, count), (file, bytes, kept));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    RUN_WRITE(pwrite, file, count, (file, bytes, count, offset), (file, bytes, kept, offset));
}

int fdatasync(int file) { RUN(fdatasync, file, NULL, file); }

/// Where a write or its sync is to be met alone, no file is opened whose writes sync themselves: the program goes without.
int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    bool is_alone = strcmp(call_name, "fdatasync") == 0 || strcmp(when, "torn") == 0;
    if (is_alone && (flags & O_DSYNC) != 0) return errno = EINVAL, -1;
    return REAL(open)(path, flags, mode);
}

int fsync(int file) { RUN(fsync, file, NULL, file); }

int ftruncate(int file, off_t length) { RUN(ftruncate, file, NULL, file, length); }

int renameat(int folder, const char *name, int new_folder, const char *new_name) {
    RUN(renameat, folder, name, folder, name, new_folder, new_name);
}

int unlinkat(int folder, const char *name, int flags) { RUN(unlinkat, folder, name, folder, name, flags); }

int mkdirat(int folder, const char *name, mode_t mode) { RUN(mkdirat, folder, name, folder, name, mode); }
