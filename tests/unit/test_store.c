/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: the files byte for byte, holders, the lock, damaged directories. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "conf/base/flock.h"
#include "ipam/store/holder.h"

static const struct holder pod = {"pod-1", "eth0"};

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static void open_ok(const char *dir, enum store_mode mode, struct store *store)
{
	struct cni_error err = {};

	if (store_open(dir, "net", mode, 1000, store, &err) < 0)
		fail_msg("%s", err.msg);
}

static void reserve_ok(const char *dir, const struct holder *holder, const char *text)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr addr = ip(text);
	struct cni_error err = {};
	struct file_mark mark;

	open_ok(dir, STORE_CREATE, &store);
	assert_int_equal(store_prepare(&store, 0, holder, &mark, &err), 0);
	assert_int_equal(store_place(&store, 0, &addr, &err), 0);
}

static int release(const char *dir, const struct holder *holder, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct rebuild_news news = {};
	size_t removed;

	open_ok(dir, STORE_EXISTING, &store);
	assert_int_equal(index_open(&store, "", &news, err), 0);
	return store_release(&store, holder, NULL, &removed, err);
}

static void a_reservation_is_what_host_local_writes(void **state)
{
	const char *dir = *state;
	mode_t old = umask(077);

	reserve_ok(dir, &pod, "10.1.2.3");
	reserve_ok(dir, &pod, "2001:db8::a");
	umask(old);
	assert_file(dir, "net/10.1.2.3", "pod-1\r\neth0", 0644);
	assert_file(dir, "net/2001:db8::a", "pod-1\r\neth0", 0644);
	assert_mode(dir, "net", 0755);
	assert_absent(dir, ".bridge-cni/net/.reservation.0");
}

static void missing_parents_are_made_umask_or_not(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	char path[PATH_MAX];
	mode_t old = umask(077);

	snprintf(path, sizeof(path), "%s/a/b//c", (char *)*state);
	open_ok(path, STORE_CREATE, &store);
	umask(old);
	assert_mode(*state, "a", 0755);
	assert_mode(*state, "a/b/c/net", 0755);
}

static void a_taken_address_is_told_and_left_alone(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr taken = ip("10.1.2.3"), next = ip("10.1.2.4");
	struct cni_error err = {};
	struct file_mark mark;

	put_file(*state, "net/10.1.2.3", "other\r\neth0");
	open_ok(*state, STORE_CREATE, &store);
	assert_int_equal(store_prepare(&store, 0, &pod, &mark, &err), 0);
	assert_int_equal(store_place(&store, 0, &taken, &err), STORE_TAKEN);
	assert_int_equal(err.code, 0);
	assert_int_equal(store_place(&store, 0, &next, &err), 0);
	assert_file(*state, "net/10.1.2.3", "other\r\neth0", 0);
	assert_file(*state, "net/10.1.2.4", "pod-1\r\neth0", 0644);
}

static void what_a_killed_add_left_aside_is_removed(void **state)
{
	reserve_ok(*state, &pod, "10.1.2.3");
	/* Killed between link() and unlink(): both names are one file. */
	link_file(*state, "net/10.1.2.3", ".bridge-cni/net/.reservation.0");
	reserve_ok(*state, &(struct holder){"pod-2", "eth0"}, "10.1.2.4");
	assert_file(*state, "net/10.1.2.3", "pod-1\r\neth0", 0644);
	assert_file(*state, "net/10.1.2.4", "pod-2\r\neth0", 0644);
	assert_absent(*state, ".bridge-cni/net/.reservation.0");
}

static void a_prepared_reservation_that_is_not_placed_goes(void **state)
{
	struct store store = STORE_CLOSED;
	struct cni_error err = {};
	struct file_mark mark;

	open_ok(*state, STORE_CREATE, &store);
	assert_int_equal(store_prepare(&store, 0, &pod, &mark, &err), 0);
	assert_file(*state, ".bridge-cni/net/.reservation.0", "pod-1\r\neth0", 0644);
	store_close(&store);
	assert_absent(*state, ".bridge-cni/net/.reservation.0");
}

static bool last_get(const struct store *store, size_t set, struct ip_addr *ret_ip)
{
	_cleanup_(last_close) struct last_file last = LAST_CLOSED;

	store_last_get(store, set, &last);
	*ret_ip = last.ip;
	return last.ip.family != 0;
}

static int last_put(const struct store *store, size_t set, const struct ip_addr *addr,
		    struct cni_error *err)
{
	_cleanup_(last_close) struct last_file last = LAST_CLOSED;

	store_last_get(store, set, &last);
	return store_last_put(store, set, &last, addr, err);
}

static void last_reserved_is_rewritten_in_place(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr longer = ip("10.1.2.254"), shorter = ip("10.1.2.3"), got;
	struct cni_error err = {};
	mode_t old = umask(077);

	open_ok(*state, STORE_CREATE, &store);
	assert_false(last_get(&store, 1, &got));
	assert_int_equal(last_put(&store, 1, &longer, &err), 0);
	assert_file(*state, "net/last_reserved_ip.1", "10.1.2.254", 0644);
	assert_int_equal(last_put(&store, 1, &shorter, &err), 0);
	umask(old);
	assert_file(*state, "net/last_reserved_ip.1", "10.1.2.3", 0644);
	assert_true(last_get(&store, 1, &got));
	assert_true(ip_equal(&got, &shorter));
	assert_false(last_get(&store, 0, &got));
}

static void a_garbled_last_reserved_is_no_address(void **state)
{
	static const char *const garbled[] = {
		"", "10.1.2", "hello", "10.1.2.3 10.1.2.4",
		"1111:2222:3333:4444:5555:6666:7777:8888:9"};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr got;

	open_ok(*state, STORE_CREATE, &store);
	for (size_t i = 0; i < ARRAY_SIZE(garbled); i++) {
		put_file(*state, "net/last_reserved_ip.0", garbled[i]);
		assert_false(last_get(&store, 0, &got));
	}
}

static void links_and_pipes_are_not_followed_for_last_reserved(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr addr = ip("10.1.2.3"), got;
	struct cni_error err = {};

	open_ok(*state, STORE_CREATE, &store);
	put_file(*state, "victim", "untouched");
	symlink_file(*state, "../victim", "net/last_reserved_ip.0");
	fifo_file(*state, "net/last_reserved_ip.1");
	for (size_t set = 0; set < 2; set++) {
		assert_false(last_get(&store, set, &got));
		assert_int_equal(last_put(&store, set, &addr, &err), 0);
		assert_true(last_get(&store, set, &got));
	}
	assert_file(*state, "victim", "untouched", 0);
	assert_file(*state, "net/last_reserved_ip.0", "10.1.2.3", 0644);
	assert_file(*state, "net/last_reserved_ip.1", "10.1.2.3", 0644);
}

static void a_directory_as_last_reserved_is_a_clear_error(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr addr = ip("10.1.2.3");
	struct cni_error err = {};

	make_dir(*state, "net/last_reserved_ip.0");
	open_ok(*state, STORE_CREATE, &store);
	assert_int_equal(last_put(&store, 0, &addr, &err), -EISDIR);
	assert_error(&err, CNI_ERR_IO, "net/last_reserved_ip.0");
	assert_non_null(strstr(err.details, "remove it"));
}

static void release_takes_all_of_an_holder_and_nothing_else(void **state)
{
	struct cni_error err = {};

	put_file(*state, "net/10.1.2.3", "pod-1\r\neth0");
	put_file(*state, "net/2001:db8::3", " pod-1\r\neth0\n"); /* trimmed */
	put_file(*state, "net/10.1.2.4", "pod-1\r\neth1");
	put_file(*state, "net/10.1.2.5", "pod-10\r\neth0");
	put_file(*state, "net/10.1.2.6", "pod-1\neth0");
	put_file(*state, "net/10.1.2.7", "pod-1");
	put_file(*state, "net/10.1.2.8", "pod-1 eth0");
	put_file(*state, "net/last_reserved_ip.0", "pod-1\r\neth0");
	make_dir(*state, "net/10.1.2.9");
	put_file(*state, "victim", "pod-1\r\neth0");
	symlink_file(*state, "../victim", "net/10.1.2.10");
	fifo_file(*state, "net/10.1.2.11");

	assert_int_equal(release(*state, &pod, &err), 0);
	assert_absent(*state, "net/10.1.2.3");
	assert_absent(*state, "net/2001:db8::3");
	for (int i = 4; i <= 11; i++) {
		char name[32];

		snprintf(name, sizeof(name), "net/10.1.2.%d", i);
		assert_present(*state, name);
	}
	assert_present(*state, "net/last_reserved_ip.0");
	assert_present(*state, "victim");
}

static void release_knows_the_old_format_where_nothing_else_is(void **state)
{
	struct cni_error err = {};

	put_file(*state, "net/10.1.2.3", "pod-1\r\neth0");
	put_file(*state, "net/10.1.2.4", "pod-1\n");
	put_file(*state, "net/10.1.2.5", "pod-1");
	assert_int_equal(release(*state, &pod, &err), 0);
	assert_absent(*state, "net/10.1.2.3");
	assert_present(*state, "net/10.1.2.4");
	assert_int_equal(release(*state, &pod, &err), 0);
	assert_absent(*state, "net/10.1.2.4");
	assert_absent(*state, "net/10.1.2.5");
	assert_int_equal(release(*state, &pod, &err), 0);
}

static void lock_and_last_reserved_are_no_reservations(void **state)
{
	struct cni_error err = {};

	put_file(*state, "net/lock", "10.1.2.3");
	put_file(*state, "net/last_reserved_ip.0", "10.1.2.3");
	assert_int_equal(release(*state, &(struct holder){"10.1.2.3", "eth0"}, &err), 0);
	assert_present(*state, "net/last_reserved_ip.0");
	assert_present(*state, "net/lock");
}

static void a_store_that_is_not_there_is_not_made_by_release(void **state)
{
	struct store store = STORE_CLOSED;
	struct cni_error err = {};
	char path[PATH_MAX];

	assert_int_equal(store_open(*state, "none", STORE_EXISTING, 0, &store, &err),
			 STORE_ABSENT);
	put_file(*state, "file", "");
	snprintf(path, sizeof(path), "%s/file", (char *)*state);
	assert_int_equal(store_open(path, "net", STORE_EXISTING, 0, &store, &err),
			 STORE_ABSENT);
	assert_int_equal(err.code, 0);
	assert_absent(*state, "none");
	assert_absent(*state, ".bridge-cni");
}

static void a_data_dir_that_is_a_file_is_a_clear_error(void **state)
{
	struct store store = STORE_CLOSED;
	struct cni_error err = {};
	char path[PATH_MAX];

	put_file(*state, "file", "");
	snprintf(path, sizeof(path), "%s/file", (char *)*state);
	assert_int_equal(store_open(path, "net", STORE_CREATE, 0, &store, &err),
			 -ENOTDIR);
	assert_error(&err, CNI_ERR_IO, "file/net");
	assert_non_null(strstr(err.details, "ENOTDIR"));
	assert_non_null(strstr(err.details, "must be directories"));
}

static void the_holder_of_an_address_is_found(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct ip_addr addr = ip("10.1.2.3"), got;
	struct rebuild_news news = {};
	struct holder_text text = {};
	struct cni_error err = {};
	char big[400];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	open_ok(*state, STORE_CREATE, &store);
	assert_int_equal(store_holder_of(&store, &addr, &text), -ENOENT);
	put_file(*state, "net/10.1.2.3", "pod-1\r\neth0\n");
	assert_int_equal(store_holder_of(&store, &addr, &text), 0);
	assert_int_equal(holder_match(&text, &pod), HOLDER_EXACT);
	assert_string_equal(HOLDER_TEXT(&text), "pod-1/eth0");
	assert_int_equal(index_open(&store, "", &news, &err), 0);
	assert_int_equal(store_find(&store, &pod, &got, &err), 1);
	assert_true(ip_equal(&addr, &got));
	put_file(*state, "net/10.1.2.3", "\x01\xff");
	assert_int_equal(store_holder_of(&store, &addr, &text), 0);
	assert_string_equal(HOLDER_TEXT(&text), "??");
	put_file(*state, "net/10.1.2.3", big);
	assert_int_equal(store_holder_of(&store, &addr, &text), -EFBIG);
	assert_int_equal(store_find(&store, &pod, &got, &err), 0);
}

static void a_stray_name_holds_no_address(void **state)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct rebuild_news news = {};
	struct cni_error err = {};
	struct ip_addr got;

	put_file(*state, "net/notes", "pod-1\r\neth0");
	open_ok(*state, STORE_CREATE, &store);
	assert_int_equal(index_open(&store, "", &news, &err), 0);
	assert_int_equal(store_find(&store, &pod, &got, &err), 0);
}

/* A child that holds the lock until it is killed; @ready is closed once it has it. */
static pid_t hold_lock(const char *dir)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char path[PATH_MAX];
		int fd;

		snprintf(path, sizeof(path), "%s/net/lock", dir);
		fd = open(path, O_RDONLY | O_CREAT, 0600);
		if (flock(fd, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_hung_holder_of_the_lock_is_code_11_in_time(void **state)
{
	struct store store = STORE_CLOSED;
	struct cni_error err = {};
	double start, took;
	pid_t pid;
	int ret;

	make_dir(*state, "net");
	pid = hold_lock(*state);
	start = seconds();
	ret = store_open(*state, "net", STORE_EXISTING, 150, &store, &err);
	took = seconds() - start;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(ret, -ETIMEDOUT);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "net/lock");
	assert_true(took >= 0.1 && took < 5);
	open_ok(*state, STORE_EXISTING, &store);
	store_close(&store);
}

/* As with another IPAM plugin, which makes its directory while one of ours is at work. */
static void who_comes_with_host_locals_directory_waits_for_who_came_before(void **state)
{
	struct store first = STORE_CLOSED, second = STORE_CLOSED;
	struct cni_error err = {};

	open_ok(*state, STORE_RECORDS, &first);
	make_dir(*state, "net");
	assert_int_equal(store_open(*state, "net", STORE_RECORDS, 150, &second, &err),
			 -ETIMEDOUT);
	assert_error(&err, CNI_ERR_TRY_AGAIN, ".bridge-cni/net");
	store_close(&first);
	open_ok(*state, STORE_RECORDS, &second);
	store_close(&second);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int signum)
{
	(void)signum;
	alarms++;
}

static void waiting_leaves_signals_and_timer_as_they_were(void **state)
{
	struct sigaction mine = {.sa_handler = count_alarm}, after;
	struct itimerval timer;
	char path[PATH_MAX];
	sigset_t blocked, mask;
	pid_t pid;
	int fd;

	make_dir(*state, "net");
	pid = hold_lock(*state);
	snprintf(path, sizeof(path), "%s/net/lock", (char *)*state);
	fd = open(path, O_RDONLY);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigaction(SIGALRM, &mine, NULL);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	assert_int_equal(flock_wait(fd, LOCK_SH, 50), -ETIMEDOUT);
	assert_int_equal(flock_wait(fd, LOCK_SH, 0), -ETIMEDOUT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(flock_wait(fd, LOCK_SH, 50), 0);
	sigprocmask(SIG_UNBLOCK, &blocked, &mask);
	sigaction(SIGALRM, NULL, &after);
	getitimer(ITIMER_REAL, &timer);
	assert_true(sigismember(&mask, SIGALRM));
	assert_true(after.sa_handler == count_alarm);
	assert_true(timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
	assert_int_equal(alarms, 0);
	signal(SIGALRM, SIG_DFL);
	close(fd);
}

static void the_lock_is_had_when_its_holder_goes_while_we_wait(void **state)
{
	struct store store = STORE_CLOSED;
	struct cni_error err = {};
	pid_t pid, killer;

	make_dir(*state, "net");
	pid = hold_lock(*state);
	killer = fork();
	if (killer == 0) {
		usleep(50000);
		kill(pid, SIGKILL);
		_exit(0);
	}
	assert_int_equal(store_open(*state, "net", STORE_EXISTING, 5000, &store, &err),
			 0);
	store_close(&store);
	waitpid(pid, NULL, 0);
	waitpid(killer, NULL, 0);
}

static void a_linked_lock_is_refused(void **state)
{
	struct store store = STORE_CLOSED;
	struct cni_error err = {};

	make_dir(*state, "net");
	symlink_file(*state, "../elsewhere", "net/lock");
	assert_int_equal(store_open(*state, "net", STORE_CREATE, 0, &store, &err),
			 -ELOOP);
	assert_error(&err, CNI_ERR_IO, "net/lock");
	assert_absent(*state, "elsewhere");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_reservation_is_what_host_local_writes),
		SCRATCH_TEST(missing_parents_are_made_umask_or_not),
		SCRATCH_TEST(a_taken_address_is_told_and_left_alone),
		SCRATCH_TEST(what_a_killed_add_left_aside_is_removed),
		SCRATCH_TEST(a_prepared_reservation_that_is_not_placed_goes),
		SCRATCH_TEST(last_reserved_is_rewritten_in_place),
		SCRATCH_TEST(a_garbled_last_reserved_is_no_address),
		SCRATCH_TEST(links_and_pipes_are_not_followed_for_last_reserved),
		SCRATCH_TEST(a_directory_as_last_reserved_is_a_clear_error),
		SCRATCH_TEST(release_takes_all_of_an_holder_and_nothing_else),
		SCRATCH_TEST(release_knows_the_old_format_where_nothing_else_is),
		SCRATCH_TEST(lock_and_last_reserved_are_no_reservations),
		SCRATCH_TEST(a_store_that_is_not_there_is_not_made_by_release),
		SCRATCH_TEST(a_data_dir_that_is_a_file_is_a_clear_error),
		SCRATCH_TEST(the_holder_of_an_address_is_found),
		SCRATCH_TEST(a_stray_name_holds_no_address),
		SCRATCH_TEST(a_hung_holder_of_the_lock_is_code_11_in_time),
		SCRATCH_TEST(
			who_comes_with_host_locals_directory_waits_for_who_came_before),
		SCRATCH_TEST(waiting_leaves_signals_and_timer_as_they_were),
		SCRATCH_TEST(the_lock_is_had_when_its_holder_goes_while_we_wait),
		SCRATCH_TEST(a_linked_lock_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
