/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs whole processes and says what each cost: measure [-t | -j N] <plan
 *
 * A line of the plan is a process, its fields separated by tabs: the descriptors of the mount
 * and the network namespace that it runs in, the exit status that it must have, the files that
 * are its input and output, the executable, then its environment. For each a line is printed:
 * wall time until it ends in ns, processor time in µs (its children's, too). With -t, traced:
 * system calls and the peak of resident memory in KiB (of all its processes; of the largest).
 * With -j, N at a time: only the time of all, in ns. The next begins when nothing is left of
 * the one before. Exit status 1 after the first that fails.
 */
#include <fcntl.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIELDS_MAX 32
#define JOBS_MAX   256

struct step {
	int mount_ns, net_ns, status;
	char *fields[FIELDS_MAX]; /* input, output, executable, environment, NULL */
};

struct job {
	pid_t pid;
	struct step step;
};

struct cost {
	long calls, peak_kib;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* In its own static memory: this process stays small, a child begins with its peak. */
static int step_read(struct step *step)
{
	static char line[16384];
	char *rest = line;
	int n = 0;

	if (!fgets(line, sizeof(line), stdin))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	step->mount_ns = atoi(strsep(&rest, "\t"));
	step->net_ns = atoi(strsep(&rest, "\t"));
	step->status = atoi(strsep(&rest, "\t"));
	while (rest && n < FIELDS_MAX - 1)
		step->fields[n++] = strsep(&rest, "\t");
	step->fields[n] = NULL;
	return 1;
}

static void enter(const struct step *step)
{
	if (setns(step->mount_ns, CLONE_NEWNS) < 0 ||
	    setns(step->net_ns, CLONE_NEWNET) < 0)
		die("setns");
}

static pid_t start(const struct step *step, int traced)
{
	char *const argv[] = {step->fields[2], NULL};
	pid_t pid = vfork();
	int in, out;

	if (pid < 0)
		die("vfork");
	if (pid > 0)
		return pid;
	in = open(step->fields[0], O_RDONLY);
	out = open(step->fields[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	close(in);
	close(out);
	if (traced)
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execve(argv[0], argv, step->fields + 3);
	_exit(127);
}

static void judge(const struct step *step, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == step->status)
		return;
	fprintf(stderr, "status %#x; output %s\n", status, step->fields[1]);
	exit(1);
}

static long long processor_us(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000LL +
	       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

/* Also until those have ended that it left behind, which is no part of the wall time. */
static void run(const struct step *step)
{
	struct rusage usage;
	int64_t begin = now_ns(), end;
	pid_t pid = start(step, 0);
	long long processor;
	int status;

	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	end = now_ns();
	judge(step, status);
	processor = processor_us(&usage);
	while (wait4(-1, NULL, 0, &usage) > 0)
		processor += processor_us(&usage);
	printf("%lld %lld\n", (long long)(end - begin), processor);
}

/* VmHWM: exact, where wait4() has what each processor knew. */
static long peak_kib(pid_t pid)
{
	char path[64], line[256];
	long peak = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmHWM: %ld", &peak);
	if (file)
		fclose(file);
	return peak;
}

static int is_entry(pid_t pid)
{
	struct ptrace_syscall_info info = {};

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* A traced process has stopped: the signal that it is to go on with. */
static int stopped(pid_t pid, int status, struct cost *cost)
{
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		cost->calls += is_entry(pid);
		return 0;
	}
	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
		long peak = peak_kib(pid);

		cost->peak_kib = peak > cost->peak_kib ? peak : cost->peak_kib;
	}
	/* SIGSTOP: a new child of its own is there. */
	return signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

static void trace(const struct step *step)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	struct cost cost = {.calls = 1}; /* its execve() */
	pid_t first = start(step, 1), pid;
	int status;

	if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status))
		die("not traced");
	ptrace(PTRACE_SETOPTIONS, first, NULL, options);
	ptrace(PTRACE_SYSCALL, first, NULL, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			ptrace(PTRACE_SYSCALL, pid, NULL, stopped(pid, status, &cost));
		else if (pid == first)
			judge(step, status);
	}
	printf("%ld %ld\n", cost.calls, cost.peak_kib);
}

/* Ends the one of @jobs that ends first, past those left behind; returns its place. */
static int await_one(const struct job jobs[], int n)
{
	for (;;) {
		int status, i = 0;
		pid_t pid = wait(&status);

		if (pid < 0)
			die("wait");
		while (i < n && jobs[i].pid != pid)
			i++;
		if (i == n)
			continue;
		judge(&jobs[i].step, status);
		return i;
	}
}

static void run_side_by_side(int n)
{
	static struct job jobs[JOBS_MAX];
	int64_t begin = now_ns();
	int running = 0, place;
	struct step step;

	if (n < 1 || n > JOBS_MAX)
		die("-j");
	while (step_read(&step)) {
		place = running < n ? running++ : await_one(jobs, n);
		enter(&step);
		jobs[place].step = step;
		jobs[place].step.fields[1] = strdup(step.fields[1]);
		jobs[place].pid = start(&step, 0);
	}
	while (running > 0) {
		place = await_one(jobs, running);
		jobs[place] = jobs[--running];
	}
	while (wait(NULL) > 0)
		;
	printf("%lld\n", (long long)(now_ns() - begin));
}

int main(int argc, char **argv)
{
	int traced = argc == 2 && strcmp(argv[1], "-t") == 0;
	struct step step;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
	if (argc == 3 && strcmp(argv[1], "-j") == 0) {
		run_side_by_side(atoi(argv[2]));
		return 0;
	}
	while (step_read(&step)) {
		enter(&step);
		if (traced)
			trace(&step);
		else
			run(&step);
	}
	return 0;
}
