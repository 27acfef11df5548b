/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A POSIX lock, as the kernel says who holds it, in the numbers of our own PID namespace. */
#include "agent_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin/node/node.h"

#define PATH	NODE_LOCK_DIR "/" CLAIM_FILE
#define WAIT_MS 30000
#define STEP_MS 20

static int claim_open(int *ret_fd, struct cni_error *err)
{
	int fd;

	if (mkdir(NODE_LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return error_errno(err, CNI_ERR_IO, errno, "making " NODE_LOCK_DIR);
	fd = open(PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening " PATH);
	*ret_fd = fd;
	return 0;
}

/* 0: got it; 1: @ret_holder has it. */
static int try(int fd, pid_t *ret_holder, struct cni_error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return error_errno(err, CNI_ERR_IO, errno, "locking " PATH);
	lock.l_type = F_WRLCK;
	if (fcntl(fd, F_GETLK, &lock) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "looking at " PATH);
	*ret_holder = lock.l_type == F_UNLCK ? 0 : lock.l_pid;
	return 1;
}

int claim_take(int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	pid_t holder;
	int r = claim_open(&fd, err);

	if (r == 0)
		r = try(fd, &holder, err);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r > 0 ? -EAGAIN : r;
}

int claim_wrest(int *ret_fd, struct cni_error *err)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
	_cleanup_(close_p) int fd = -1;
	pid_t holder = 0, asked = 0;
	int r = claim_open(&fd, err);

	for (int waited = 0; r == 0; waited += STEP_MS) {
		r = try(fd, &holder, err);
		if (r <= 0)
			break;
		if (waited > WAIT_MS || holder < 0)
			return error_set(err, CNI_ERR_TRY_AGAIN, EBUSY,
					 "an agent holds " PATH
					 " and doesn't give it up; stop it");
		/* 0 where its PID namespace is another, and when it has just gone. */
		if (holder > 0 && holder != asked && kill(holder, CLAIM_SIGNAL) == 0)
			asked = holder;
		nanosleep(&step, NULL);
		r = 0;
	}
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}
