/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node lock: an flock() on a file of the network namespace's own, gone with its
 * holder, and in the same file two bytes for each attachment that somebody is at work on.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "node.h"

#define NODE_LOCK_PATH_MAX 64
#define LOCK_FILE	   "lock"
#define GATE_FILE	   "gate"
#define IDENTITY_POLL_MS   2

/* Makes the path NODE_LOCK_DIR/node-INODE.SUFFIX. Code 5. */
static int lock_path(const struct node *node, const char *suffix,
		     char ret_path[NODE_LOCK_PATH_MAX], struct cni_error *err)
{
	struct stat ns = {};

	if (fstat(node->ns, &ns) < 0)
		return error_errno(err, CNI_ERR_IO, errno,
				   "looking at this network namespace");
	snprintf(ret_path, NODE_LOCK_PATH_MAX, NODE_LOCK_DIR "/node-%" PRIu64 ".%s",
		 (uint64_t)ns.st_ino, suffix);
	return 0;
}

/* Makes a file in memory in place of a lock's file that can't be made: then nobody else
 * has made the lock's file, and locked it. */
static int lock_stand_in(const struct node *node)
{
	int errnum = errno, fd = -1;

	if (node->removes && lock_has_no_room(errnum))
		fd = memfd_create("lock", MFD_CLOEXEC);
	errno = errnum;
	return fd;
}

/* Opens that file. The directory is made where it is missing. Code 5. */
static int lock_open(const struct node *node, const char *suffix, struct cni_error *err)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	char path[NODE_LOCK_PATH_MAX];
	int fd = lock_path(node, suffix, path, err);

	if (fd < 0)
		return fd;
	fd = open(path, flags, 0600);
	if (fd < 0 && errno == ENOENT &&
	    (mkdir(NODE_LOCK_DIR, 0700) == 0 || errno == EEXIST))
		fd = open(path, flags, 0600);
	if (fd < 0)
		fd = lock_stand_in(node);
	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening the node lock %s",
				   path);
	return fd;
}

static int lock_wait(const struct node *node, int fd, int operation, const char *suffix,
		     struct cni_error *err)
{
	char path[NODE_LOCK_PATH_MAX] = "";
	int ret, named;

	if (node->tell_wait)
		(void)lock_path(node, suffix, path, NULL);
	ret = flock_wait_telling(fd, operation, NODE_LOCK_SECONDS * 1000, node->tell_wait,
				 path);
	if (ret == 0)
		return 0;
	named = lock_path(node, suffix, path, err);
	if (named < 0)
		return named;
	if (ret == -ETIMEDOUT)
		return error_set(
			err, CNI_ERR_TRY_AGAIN, EAGAIN,
			"the node lock %s was not free for %d seconds; `fuser %s` "
			"tells who holds it",
			path, NODE_LOCK_SECONDS, path);
	return error_errno(err, CNI_ERR_IO, -ret, "locking %s", path);
}

/* The two bytes of the lock file that are an attachment's. */
enum identity_byte {
	/* locked by an operation that has the node lock, too; shared by CHECKs */
	IDENTITY_WORK,
	IDENTITY_PRESENCE, /* shared by all operations; an ADD that begins has it alone */
};

static struct flock identity_byte(uint64_t identity, enum identity_byte which, short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(identity & INT64_MAX >> 2) * 2 + which,
		.l_len = 1,
	};
}

static int identity_fcntl(const struct node *node, enum identity_byte which, short type)
{
	struct flock byte = identity_byte(node->identity, which, type);

	return fcntl(node->lock_fd, F_OFD_SETLK, &byte) < 0 ? -errno : 0;
}

/* A runtime that runs two operations on one attachment at once makes a mistake: polling
 * is good enough for it. */
static int identity_wait(const struct node *node, enum identity_byte which, short type,
			 struct cni_error *err)
{
	int ret = identity_fcntl(node, which, type), named;
	char path[NODE_LOCK_PATH_MAX];

	for (int waited = 0;
	     (ret == -EAGAIN || ret == -EACCES) && waited < NODE_LOCK_SECONDS * 1000;
	     waited += IDENTITY_POLL_MS) {
		if (waited == FLOCK_TELL_MS && node->tell_wait &&
		    lock_path(node, LOCK_FILE, path, NULL) == 0)
			node->tell_wait(path, NODE_LOCK_SECONDS - waited / 1000);
		nanosleep(&(struct timespec){.tv_nsec = IDENTITY_POLL_MS * 1000000L},
			  NULL);
		ret = identity_fcntl(node, which, type);
	}
	if (ret == 0)
		return 0;
	named = lock_path(node, LOCK_FILE, path, err);
	if (named < 0)
		return named;
	if (ret != -EAGAIN && ret != -EACCES)
		return error_errno(err, CNI_ERR_IO, -ret, "locking %s", path);
	return error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
			 "another operation on the same attachment has been going on for "
			 "%d seconds (`fuser %s`)",
			 NODE_LOCK_SECONDS, path);
}

static int identity_lock(struct node *node, struct cni_error *err)
{
	bool begins = !node->present;
	int ret = 0;

	if (begins)
		ret = identity_wait(node, IDENTITY_PRESENCE,
				    node->adds ? F_WRLCK : F_RDLCK, err);
	if (ret == 0)
		ret = identity_wait(node, IDENTITY_WORK, node->looks ? F_RDLCK : F_WRLCK,
				    err);
	if (ret == 0 && begins && node->adds)
		identity_fcntl(node, IDENTITY_PRESENCE, F_RDLCK);
	node->present = node->present || ret == 0;
	return ret;
}

int node_lock(struct node *node, enum node_lock lock, struct cni_error *err)
{
	int operation = lock == NODE_EXCLUSIVE ? LOCK_EX : LOCK_SH;
	_cleanup_(close_p) int gate = -1;
	int fd, ret;

	if (node->lock >= lock)
		return 0;
	if (node->lock_fd < 0) {
		fd = lock_open(node, LOCK_FILE, err);
		if (fd < 0)
			return fd;
		node->lock_fd = fd;
	}
	/* flock() would keep the shared lock while it waits: two that want more would
	 * wait for each other. */
	if (node->lock != NODE_UNLOCKED) {
		flock(node->lock_fd, LOCK_UN);
		node->gaps++;
	} else if (node->identity) {
		ret = identity_lock(node, err);
		if (ret < 0)
			return ret;
	}
	node->lock = NODE_UNLOCKED;
	/*
	 * An operation that waits for the exclusive lock holds the gate, which all others
	 * have to pass. Without a gate flock() would let in operations that share the
	 * lock for ever.
	 */
	gate = lock_open(node, GATE_FILE, err);
	ret = gate < 0 ? gate : lock_wait(node, gate, operation, GATE_FILE, err);
	if (ret == 0)
		ret = lock_wait(node, node->lock_fd, operation, LOCK_FILE, err);
	if (ret == 0)
		node->lock = lock;
	return ret;
}

int node_share(struct node *node, struct cni_error *err)
{
	int ret;

	if (node->lock != NODE_EXCLUSIVE)
		return 0;
	node->lock = NODE_UNLOCKED;
	node->gaps++;
	ret = lock_wait(node, node->lock_fd, LOCK_SH, LOCK_FILE, err);
	if (ret == 0)
		node->lock = NODE_SHARED;
	return ret;
}

void node_unlock(struct node *node)
{
	if (node->lock != NODE_UNLOCKED) {
		flock(node->lock_fd, LOCK_UN);
		node->gaps++;
		if (node->identity)
			identity_fcntl(node, IDENTITY_WORK, F_UNLCK);
	}
	node->lock = NODE_UNLOCKED;
}

bool node_is_changing(const struct node *node, uint64_t identity)
{
	struct flock byte = identity_byte(identity, IDENTITY_WORK, F_RDLCK);

	return fcntl(node->lock_fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}
