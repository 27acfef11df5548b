/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which address is next, and ipam.h as a whole on a directory of its own. */
#include "scratch.h"

#include <errno.h>
#include <sys/socket.h>

#include "conf/base/notices.h"
#include "conf/request.h"
#include "ipam/allocator.h"
#include "ipam/ipam.h"

#define MAX_RANGES 4
#define MAX_SETS   3

/* A configuration to fill in, for no JSON is needed here. */
struct fixture {
	struct range_set sets[MAX_SETS];
	struct ip_range ranges[MAX_SETS][MAX_RANGES];
	struct network network;
	struct pod pod;
	struct notices notices;
	struct ipam_env env;
	/* Given by an ADD, or expected by a CHECK. */
	struct cni_result result;
	char *resolv_text;
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static void fixture_init(struct fixture *f, const char *dir)
{
	*f = (struct fixture){};
	f->network.name = "net";
	f->network.ipam.type = "host-local";
	f->network.ipam.data_dir = dir;
	f->network.ipam.sets.items = f->sets;
	f->pod.ifname = "eth0";
	f->env = (struct ipam_env){
		.data_dir = dir,
		.network = "net",
		.bridge = "",
		.notices = &f->notices,
	};
	for (size_t i = 0; i < MAX_SETS; i++)
		f->sets[i].ranges = f->ranges[i];
}

static struct ip_range *add_range(struct fixture *f, size_t set, const char *subnet,
				  const char *start, const char *end, const char *gateway)
{
	struct range_set *s = &f->sets[set];
	struct ip_range *range = &s->ranges[s->n++];

	assert_int_equal(prefix_parse(subnet, &range->subnet), 0);
	range->start = ip(start);
	range->end = ip(end);
	range->gateway = ip(gateway);
	if (f->network.ipam.sets.n <= set)
		f->network.ipam.sets.n = set + 1;
	return range;
}

static void clear_result(struct fixture *f)
{
	cni_result_clear(&f->result);
	f->result = (struct cni_result){};
	free(f->resolv_text);
	f->resolv_text = NULL;
	notices_clear(&f->notices);
}

static int reserve(struct fixture *f, struct cni_error *err)
{
	return ipam_reserve(&f->env, &f->network, &f->pod, &f->result, &f->resolv_text,
			    err);
}

static int check(struct fixture *f, struct cni_error *err)
{
	return ipam_check(&f->env, &f->pod, &f->network, &f->result, err);
}

/* By IP of CNI_ARGS, on the way that it takes from there. */
static void ask_for(struct fixture *f, const char *address)
{
	static const char conf[] = "{\"name\":\"net\"}";
	const struct cni_env env = {
		.verb = CNI_DEL,
		.container_id = "a",
		.ifname = "eth0",
		.args.ip = ip(address),
	};
	_cleanup_(request_clear) struct request request = {};
	enum cni_version version;
	struct cni_error err = {};

	assert_int_equal(request_read(conf, strlen(conf), &env, &request, &version, NULL,
				      &err),
			 0);
	f->pod.args_ip = request.pod.args_ip;
}

/* An ADD of container @id: its first address as text, "" when it failed. */
static const char *add(struct fixture *f, const char *id, char buf[PREFIX_TEXT_MAX],
		       struct cni_error *err)
{
	*err = (struct cni_error){};
	f->pod.container_id = id;
	buf[0] = '\0';
	if (reserve(f, err) == 0)
		prefix_format(&f->result.ips.items[0].address, buf);
	else
		assert_int_equal(f->result.ips.n, 0);
	clear_result(f);
	return buf;
}

static void assert_add(struct fixture *f, const char *id, const char *want)
{
	char buf[PREFIX_TEXT_MAX];
	struct cni_error err;

	if (strcmp(add(f, id, buf, &err), want) != 0)
		fail_msg("%s: %s instead of %s: %s", id, buf, want, err.msg);
}

static void assert_add_fails(struct fixture *f, const char *id, int code,
			     const char *part)
{
	char buf[PREFIX_TEXT_MAX];
	struct cni_error err;

	assert_string_equal(add(f, id, buf, &err), "");
	assert_error(&err, code, part);
}

static void del(struct fixture *f, const char *id)
{
	struct cni_error err = {};
	bool was_last;

	f->pod.container_id = id;
	if (ipam_release(&f->env, &f->pod, &was_last, &err) < 0)
		fail_msg("%s", err.msg);
}

static void addresses_go_round_without_gateway_network_and_broadcast(void **state)
{
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/29", "10.1.2.0", "10.1.2.7", "10.1.2.3");
	assert_add(&f, "a", "10.1.2.1/29");
	assert_add(&f, "b", "10.1.2.2/29");
	del(&f, "a");
	assert_add(&f, "c", "10.1.2.4/29");
	assert_add(&f, "d", "10.1.2.5/29");
	assert_add(&f, "e", "10.1.2.6/29");
	assert_add(&f, "f", "10.1.2.1/29");
	assert_add_fails(&f, "g", CNI_ERR_EXHAUSTED, "10.1.2.0-10.1.2.7: 5 in use");
	assert_file(*state, "net/last_reserved_ip.0", "10.1.2.1", 0644);
	del(&f, "d");
	assert_add(&f, "g", "10.1.2.5/29");
	assert_file(*state, "net/10.1.2.5", "g\r\neth0", 0644);
}

static void ranges_of_a_set_follow_each_other_and_wrap(void **state)
{
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/24", "10.1.2.8", "10.1.2.9", "10.1.2.1");
	add_range(&f, 0, "10.1.3.0/25", "10.1.3.4", "10.1.3.4", "10.1.3.1");
	assert_add(&f, "a", "10.1.2.8/24");
	assert_add(&f, "b", "10.1.2.9/24");
	assert_add(&f, "c", "10.1.3.4/25");
	assert_add_fails(&f, "d", CNI_ERR_EXHAUSTED,
			 "10.1.2.8-10.1.2.9,10.1.3.4-10.1.3.4: 3 in use");
	del(&f, "a");
	assert_add(&f, "d", "10.1.2.8/24");
	/* A last address that isn't of the set: from the start. */
	del(&f, "b");
	del(&f, "d");
	put_file(*state, "net/last_reserved_ip.0", "10.1.9.9");
	assert_add(&f, "e", "10.1.2.8/24");
}

static void ipv6_and_a_gateway_of_another_range_are_right(void **state)
{
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "2001:db8::/64", "2001:db8::", "2001:db8::3", "2001:db8::1");
	add_range(&f, 0, "2001:db8::/64", "2001:db8::fffe", "2001:db8::1:0",
		  "2001:db8::ffff");
	add_range(&f, 1, "2001:db8:1::/64", "2001:db8:1::9", "2001:db8:1::a",
		  "2001:db8::2");
	assert_add(&f, "a", "2001:db8::3/64");
	assert_add(&f, "b", "2001:db8::fffe/64");
	del(&f, "a");
	assert_add(&f, "c", "2001:db8::1:0/64");
}

static void every_set_gives_an_address_or_none_does(void **state)
{
	struct cni_error err = {};
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/24", "10.1.2.1", "10.1.2.254", "10.1.2.1");
	add_range(&f, 1, "2001:db8::/64", "2001:db8::1", "2001:db8::2", "2001:db8::1");
	f.pod.container_id = "a";
	assert_int_equal(reserve(&f, &err), 0);
	assert_int_equal(f.result.ips.n, 2);
	assert_string_equal(PREFIX_TEXT(&f.result.ips.items[1].address),
			    "2001:db8::2/64");
	assert_string_equal(IP_TEXT(&f.result.ips.items[0].gateway), "10.1.2.1");
	assert_string_equal(IP_TEXT(&f.result.ips.items[1].gateway), "2001:db8::1");
	assert_int_equal(f.result.ips.items[1].interface, -1);
	assert_int_equal(check(&f, &err), 0);
	clear_result(&f);

	assert_add_fails(&f, "b", CNI_ERR_EXHAUSTED, "2001:db8::1-2001:db8::2: 1 in use");
	assert_present(*state, "net/10.1.2.2");
	assert_absent(*state, "net/10.1.2.3");
	assert_absent(*state, ".bridge-cni/net/.reservation.0");
	del(&f, "a");
	assert_absent(*state, "net/10.1.2.2");
	assert_absent(*state, "net/2001:db8::2");
}

static void a_second_add_is_refused_and_the_first_stays(void **state)
{
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/24", "10.1.2.1", "10.1.2.254", "10.1.2.1");
	assert_add(&f, "a", "10.1.2.2/24");
	assert_add_fails(&f, "a", CNI_ERR_EXISTS,
			 "10.1.2.2 has been allocated to a/eth0");
	assert_file(*state, "net/10.1.2.2", "a\r\neth0", 0644);
	assert_absent(*state, "net/10.1.2.3");
	f.pod.ifname = "eth1";
	assert_add(&f, "a", "10.1.2.3/24");
}

static void a_requested_address_is_given_or_refused_with_a_reason(void **state)
{
	struct cni_error err = {};
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/24", "10.1.2.1", "10.1.2.254", "10.1.2.1");
	add_range(&f, 1, "10.1.3.0/24", "10.1.3.0", "10.1.3.255", "10.1.3.1");
	ask_for(&f, "10.1.3.77");
	f.pod.container_id = "a";
	assert_int_equal(reserve(&f, &err), 0);
	assert_string_equal(PREFIX_TEXT(&f.result.ips.items[0].address), "10.1.2.2/24");
	assert_string_equal(PREFIX_TEXT(&f.result.ips.items[1].address), "10.1.3.77/24");
	clear_result(&f);
	assert_file(*state, "net/last_reserved_ip.1", "10.1.3.77", 0644);

	assert_add_fails(&f, "b", CNI_ERR_EXISTS,
			 "10.1.3.77 is not available: taken by "
			 "a/eth0");
	assert_absent(*state, "net/10.1.2.3");
	ask_for(&f, "::ffff:10.1.2.9");
	assert_add(&f, "m", "10.1.2.9/24");
	ask_for(&f, "10.1.4.1");
	assert_add_fails(&f, "c", CNI_ERR_CONFIG, "CNI_ARGS IP: 10.1.4.1 is in none");
	ask_for(&f, "10.1.3.1");
	assert_add_fails(&f, "c", CNI_ERR_CONFIG, "10.1.3.1 is a gateway");
	ask_for(&f, "10.1.3.0");
	assert_add_fails(&f, "c", CNI_ERR_CONFIG, "10.1.3.0 is the network address");
	ask_for(&f, "10.1.3.255");
	assert_add_fails(&f, "c", CNI_ERR_CONFIG, "10.1.3.255 is the broadcast address");
}

static void check_names_what_differs(void **state)
{
	struct ip_config held = {};
	struct cni_error err = {};
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/24", "10.1.2.1", "10.1.2.254", "10.1.2.1");
	f.pod.container_id = "a";
	assert_int_equal(prefix_parse("10.1.2.2/24", &held.address), 0);
	f.result.ips.items = &held;
	f.result.ips.n = 1;
	assert_true(check(&f, &err) < 0);
	assert_error(&err, CNI_ERR_CHECK, "no address is reserved");
	assert_absent(*state, "net");

	err = (struct cni_error){};
	make_dir(*state, "net");
	assert_true(check(&f, &err) < 0);
	assert_error(&err, CNI_ERR_CHECK,
		     "10.1.2.2 is reserved for nobody, expected: a/eth0");

	err = (struct cni_error){};
	put_file(*state, "net/10.1.2.2", "b\r\neth0");
	assert_true(check(&f, &err) < 0);
	assert_error(&err, CNI_ERR_CHECK, "reserved for b/eth0, expected: a/eth0");

	err = (struct cni_error){};
	put_file(*state, "net/10.1.2.2", "a\r\neth0");
	assert_int_equal(check(&f, &err), 0);
}

static void routes_and_dns_come_from_the_configuration(void **state)
{
	struct route route = {.priority = 7};
	struct cni_error err = {};
	struct fixture f;
	char path[PATH_MAX];

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/24", "10.1.2.1", "10.1.2.254", "10.1.2.1");
	assert_int_equal(prefix_parse("0.0.0.0/0", &route.dst), 0);
	f.network.ipam.routes.items = &route;
	f.network.ipam.routes.n = 1;
	snprintf(path, sizeof(path), "%s/resolv.conf", (char *)*state);
	f.network.ipam.resolv_conf = path;
	assert_add_fails(&f, "a", CNI_ERR_IO, "ipam.resolvConf: ");
	assert_absent(*state, "net");

	put_file(*state, "resolv.conf", "nameserver 10.0.0.10\n");
	f.pod.container_id = "a";
	assert_int_equal(reserve(&f, &err), 0);
	assert_int_equal(f.result.routes.n, 1);
	assert_int_equal(f.result.routes.items[0].priority, 7);
	assert_string_equal(f.result.dns.nameservers.items[0], "10.0.0.10");
	clear_result(&f);
}

static void release_of_nothing_is_success_and_makes_nothing(void **state)
{
	struct fixture f;

	fixture_init(&f, *state);
	del(&f, "a");
	assert_absent(*state, "net");
	assert_absent(*state, ".bridge-cni");
}

static void damage_is_worked_around(void **state)
{
	struct fixture f;

	fixture_init(&f, *state);
	add_range(&f, 0, "10.1.2.0/28", "10.1.2.1", "10.1.2.14", "10.1.2.1");
	put_file(*state, "net/10.1.2.2", "");
	put_file(*state, "net/10.1.2.3", "torn\r");
	make_dir(*state, "net/10.1.2.4");
	symlink_file(*state, "nowhere", "net/10.1.2.5");
	fifo_file(*state, "net/10.1.2.6");
	put_file(*state, "net/last_reserved_ip.0", "10.1.2.");
	put_file(*state, "net/README", "a\r\neth0");
	/* An empty one is nobody's and free. */
	assert_add(&f, "a", "10.1.2.2/28");
	assert_add(&f, "b", "10.1.2.7/28");
	del(&f, "b");
	assert_absent(*state, "net/10.1.2.7");
}

static void only_host_local_is_in_process(void **state)
{
	struct network conf = {};

	(void)state;
	assert_false(ipam_in_process(&conf));
	conf.ipam.type = "";
	assert_false(ipam_in_process(&conf));
	conf.ipam.type = "dhcp";
	assert_false(ipam_in_process(&conf));
	conf.ipam.type = "host-local";
	assert_true(ipam_in_process(&conf));
}

/* ---- random sets against a model that only knows numbers ---- */

#define MODEL_HOSTS 64

static unsigned int pick(unsigned int *seed, unsigned int from, unsigned int to)
{
	*seed = *seed * 1103515245 + 12345;
	return from + (*seed >> 16) % (to - from + 1);
}

/* 10.0.<third>.<host> or 2001:db8:0:<third>::<host>, with up to 64 hosts a subnet. */
static void number_text(bool v6, unsigned int third, unsigned int host, char buf[64])
{
	snprintf(buf, 64, v6 ? "2001:db8:0:%x::%x" : "10.0.%u.%u", third, host);
}

struct model {
	bool v6;
	size_t n;
	struct {
		unsigned int third, start, end, gateway;
	} ranges[MAX_RANGES];
	bool taken[MAX_RANGES][MODEL_HOSTS];
	size_t range; /* of the last one given */
	unsigned int host;
	bool started;
};

static bool model_allowed(const struct model *m, size_t range, unsigned int host)
{
	if (host == m->ranges[range].gateway || host == 0)
		return false;
	return m->v6 || host != MODEL_HOSTS - 1;
}

/* Looks at all addresses in the order of ranges, starting behind the last one. */
static bool model_next(struct model *m)
{
	size_t range = m->range, total = 0;
	unsigned int host = m->host;

	for (size_t i = 0; i < m->n; i++)
		total += m->ranges[i].end - m->ranges[i].start + 1;
	for (size_t i = 0; i < total; i++) {
		if (!m->started) {
			range = 0;
			host = m->ranges[0].start;
			m->started = true;
		} else if (host == m->ranges[range].end) {
			range = (range + 1) % m->n;
			host = m->ranges[range].start;
		} else {
			host++;
		}
		if (!model_allowed(m, range, host) || m->taken[range][host])
			continue;
		m->taken[range][host] = true;
		m->range = range;
		m->host = host;
		return true;
	}
	m->started = m->range != 0 || m->host != 0;
	return false;
}

static void model_fill(struct model *m, struct fixture *f, unsigned int *seed)
{
	char subnet[80], text[4][64];

	m->v6 = pick(seed, 0, 1);
	m->n = pick(seed, 1, MAX_RANGES);
	for (size_t i = 0; i < m->n; i++) {
		unsigned int third = (unsigned int)i + 1;

		m->ranges[i].third = third;
		m->ranges[i].start = pick(seed, 0, MODEL_HOSTS - 1);
		m->ranges[i].end = pick(seed, m->ranges[i].start,
					m->ranges[i].start + 7 < MODEL_HOSTS
						? m->ranges[i].start + 7
						: MODEL_HOSTS - 1);
		m->ranges[i].gateway = pick(seed, 1, MODEL_HOSTS - 2);
		number_text(m->v6, third, 0, text[0]);
		number_text(m->v6, third, m->ranges[i].start, text[1]);
		number_text(m->v6, third, m->ranges[i].end, text[2]);
		number_text(m->v6, third, m->ranges[i].gateway, text[3]);
		snprintf(subnet, sizeof(subnet), "%s/%u", text[0], m->v6 ? 122 : 26);
		add_range(f, 0, subnet, text[1], text[2], text[3]);
	}
}

/* Gives back one address that is taken; false when none is. */
static bool model_give_back(struct model *m, struct fixture *f, unsigned int *seed)
{
	size_t range = pick(seed, 0, (unsigned int)m->n - 1);
	unsigned int from = m->ranges[range].start, to = m->ranges[range].end;
	char id[96] = "id-";

	for (unsigned int host = from; host <= to; host++) {
		if (!m->taken[range][host])
			continue;
		m->taken[range][host] = false;
		snprintf(id, sizeof(id), "id-%zu-%u", range, host);
		del(f, id);
		return true;
	}
	return false;
}

static void model_run(const char *dir, unsigned int seed)
{
	struct model m = {};
	struct fixture f;
	char id[96], text[64], want[80];

	fixture_init(&f, dir);
	model_fill(&m, &f, &seed);
	for (int step = 0; step < 40; step++) {
		if (pick(&seed, 0, 3) == 0) {
			model_give_back(&m, &f, &seed);
			continue;
		}
		if (!model_next(&m)) {
			assert_add_fails(&f, "one-too-many", CNI_ERR_EXHAUSTED, "in use");
			continue;
		}
		number_text(m.v6, m.ranges[m.range].third, m.host, text);
		snprintf(want, sizeof(want), "%s/%u", text, m.v6 ? 122 : 26);
		snprintf(id, sizeof(id), "id-%zu-%u", m.range, m.host);
		assert_add(&f, id, want);
	}
}

static void random_sets_behave_as_a_simple_model(void **state)
{
	for (unsigned int seed = 1; seed <= 60; seed++) {
		char dir[PATH_MAX];

		snprintf(dir, sizeof(dir), "%s/%u", (char *)*state, seed);
		model_run(dir, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(addresses_go_round_without_gateway_network_and_broadcast),
		SCRATCH_TEST(ranges_of_a_set_follow_each_other_and_wrap),
		SCRATCH_TEST(ipv6_and_a_gateway_of_another_range_are_right),
		SCRATCH_TEST(every_set_gives_an_address_or_none_does),
		SCRATCH_TEST(a_second_add_is_refused_and_the_first_stays),
		SCRATCH_TEST(a_requested_address_is_given_or_refused_with_a_reason),
		SCRATCH_TEST(check_names_what_differs),
		SCRATCH_TEST(routes_and_dns_come_from_the_configuration),
		SCRATCH_TEST(release_of_nothing_is_success_and_makes_nothing),
		SCRATCH_TEST(damage_is_worked_around),
		SCRATCH_TEST(only_host_local_is_in_process),
		SCRATCH_TEST(random_sets_behave_as_a_simple_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
