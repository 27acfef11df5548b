/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Eight processes add and delete at random on one store, and are killed at random; then
 * the store is compared with what they were told. What each process believes stands in
 * shared memory, so that it outlives it.
 */
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "ipam/ipam.h"
#include "ipam/store/holder.h"

#define PROCESSES  8
#define OPERATIONS 500 /* a process */
#define IDS	   12 /* a process */
#define KILLS	   60
#define ADDRESSES  65536

enum belief {
	NOT_THERE,
	THERE,
	UNKNOWN, /* an operation is under way, or was when the process was killed */
};

struct shared {
	_Atomic unsigned int done[PROCESSES];
	_Atomic unsigned int exhausted, twice, failed;
	struct {
		_Atomic int belief;
		_Atomic unsigned int address; /* the last 16 bits */
	} ids[PROCESSES][IDS];
	/* The holder that was told to have it: 1 + process * IDS + id. */
	_Atomic unsigned int claims[ADDRESSES];
	char message[512];
};

static bool has_interface(const struct ipam_kernel *kernel, const struct record *record)
{
	(void)kernel, (void)record;
	return false;
}

static bool lost_netns(const struct ipam_kernel *kernel, const struct record *record)
{
	(void)kernel, (void)record;
	return false;
}

static uint64_t netns_cookie(const struct ipam_kernel *kernel)
{
	(void)kernel;
	return 1;
}

static const struct ipam_kernel kernel = {
	.boot_id = "one-boot",
	.has_interface = has_interface,
	.lost_netns = lost_netns,
	.has_renamed = has_interface,
	.netns_cookie = netns_cookie,
	.node_cookie = netns_cookie,
};

struct fixture {
	struct ip_range range;
	struct range_set set;
	struct network network;
	struct pod pod;
	struct ipam_env env;
	char id[32];
};

static void fixture_init(struct fixture *f, const char *dir)
{
	*f = (struct fixture){};
	assert_int_equal(prefix_parse("10.1.2.0/25", &f->range.subnet), 0);
	assert_int_equal(ip_parse("10.1.2.1", &f->range.start), 0);
	/* Fewer than there are IDs: it runs full at times. */
	assert_int_equal(ip_parse("10.1.2.80", &f->range.end), 0);
	assert_int_equal(ip_parse("10.1.2.1", &f->range.gateway), 0);
	f->set = (struct range_set){&f->range, 1};
	f->network.name = "net";
	f->network.bridge = "cni0";
	f->network.ipam.type = "host-local";
	f->network.ipam.data_dir = dir;
	f->network.ipam.sets = (struct range_set_list){&f->set, 1};
	f->pod.ifname = "eth0";
	f->pod.netns = "/run/netns/x";
	f->pod.container_id = f->id;
	f->env = (struct ipam_env){
		.data_dir = dir,
		.network = "net",
		.bridge = "cni0",
		.kernel = &kernel,
	};
}

static void complain(struct shared *shared, const char *what, const struct cni_error *err)
{
	if (atomic_fetch_add(&shared->failed, 1) == 0)
		snprintf(shared->message, sizeof(shared->message), "%s: code %d: %.300s",
			 what, err->code, err->msg);
}

static void give_back(struct shared *shared, struct fixture *f, unsigned int process,
		      unsigned int id)
{
	unsigned int me = 1 + process * IDS + id;
	struct cni_error err = {};
	bool was_last;

	/* From here on another one may be told to have it. */
	atomic_compare_exchange_strong(
		&shared->claims[atomic_load(&shared->ids[process][id].address)], &me, 0);
	atomic_store(&shared->ids[process][id].belief, UNKNOWN);
	if (ipam_release(&f->env, &f->pod, &was_last, &err) < 0)
		complain(shared, "DEL", &err);
	atomic_store(&shared->ids[process][id].belief, NOT_THERE);
}

static void take(struct shared *shared, struct fixture *f, unsigned int process,
		 unsigned int id)
{
	unsigned int me = 1 + process * IDS + id, address;
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(free_p) char *resolv_text = NULL;
	struct cni_error err = {};
	const uint8_t *bytes;

	atomic_store(&shared->ids[process][id].belief, UNKNOWN);
	if (ipam_reserve(&f->env, &f->network, &f->pod, &result, &resolv_text, &err) <
	    0) {
		if (err.code == CNI_ERR_EXHAUSTED)
			atomic_fetch_add(&shared->exhausted, 1);
		else
			complain(shared, "ADD", &err);
		atomic_store(&shared->ids[process][id].belief, NOT_THERE);
		return;
	}
	bytes = result.ips.items[0].address.addr.bytes;
	address = (unsigned int)bytes[2] << 8 | bytes[3];
	atomic_store(&shared->ids[process][id].address, address);
	if (atomic_exchange(&shared->claims[address], me) != 0)
		atomic_fetch_add(&shared->twice, 1);
	atomic_store(&shared->ids[process][id].belief, THERE);
}

static void work(struct shared *shared, const char *dir, unsigned int process)
{
	unsigned int seed = (unsigned int)getpid();
	struct fixture f;

	fixture_init(&f, dir);
	while (atomic_load(&shared->done[process]) < OPERATIONS) {
		unsigned int id = (unsigned int)rand_r(&seed) % IDS;

		/* As a runtime does it, the call that a kill has ended comes first. */
		for (unsigned int i = 0; i < IDS; i++)
			if (atomic_load(&shared->ids[process][i].belief) == UNKNOWN)
				id = i;
		snprintf(f.id, sizeof(f.id), "pod-%u-%u", process, id);
		if (atomic_load(&shared->ids[process][id].belief) == NOT_THERE)
			take(shared, &f, process, id);
		else
			give_back(shared, &f, process, id);
		atomic_fetch_add(&shared->done[process], 1);
	}
	_exit(0);
}

static pid_t start(struct shared *shared, const char *dir, unsigned int process)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		work(shared, dir, process);
	return pid;
}

static void run(struct shared *shared, const char *dir)
{
	unsigned int kills = 0, left = PROCESSES, seed = 1;
	pid_t pids[PROCESSES];

	for (unsigned int i = 0; i < PROCESSES; i++)
		pids[i] = start(shared, dir, i);
	while (left > 0) {
		int status;
		pid_t pid;

		if (kills < KILLS) {
			unsigned int victim = (unsigned int)rand_r(&seed) % PROCESSES;

			usleep(500 + (useconds_t)rand_r(&seed) % 4000);
			if (pids[victim] > 0 && kill(pids[victim], SIGKILL) == 0)
				kills++;
		}
		while ((pid = waitpid(-1, &status, kills < KILLS ? WNOHANG : 0)) > 0) {
			unsigned int i = 0;

			while (pids[i] != pid)
				i++;
			pids[i] = 0;
			if (WIFSIGNALED(status))
				pids[i] = start(shared, dir, i);
			else
				left--;
		}
	}
}

/* Each one that believes to hold an address does, and nobody else holds one. */
static void audit(struct shared *shared, const char *dir)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct table_cursor cursor = {};
	struct rebuild_news news = {};
	struct cni_error err = {};
	struct table_entry entry;
	size_t held = 0, believed = 0;

	assert_int_equal(store_open(dir, "net", STORE_EXISTING, 1000, &store, &err), 0);
	/* From the files, not from what the storm left of the index. */
	unlinkat(store.own_fd, INDEX_FILE, 0);
	assert_int_equal(index_open(&store, "one-boot", &news, &err), 0);
	while (table_each(&store.table, &cursor, &entry))
		held++;
	for (unsigned int p = 0; p < PROCESSES; p++) {
		for (unsigned int i = 0; i < IDS; i++) {
			char id[32];
			struct holder holder = {id, "eth0"};
			bool there = atomic_load(&shared->ids[p][i].belief) == THERE;
			_cleanup_(record_clear) struct record record = {};
			struct ip_addr ip;
			int ret;

			snprintf(id, sizeof(id), "pod-%u-%u", p, i);
			ret = store_record_read(&store, holder_hash(id, "eth0"), &record);
			assert_int_equal(store_find(&store, &holder, &ip, &err), there);
			assert_int_equal(ret, there ? 0 : -ENOENT);
			if (!there)
				continue;
			believed++;
			assert_true(store_record_covers(&store, &record));
			assert_int_equal((unsigned int)ip.bytes[2] << 8 | ip.bytes[3],
					 atomic_load(&shared->ids[p][i].address));
		}
	}
	assert_int_equal(held, believed);
	assert_int_equal(news.empty, 0);
}

static void no_address_twice_and_none_lost(void **state)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct fixture f;

	assert_true(shared != MAP_FAILED);
	run(shared, *state);
	/* Outcomes that are unknown still are settled as a runtime would. */
	fixture_init(&f, *state);
	for (unsigned int p = 0; p < PROCESSES; p++)
		for (unsigned int i = 0; i < IDS; i++)
			if (atomic_load(&shared->ids[p][i].belief) == UNKNOWN) {
				snprintf(f.id, sizeof(f.id), "pod-%u-%u", p, i);
				give_back(shared, &f, p, i);
			}
	if (atomic_load(&shared->failed))
		fail_msg("%u operations failed; %s", atomic_load(&shared->failed),
			 shared->message);
	assert_int_equal(atomic_load(&shared->twice), 0);
	audit(shared, *state);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(no_address_twice_and_none_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
