/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child process is started, listened to, and ended. Its standard input is a file in
 * memory, so that neither side waits where the child writes before it reads, or never
 * reads.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "conf/base/clock.h"

#define OUTPUT_STEP  4096 /* bytes that the buffer starts with */
#define KILL_WAIT_MS 1000 /* a process that the kernel holds may outlive its SIGKILL */
#define LOOK_EACH_MS 5 /* has the process ended? where the kernel has no pidfd */

void child_end_clear(struct child_end *end)
{
	free(end->output);
	*end = (struct child_end){};
}

static int input_make(const struct child_spec *spec, int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = memfd_create("input", MFD_CLOEXEC);
	size_t done = 0;

	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "memfd_create");
	while (done < spec->input_len) {
		ssize_t n = pwrite(fd, spec->input + done, spec->input_len - done, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, CNI_ERR_IO, errno,
					   "writing a process's input to memory");
		done += n;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Where the process has the descriptor that it keeps. */
#define KEPT_FILENO (STDERR_FILENO + 1)

/* Does as dup2(), and a descriptor that is in its place already loses
 * its O_CLOEXEC, too. */
static int place(int fd, int wanted)
{
	return fd == wanted ? fcntl(fd, F_SETFD, 0) : dup2(fd, wanted);
}

/* Runs between vfork() and exec. It makes system calls only, because the memory
 * is the parent's. */
static _Noreturn void become(const struct child_spec *spec, int input, int output,
			     volatile int *ret_errno)
{
	static const int defaults[] = {SIGPIPE, SIGXFSZ, SIGALRM, SIGCHLD};
	char *const alone[] = {(char *)spec->path, NULL};

	setpgid(0, 0);
	/* An ADD of the child that outlived us would race with the DEL that follows. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		sigaction(defaults[i], &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	if (place(input, STDIN_FILENO) >= 0 && place(output, STDOUT_FILENO) >= 0 &&
	    (!spec->stderr_too || dup2(STDOUT_FILENO, STDERR_FILENO) >= 0) &&
	    (!spec->keep || place(spec->keep, KEPT_FILENO) >= 0)) {
		/* Our own caller may have left descriptors open; ours
		 * are all O_CLOEXEC. */
		syscall(SYS_close_range, spec->keep ? KEPT_FILENO + 1 : KEPT_FILENO, ~0U,
			0);
		execve(spec->path, spec->argv ? spec->argv : alone, spec->env);
	}
	*ret_errno = errno;
	_exit(127);
}

static int start(const struct child_spec *spec, int input, int output, pid_t *ret_pid,
		 struct cni_error *err)
{
	volatile int exec_errno = 0;
	pid_t pid = vfork();

	if (pid == 0)
		become(spec, input, output, &exec_errno);
	if (pid < 0)
		return error_errno(err, CNI_ERR_IO, errno, "starting a process");
	if (exec_errno) {
		waitpid(pid, NULL, 0);
		return error_errno(err, CNI_ERR_DELEGATE, exec_errno, "executing %s",
				   spec->path);
	}
	*ret_pid = pid;
	return 0;
}

#define MORE_MAY_COME 1

/* Reads what has come so far. MORE_MAY_COME; 0: the other end is closed, or too
 * much has come. */
static int output_take(const struct child_spec *spec, int fd, size_t *size,
		       struct child_end *end, struct cni_error *err)
{
	for (;;) {
		ssize_t got;

		if (end->output_len + 1 >= *size) {
			size_t grown = *size ? 2 * *size : OUTPUT_STEP;
			char *output = realloc(end->output, grown);

			if (!output)
				return error_oom(err);
			end->output = output;
			end->output[end->output_len] = '\0';
			*size = grown;
		}
		got = read(fd, end->output + end->output_len,
			   *size - end->output_len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return MORE_MAY_COME;
		if (got < 0)
			return error_errno(err, CNI_ERR_IO, errno,
					   "reading what %s prints", spec->path);
		end->output_len += got;
		end->output[end->output_len] = '\0';
		if (end->output_len > spec->output_max)
			end->too_long = true;
		if (got == 0 || end->too_long)
			return 0;
	}
}

/* Has the process ended? It is not reaped, so that its number stays its own. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {};

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

/* Reads the output until the process has ended, or has used up its time or its room.
 * @process: the pidfd, or -1. */
static int listen_to(const struct child_spec *spec, pid_t pid, int process, int output,
		     struct child_end *end, struct cni_error *err)
{
	struct pollfd fds[] = {
		{.fd = output, .events = POLLIN},
		{.fd = process, .events = POLLIN},
	};
	int64_t deadline = now_ms() + spec->timeout_ms;
	size_t size = 0;
	bool ended;
	int ret;

	for (;;) {
		int64_t left = deadline - now_ms();

		if (left <= 0) {
			end->timed_out = true;
			return 0;
		}
		if (process < 0 && left > LOOK_EACH_MS)
			left = LOOK_EACH_MS;
		ret = poll(fds, ARRAY_SIZE(fds), left);
		if (ret < 0 && errno != EINTR)
			return error_errno(err, CNI_ERR_IO, errno, "poll");
		ended = process < 0 ? has_ended(pid) : ret > 0 && fds[1].revents;
		if (ret <= 0 && !ended)
			continue;
		/* Once the process has ended its last words are there,
		 * whatever poll() saw. */
		if (fds[0].fd >= 0 && (ended || fds[0].revents)) {
			ret = output_take(spec, output, &size, end, err);
			if (ret < 0 || end->too_long)
				return ret;
			if (ret == 0)
				fds[0].fd = -1;
		}
		if (ended)
			return 0;
	}
}

static int attend(const struct child_spec *spec, pid_t pid, int output,
		  struct child_end *end, struct cni_error *err)
{
	/* A pidfd needs Linux 5.3. Without one the process is looked at
	 * again and again. */
	_cleanup_(close_p) int process = syscall(SYS_pidfd_open, pid, 0);
	int ret = listen_to(spec, pid, process, output, end, err);

	if (ret == 0 && !end->timed_out && !end->too_long) {
		waitpid(pid, &end->status, 0);
		return 0;
	}
	/* The process is not reaped yet, so the number is still its group's. */
	kill(-pid, SIGKILL);
	if (process >= 0)
		poll(&(struct pollfd){.fd = process, .events = POLLIN}, 1, KILL_WAIT_MS);
	for (int waited = 0; process < 0 && !has_ended(pid) && waited < KILL_WAIT_MS;
	     waited += LOOK_EACH_MS)
		poll(NULL, 0, LOOK_EACH_MS);
	waitpid(pid, NULL, WNOHANG);
	return ret;
}

static int converse(const struct child_spec *spec, int input, struct child_end *end,
		    struct cni_error *err)
{
	_cleanup_(close_p) int output = -1;
	int pipe_fds[2], ret;
	pid_t pid = -1;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "pipe2");
	output = pipe_fds[0];
	fcntl(output, F_SETFL, O_NONBLOCK);
	ret = start(spec, input, pipe_fds[1], &pid, err);
	close(pipe_fds[1]);
	return ret < 0 ? ret : attend(spec, pid, output, end, err);
}

int child_run(const struct child_spec *spec, struct child_end *ret_end,
	      struct cni_error *err)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	_cleanup_(child_end_clear) struct child_end end = {};
	_cleanup_(close_p) int input = -1;
	struct sigaction saved;
	int ret = input_make(spec, &input, err);

	if (ret < 0)
		return ret;
	/* Whoever started us may ignore SIGCHLD, and then nobody learns how
	 * a child ended. */
	if (sigaction(SIGCHLD, &usual, &saved) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "sigaction");
	ret = converse(spec, input, &end, err);
	sigaction(SIGCHLD, &saved, NULL);
	if (ret < 0)
		return ret;
	*ret_end = end;
	end = (struct child_end){};
	return 0;
}
