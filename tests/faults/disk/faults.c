/* A disk that fails or is recorded, for a process that is started with this library in LD_PRELOAD.

   arm(folder, at, code, part): of the calls that change a file below the folder the one with this number fails with
   the code of errno; where part is not 0 and it writes, it writes half and says so. count() says how many there were.

   record(fd): each such call is written to fd once it was made, as a line and then the data:
   W path offset length | S path | T path length | C path | R path path | U path | L path path | D path
   S: what is written to the file, or the names of the folder, are on the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char watched[PATH_MAX];
static long calls, fails_at;
static int code, part, log_fd = -1;

void arm(const char *folder, long at, int errno_code, int half) {
    pthread_mutex_lock(&turn);
    snprintf(watched, sizeof watched, "%s/", folder);
    calls = 0, fails_at = at, code = errno_code, part = half;
    pthread_mutex_unlock(&turn);
}
long count(void) { return calls; }
void record(int fd) { log_fd = fd; }

#define REAL(name) ((__typeof__(&name)) real(#name))
static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static int below(const char *path) { return watched[0] && !strncmp(path, watched, strlen(watched)); }

static int of_fd(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = watched[0] && fd != log_fd ? readlink(link, path, PATH_MAX - 1) : -1;
    if (n < 0) return 0;
    path[n] = 0;
    size_t length = strlen(watched) - 1;
    return below(path) || (!strncmp(path, watched, length) && !path[length]);
}

static int fails(void) { /* 1: now */
    pthread_mutex_lock(&turn);
    int now = ++calls == fails_at;
    pthread_mutex_unlock(&turn);
    if (now) errno = code;
    return now;
}

static void noted(const void *data, size_t size, const char *format, ...) {
    if (log_fd < 0) return;
    char line[3 * PATH_MAX];
    va_list given;
    va_start(given, format);
    int n = vsnprintf(line, sizeof line, format, given);
    va_end(given);
    struct iovec both[2] = {{line, (size_t)n}, {(void *)data, size}};
    int kept = errno;
    if (REAL(writev)(log_fd, both, 2) != (ssize_t)(n + size)) abort();
    errno = kept;
}

static ssize_t written(int fd, const void *data, size_t size, off_t at) { /* at -1: at the place of fd */
    char path[PATH_MAX];
    int ours = of_fd(fd, path);
    if (ours && fails()) {
        if (!part || size < 2) return -1;
        size /= 2;
    }
    off_t place = at >= 0 ? at : ours ? lseek(fd, 0, SEEK_CUR) : 0;
    if (ours && at < 0 && (fcntl(fd, F_GETFL) & O_APPEND)) place = lseek(fd, 0, SEEK_END);
    ssize_t n = at >= 0 ? REAL(pwrite)(fd, data, size, at) : REAL(write)(fd, data, size);
    if (ours && n > 0) {
        noted(data, (size_t)n, "W %s %lld %zd\n", path, (long long)place, n);
        if (fcntl(fd, F_GETFL) & O_DSYNC) noted("", 0, "S %s\n", path);
    }
    return n;
}

ssize_t write(int fd, const void *d, size_t n) { return written(fd, d, n, -1); }
ssize_t pwrite(int fd, const void *d, size_t n, off_t at) { return written(fd, d, n, at); }
ssize_t pwrite64(int fd, const void *d, size_t n, off64_t at) { return written(fd, d, n, at); }

static ssize_t gathered(int fd, const struct iovec *v, int n, off_t at) {
    char path[PATH_MAX];
    if (!of_fd(fd, path)) return at >= 0 ? REAL(pwritev)(fd, v, n, at) : REAL(writev)(fd, v, n);
    size_t size = 0;
    for (int i = 0; i < n; i++) size += v[i].iov_len;
    char *all = malloc(size ? size : 1), *end = all;
    for (int i = 0; i < n; i++) end = mempcpy(end, v[i].iov_base, v[i].iov_len);
    ssize_t done = written(fd, all, size, at);
    free(all);
    return done;
}
ssize_t writev(int fd, const struct iovec *v, int n) { return gathered(fd, v, n, -1); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { return gathered(fd, v, n, at); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { return gathered(fd, v, n, at); }

#define ON_FD(name, signature, arguments, ...)                              \
    int name signature {                                                    \
        char path[PATH_MAX];                                                \
        int ours = of_fd(fd, path);                                         \
        if (ours && fails()) return -1;                                     \
        int status = REAL(name) arguments;                                  \
        if (ours && !status) noted("", 0, __VA_ARGS__);                     \
        return status;                                                      \
    }
ON_FD(fsync, (int fd), (fd), "S %s\n", path)
ON_FD(fdatasync, (int fd), (fd), "S %s\n", path)
ON_FD(ftruncate, (int fd, off_t size), (fd, size), "T %s %lld\n", path, (long long)size)
ON_FD(ftruncate64, (int fd, off64_t size), (fd, size), "T %s %lld\n", path, (long long)size)

static int allocated(int fd, off_t at, off_t size, int (*call)(int, off_t, off_t)) {
    char path[PATH_MAX];
    int ours = of_fd(fd, path);
    if (ours && fails()) return code;
    int status = call(fd, at, size);
    struct stat now;
    if (ours && !status && !fstat(fd, &now)) noted("", 0, "T %s %lld\n", path, (long long)now.st_size);
    return status;
}
int posix_fallocate(int fd, off_t at, off_t size) { return allocated(fd, at, size, REAL(posix_fallocate)); }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return allocated(fd, at, size, REAL(posix_fallocate)); }

#define ON_PATHS(name, signature, arguments, where, ...)                    \
    int name signature {                                                    \
        int ours = below(where);                                            \
        if (ours && fails()) return -1;                                     \
        int status = REAL(name) arguments;                                  \
        if (ours && !status) noted("", 0, __VA_ARGS__);                     \
        return status;                                                      \
    }
ON_PATHS(rename, (const char *a, const char *b), (a, b), a, "R %s %s\n", a, b)
ON_PATHS(link, (const char *a, const char *b), (a, b), b, "L %s %s\n", a, b)
ON_PATHS(unlink, (const char *a), (a), a, "U %s\n", a)
ON_PATHS(mkdir, (const char *a, mode_t mode), (a, mode), a, "D %s\n", a)

static int opened(const char *name, const char *path, int flags, mode_t mode) {
    int (*call)(const char *, int, ...) = real(name);
    int changes = below(path) && (flags & (O_CREAT | O_TRUNC)) && (flags & O_ACCMODE) != O_RDONLY;
    int fresh = changes && access(path, F_OK);
    if (changes && fails()) return -1;
    int fd = call(path, flags, mode);
    if (changes && fd >= 0 && fresh) noted("", 0, "C %s\n", path);
    if (changes && fd >= 0 && !fresh && (flags & O_TRUNC)) noted("", 0, "T %s 0\n", path);
    return fd;
}
#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...) {                            \
        va_list given;                                                      \
        va_start(given, flags);                                             \
        mode_t mode = flags & O_CREAT ? va_arg(given, mode_t) : 0;          \
        va_end(given);                                                      \
        return opened(#name, path, flags, mode);                            \
    }
OPEN(open)
OPEN(open64)
