/*
 * A wall clock that jumps. Preloaded into a program (LD_PRELOAD), it adds to all that tells the time of day
 * as many seconds as stand, as an int64_t, at the start of the file that TI_WALL_CLOCK names. The file is
 * mapped: whoever writes to it moves the clock at once, for every program that has it.
 *
 * Clocks that do not tell the time of day (CLOCK_MONOTONIC, CLOCK_BOOTTIME) are let through. The kernel is
 * asked directly, so that nothing in here depends on what other libraries put in the way of these functions.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *jump_s; /* mapped before main(), never unmapped */

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("TI_WALL_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*jump_s), PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        perror("wall_clock: TI_WALL_CLOCK");
        abort();
    }
    close(fd);
    jump_s = mapped;
}

static int read_clock(clockid_t clock, struct timespec *out)
{
    int r = (int)syscall(SYS_clock_gettime, clock, out);
    if (r == 0 && jump_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        out->tv_sec += *jump_s;
    return r;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    return read_clock(clock, out);
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (read_clock(CLOCK_REALTIME, &now) != 0)
        return -1;
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    read_clock(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
