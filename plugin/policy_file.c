/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file is the administrator's alone: it and its directory belong to root, and nobody
 * else may write to them. Its path is a constant, because whoever could name another one
 * would be free of the policy.
 */
#include "policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "input.h"

/* Outcomes of policy_read(). */
#define POLICY_ABSENT 1

static int owner_check(const char *path, const struct stat *st, mode_t kind,
		       struct cni_error *err)
{
	if ((st->st_mode & S_IFMT) != kind)
		return error_set(err, CNI_ERR_CONFIG, EPERM,
				 "%s is no %s; a symbolic link is not followed", path,
				 kind == S_IFDIR ? "directory" : "regular file");
	if (st->st_uid != 0 || (st->st_mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, CNI_ERR_CONFIG, EPERM,
				 "%s belongs to user %u and has mode %03o: it must be "
				 "root's, and nobody else's to write to",
				 path, st->st_uid, st->st_mode & 0777);
	return 0;
}

static int policy_read(struct policy *ret_policy, struct cni_error *err)
{
	/* O_NONBLOCK: the open of a FIFO must not wait for a writer. */
	_cleanup_(close_p) int fd = open(POLICY_PATH, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
							      O_NOCTTY | O_CLOEXEC);
	_cleanup_(free_p) char *text = NULL;
	struct stat st, dir;
	size_t len = 0;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return POLICY_ABSENT;
	if (fd < 0 && errno == ELOOP)
		return error_set(err, CNI_ERR_IO, ELOOP,
				 POLICY_PATH
				 " is a symbolic link, which is not followed: "
				 "put the file itself there");
	if (fd < 0 || fstat(fd, &st) < 0 || lstat(POLICY_DIR, &dir) < 0)
		return error_errno(err, CNI_ERR_IO, errno,
				   "opening the policy " POLICY_PATH);
	ret = owner_check(POLICY_DIR, &dir, S_IFDIR, err);
	if (ret == 0)
		ret = owner_check(POLICY_PATH, &st, S_IFREG, err);
	if (ret == 0)
		ret = input_read(fd, POLICY_PATH, &text, &len, err);
	if (ret == -EFBIG)
		error_recode(err, CNI_ERR_CONFIG);
	if (ret < 0)
		return ret;
	ret = policy_parse(text, len, ret_policy, err);
	if (ret < 0)
		error_wrap(err, POLICY_PATH);
	return ret;
}

static int rule_find(struct operation *op, const char *network, struct cni_error *err)
{
	int ret;

	policy_clear(&op->policy);
	ret = policy_read(&op->policy, err);
	if (ret == POLICY_ABSENT)
		return 0;
	return ret < 0 ? ret : policy_rule_find(&op->policy, network, &op->rule, err);
}

int policy_ask(struct operation *op, const struct request *request, struct cni_error *err)
{
	int ret;

	if (request->env.verb != CNI_ADD && request->env.verb != CNI_STATUS &&
	    request->env.verb != CNI_VALIDATE)
		return 0;
	if (request->env.program == PROGRAM_LOOPBACK)
		return 0;
	ret = rule_find(op, request->network.name, err);
	if (ret < 0 || !op->rule)
		return ret;
	return policy_check(op->rule, &request->network, &request->pod,
			    request->env.program == PROGRAM_HOST_LOCAL, err);
}

/* Apart from its caller because of the room that an error needs. */
static _noinline_ void log_ask(struct operation *op, const struct request *request)
{
	const char *file = request->network.log.file;
	struct cni_error err = {};
	const char *why = err.msg;

	if (op->rule || rule_find(op, request->network.name, &err) == 0) {
		op->log_prefix = policy_log_prefix(op->rule, file);
		why = op->rule && op->rule->log_files.set
			      ? POLICY_PATH " does not allow it"
			      : "it is not below /var/log or /run; the administrator's "
				"policy, " POLICY_PATH ", can allow other places";
	}
	if (!op->log_prefix)
		notice(&op->notices, "logFile: %s was not written to: %s", file, why);
}

void policy_ask_log(struct operation *op, const struct request *request)
{
	if (request->network.log.file)
		log_ask(op, request);
}
