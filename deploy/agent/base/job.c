/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * posix_spawn(), with files in memory as the child's standard streams: nothing has to be
 * read or written while the child runs.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "conf/base/clock.h"

static void job_clear(struct job *job)
{
	close_p(&job->pidfd);
	close_p(&job->output);
	*job = (struct job)JOB_NONE;
}

static int memory_file(const char *name, const char *text, int *ret_fd,
		       struct cni_error *err)
{
	_cleanup_(close_p) int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "a file in memory");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/*
 * The child gets no blocked signal and the default action of SIGPIPE, as if a shell had
 * started it. Returns 0 or a positive errno, as posix_spawn() does.
 */
static int spawn(struct job *job, char *const argv[], char *const env[], int input)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int ret;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, job->output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, job->output, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn(&job->pid, argv[0], &files, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return ret;
}

int job_start(struct job *job, char *const argv[], char *const env[], const char *input,
	      struct cni_error *err)
{
	_cleanup_(close_p) int in = -1;
	int ret = memory_file("input", input, &in, err);

	if (ret == 0)
		ret = memory_file("output", "", &job->output, err);
	if (ret < 0)
		return ret;
	ret = spawn(job, argv, env, in);
	if (ret != 0) {
		job->pid = 0;
		job_clear(job);
		return error_errno(err, CNI_ERR_IO, ret, "starting %s", argv[0]);
	}
	job->started = now_ms();
	job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	if (job->pidfd < 0) {
		ret = error_errno(err, CNI_ERR_IO, errno, "watching %s", argv[0]);
		job_kill(job);
	}
	return ret;
}

/* Returns what job_end() tells as the status; 127: there is no such child. */
static int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int job_end(struct job *job, int *ret_status, char **ret_output, struct cni_error *err)
{
	_cleanup_(free_p) char *output = calloc(1, JOB_OUTPUT_MAX + 1);
	int ret = 0;

	*ret_status = child_wait(job->pid);
	if (!output)
		ret = error_oom(err);
	else if (pread(job->output, output, JOB_OUTPUT_MAX, 0) < 0)
		ret = error_errno(err, CNI_ERR_IO, errno, "reading what a child wrote");
	if (ret == 0)
		*ret_output = TAKE_PTR(output);
	job_clear(job);
	return ret;
}

void job_kill(struct job *job)
{
	if (!job->pid)
		return;
	kill(job->pid, SIGKILL);
	(void)child_wait(job->pid);
	job_clear(job);
}
