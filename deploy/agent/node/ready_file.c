/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file is empty: that it exists is the whole message. */
#include "ready_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "conf/network.h"

int ready_file_make(struct cni_error *err)
{
	/* The directory is there, as the agent lock is in it. */
	_cleanup_(close_p) int fd =
		open(AGENT_READY_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? error_errno(err, CNI_ERR_IO, errno, "making " AGENT_READY_FILE)
		      : 0;
}

int ready_file_remove(struct cni_error *err)
{
	if (unlink(AGENT_READY_FILE) < 0 && errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "removing " AGENT_READY_FILE);
	return 0;
}
