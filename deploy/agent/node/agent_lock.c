/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A POSIX lock on a file: the kernel tells the PID of its holder, as a number of the PID
 * namespace of whoever asks.
 */
#include "agent_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin/node/node.h"

#define LOCK_PATH NODE_LOCK_DIR "/" AGENT_LOCK_FILE
#define WAIT_MS	  30000
#define STEP_MS	  20

static int lock_open(int *ret_fd, struct cni_error *err)
{
	int fd;

	if (mkdir(NODE_LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return error_errno(err, CNI_ERR_IO, errno, "making " NODE_LOCK_DIR);
	fd = open(LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening " LOCK_PATH);
	*ret_fd = fd;
	return 0;
}

/* AGENT_LOCK_HELD: *@ret_holder is the holder's PID; 0: the holder has just gone, or its
 * PID namespace is not seen from here. */
static int lock_try(int fd, pid_t *ret_holder, struct cni_error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return error_errno(err, CNI_ERR_IO, errno, "locking " LOCK_PATH);
	lock.l_type = F_WRLCK;
	if (fcntl(fd, F_GETLK, &lock) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "looking at " LOCK_PATH);
	*ret_holder = lock.l_type == F_UNLCK ? 0 : lock.l_pid;
	return AGENT_LOCK_HELD;
}

int agent_lock_take(int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	pid_t holder;
	int ret = lock_open(&fd, err);

	if (ret == 0)
		ret = lock_try(fd, &holder, err);
	if (ret == 0)
		*ret_fd = TAKE_FD(fd);
	return ret;
}

int agent_lock_take_over(int *ret_fd, struct cni_error *err)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
	_cleanup_(close_p) int fd = -1;
	pid_t holder = 0, asked = 0;
	int ret = lock_open(&fd, err);

	for (int waited = 0; ret == 0; waited += STEP_MS) {
		ret = lock_try(fd, &holder, err);
		if (ret <= 0)
			break;
		if (waited > WAIT_MS || holder < 0)
			return error_set(err, CNI_ERR_TRY_AGAIN, EBUSY,
					 "an agent holds " LOCK_PATH
					 " and doesn't give it up; stop it");
		if (holder > 0 && holder != asked && kill(holder, AGENT_LOCK_SIGNAL) == 0)
			asked = holder;
		nanosleep(&step, NULL);
		ret = 0;
	}
	if (ret == 0)
		*ret_fd = TAKE_FD(fd);
	return ret;
}
