/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flock() with a bounded wait. */
#include "flock.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/time.h>

#include "clock.h"

/* An alarm that comes just before flock() sleeps is lost; the next is this far away. */
#define ALARM_REPEAT_MS 20

/* The alarm settings that the process had before the wait. */
struct alarm_state {
	sigset_t mask;
	struct sigaction action;
	struct itimerval timer;
};

static void on_alarm(int signum)
{
	(void)signum; /* the system call that it interrupts is the effect */
}

static struct timeval ms_to_timeval(unsigned int ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* 0 or -errno, and then all is as before. */
static int alarm_start(unsigned int ms, struct alarm_state *ret_saved)
{
	struct itimerval timer = {
		.it_value = ms_to_timeval(ms),
		.it_interval = ms_to_timeval(ALARM_REPEAT_MS),
	};
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	sigset_t alarm_only;
	int ret = 0;

	sigemptyset(&action.sa_mask);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	if (sigaction(SIGALRM, &action, &ret_saved->action) < 0)
		return -errno;
	/* A runtime may have started us with the signal blocked. */
	if (sigprocmask(SIG_UNBLOCK, &alarm_only, &ret_saved->mask) < 0) {
		ret = -errno;
	} else if (setitimer(ITIMER_REAL, &timer, &ret_saved->timer) < 0) {
		ret = -errno;
		sigprocmask(SIG_SETMASK, &ret_saved->mask, NULL);
	}
	if (ret < 0)
		sigaction(SIGALRM, &ret_saved->action, NULL);
	return ret;
}

static void alarm_stop(const struct alarm_state *saved)
{
	/* The timer is stopped before the handler goes: an alarm without a handler kills
	 * the process. */
	setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
	sigprocmask(SIG_SETMASK, &saved->mask, NULL);
	sigaction(SIGALRM, &saved->action, NULL);
	setitimer(ITIMER_REAL, &saved->timer, NULL);
}

int flock_wait(int fd, int operation, unsigned int wait_ms)
{
	struct alarm_state saved;
	int64_t deadline;
	int ret;

	if (flock(fd, operation | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	if (wait_ms == 0)
		return -ETIMEDOUT;

	/* Sleeping in flock() keeps its queue fair; polling would starve in a storm. */
	deadline = now_ms() + wait_ms;
	ret = alarm_start(wait_ms, &saved);
	if (ret < 0)
		return ret;
	do
		ret = flock(fd, operation) == 0 ? 0 : -errno;
	while (ret == -EINTR && now_ms() < deadline);
	alarm_stop(&saved);

	return ret == -EINTR ? -ETIMEDOUT : ret;
}

int flock_wait_telling(int fd, int operation, unsigned int wait_ms, flock_tell_fn tell,
		       const char *path)
{
	int ret;

	if (!tell || wait_ms <= FLOCK_TELL_MS)
		return flock_wait(fd, operation, wait_ms);
	ret = flock_wait(fd, operation, FLOCK_TELL_MS);
	if (ret != -ETIMEDOUT)
		return ret;
	tell(path, (wait_ms - FLOCK_TELL_MS) / 1000);
	return flock_wait(fd, operation, wait_ms - FLOCK_TELL_MS);
}

bool lock_has_no_room(int errnum)
{
	return errnum == ENOSPC || errnum == EDQUOT || errnum == EROFS;
}
