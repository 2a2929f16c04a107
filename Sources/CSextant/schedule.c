#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CSextant.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// As in linux/sched/types.h (version 1), which not every C library has a declaration of.
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
    uint32_t least_utilization;
    uint32_t most_utilization;
};

int sx_set_turn(uint64_t nanos) {
    struct attributes wanted;
    memset(&wanted, 0, sizeof wanted);
    if (syscall(SYS_sched_getattr, 0, &wanted, sizeof wanted, 0) != 0) return errno;
    if (wanted.policy != SCHED_OTHER) return 0;
    wanted.runtime = nanos;
    return syscall(SYS_sched_setattr, 0, &wanted, 0) == 0 ? 0 : errno;
}
