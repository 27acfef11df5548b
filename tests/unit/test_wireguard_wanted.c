/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/wireguard_wanted.h and wireguard_owners.h: whose a key is that
 * several Nodes say, and which peers that makes. */
#include "deploy/agent/tunnel/wireguard_wanted.h"
#include "deploy/agent/tunnel/wireguard_ways.h"
#include "range_world.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "NdJvDKlG44Adulf0kS7LaAWiP9x5FrNQ7YonxGH+mzg="
#define KEY_C "ERERERERERERERERERERERERERERERERERERERERERE="
#define KEY_D "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM="

#define ONE(key)	   "51820:" key
#define TWO(first, second) "51820:" first ",51821:" second ";generation=0"

static struct world world;
static struct tunnel_plan plan;
static struct wireguard_wanted wanted;
static struct wireguard_note own;

/* -- the kernel's device, of an agent before this one */

static struct wireguard_peer peers[4];
static struct ip_prefix allowed[4][2];
static size_t n_peers;

void wireguard_device_wipe(struct wireguard_device *device)
{
	wireguard_key_wipe(&device->private_key);
}

/* The first try is interrupted. */
int wireguard_read(struct wireguard_genl *genl, const struct link_known *link,
		   wireguard_peer_fn fn, void *data, struct wireguard_device *ret_device,
		   struct cni_error *err)
{
	(void)genl, (void)err;
	assert_int_equal(link->index, 7);
	assert_int_equal(fn(NULL, data), 0);
	if (n_peers)
		assert_int_equal(fn(&peers[0], data), 0);
	assert_int_equal(fn(NULL, data), 0);
	for (size_t i = 0; i < n_peers; i++)
		assert_int_equal(fn(&peers[i], data), 0);
	*ret_device = (struct wireguard_device){};
	return 0;
}

static void has_peer(const char *key, const char *first, const char *second)
{
	struct wireguard_peer *peer = &peers[n_peers];

	*peer = (struct wireguard_peer){.allowed = allowed[n_peers]};
	assert_int_equal(wireguard_key_parse(key, WIREGUARD_KEY_TEXT_LEN, &peer->key), 0);
	allowed[n_peers][peer->n_allowed++] = prefix(first);
	if (second[0])
		allowed[n_peers][peer->n_allowed++] = prefix(second);
	n_peers++;
}

/* -- the cluster */

static unsigned int number_of(const char *name)
{
	return (unsigned int)(name[0] - 'a') + 1;
}

/* Puts the Node with the podCIDR 10.1.NUMBER.0/24; @keys NULL: it says none. */
static void say(const char *name, const char *keys)
{
	struct node_object node = {};
	char text[PREFIX_TEXT_MAX];

	snprintf(node.name, sizeof(node.name), "%s", name);
	snprintf(text, sizeof(text), "10.1.%u.0/24", number_of(name));
	node.cidrs[0] = prefix(text);
	snprintf(text, sizeof(text), "198.51.100.%u", number_of(name));
	node.addresses[0] = addr(text);
	if (keys)
		annotation_texts_set(&node.annotations, 0, keys);
	assert_true(node_table_set(&world.nodes, &node, NULL) >= 0);
}

static void list_begin(void)
{
	node_table_list_begin(&world.nodes);
	node_table_keep(&world.nodes, "own");
}

static void make(void)
{
	struct wireguard_wanted made;

	judge(&world);
	tunnel_plan_clear(&plan);
	assert_int_equal(tunnel_plan_make(&world.nodes, "own", true, &plan, NULL), 0);
	assert_int_equal(wireguard_wanted_make(&plan, 0, &own, true, &wanted.owners,
					       &made, NULL),
			 0);
	wireguard_wanted_clear(&wanted);
	wanted = made;
}

/* As an agent that has just started, and finds the kernel's device. */
static void start(void)
{
	const struct link_known link = {7, "bcni-wg"};
	struct wireguard_owners owners = {};

	judge(&world);
	tunnel_plan_clear(&plan);
	assert_int_equal(tunnel_plan_make(&world.nodes, "own", true, &plan, NULL), 0);
	assert_int_equal(wireguard_owners_read(&owners, NULL, &link, &plan, NULL), 0);
	wireguard_owners_settle(&owners);
	wireguard_wanted_clear(&wanted);
	wanted.owners = owners;
}

static size_t index_of(const char *name)
{
	for (size_t i = 0; i < plan.n_peers; i++)
		if (strcmp(plan.peers[i].node->name, name) == 0)
			return i;
	fail_msg("no Node %s", name);
	return 0;
}

/* The names of those whose key it is in that slot's device: "" where it has no such
 * peer. */
static const char *has(int slot, const char *text)
{
	struct wireguard_key key;
	const char *found = "";

	assert_int_equal(wireguard_key_parse(text, WIREGUARD_KEY_TEXT_LEN, &key), 0);
	for (size_t i = 0; i < wanted.n_peers[slot]; i++) {
		const struct wireguard_peer *peer = &wanted.peers[slot][i];

		if (memcmp(&peer->key, &key, sizeof(key)) != 0)
			continue;
		assert_string_equal(found, "");
		found = plan.peers[peer->owner].node->name;
		assert_int_equal(peer->n_allowed, 1);
		assert_int_equal(peer->allowed[0].addr.bytes[2], number_of(found));
	}
	return found;
}

static void assert_served(const char *name)
{
	assert_int_equal(wanted.problems[index_of(name)], ROUTE_FINE);
}

static void assert_refused(const char *name)
{
	assert_int_equal(wanted.problems[index_of(name)], ROUTE_SHARED_KEY);
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		for (size_t i = 0; i < wanted.n_peers[slot]; i++)
			assert_string_not_equal(
				plan.peers[wanted.peers[slot][i].owner].node->name, name);
}

/* @owner NULL: nobody knows whose the key is. */
static void assert_named(const char *name, const char *owner)
{
	for (size_t i = 0; i < wanted.n_refused; i++) {
		if (strcmp(wanted.refused[i].node, name) != 0)
			continue;
		if (owner)
			assert_string_equal(wanted.refused[i].owner, owner);
		else
			assert_null(wanted.refused[i].owner);
		return;
	}
	fail_msg("%s is not named", name);
}

static int set_up(void **state)
{
	struct node_object node = {.name = "own", .cidrs = {prefix("10.1.0.0/24")}};

	(void)state;
	begin(&world);
	node.addresses[0] = addr("192.0.2.11");
	own = (struct wireguard_note){};
	n_peers = 0;
	return node_table_set(&world.nodes, &node, NULL) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	wireguard_wanted_clear(&wanted);
	tunnel_plan_clear(&plan);
	end(&world);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* -- the tests: the attacker's name is before the victim's, and after it */

static const char *const attackers[] = {"a", "z"};

static void test_a_key_stays_with_the_node_that_had_it(void **state)
{
	static const char *const copies[] = {ONE(KEY_B), TWO(KEY_B, KEY_C),
					     TWO(KEY_D, KEY_B)};

	(void)state;
	say("m", TWO(KEY_A, KEY_B));
	make();
	for (size_t i = 0; i < 2; i++) {
		const char *attacker = attackers[i];

		for (size_t k = 0; k < ARRAY_SIZE(copies); k++) {
			say(attacker, copies[k]);
			make();
			assert_string_equal(has(0, KEY_A), "m");
			assert_string_equal(has(0, KEY_B), "");
			assert_string_equal(has(1, KEY_B), "m");
			assert_served("m");
			assert_named(attacker, "m");
			assert_int_equal(wanted.n_refused, 1);
		}
		/* What is its own it has all the same. */
		assert_served(attacker);
		assert_string_equal(has(0, KEY_D), attacker);
		say(attacker, ONE(KEY_A));
		make();
		assert_refused(attacker);
		assert_served("m");
		say(attacker, TWO(KEY_B, KEY_A));
		make();
		assert_refused(attacker);
		assert_int_equal(wanted.n_refused, 2);
		assert_string_equal(has(0, KEY_A), "m");
		assert_string_equal(has(1, KEY_B), "m");
		node_table_remove(&world.nodes, attacker);
	}
}

/* The victim says a new key besides, and the attacker has said the old one long before. */
static void test_a_node_that_says_more_loses_nothing(void **state)
{
	(void)state;
	say("m", ONE(KEY_A));
	make();
	say("a", ONE(KEY_A));
	make();
	say("m", TWO(KEY_A, KEY_B));
	say("a", TWO(KEY_A, KEY_B));
	make();
	assert_string_equal(has(0, KEY_A), "m");
	assert_string_equal(has(1, KEY_B), "m");
	assert_refused("a");
}

static void test_a_key_may_change_its_slot(void **state)
{
	(void)state;
	say("m", TWO(KEY_A, KEY_B));
	make();
	say("m", TWO(KEY_B, KEY_A));
	make();
	assert_served("m");
	assert_string_equal(has(0, KEY_B), "m");
	assert_string_equal(has(1, KEY_A), "m");
	assert_int_equal(wanted.n_refused, 0);
}

/* Both have come since the last time: the order in which they came tells. */
static void test_a_new_key_is_the_first_ones_who_said_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		say("m", ONE(KEY_A));
		say(attackers[i], ONE(KEY_A));
		make();
		assert_served("m");
		assert_refused(attackers[i]);
		assert_named(attackers[i], "m");
		node_table_remove(&world.nodes, "m");
		node_table_remove(&world.nodes, attackers[i]);
		make();
	}
}

/* One list tells of both: nobody knows. The keys that were known before stay. */
static void test_where_nobody_knows_the_key_is_nobodys(void **state)
{
	(void)state;
	say("m", ONE(KEY_B));
	make();
	list_begin();
	say("a", ONE(KEY_A));
	say("m", TWO(KEY_B, KEY_A));
	say("n", ONE(KEY_A));
	node_table_list_end(&world.nodes);
	make();
	for (int again = 0; again < 2; again++) {
		assert_refused("a");
		assert_refused("n");
		assert_named("a", NULL);
		assert_named("m", NULL);
		assert_named("n", NULL);
		assert_served("m");
		assert_string_equal(has(0, KEY_B), "m");
		assert_string_equal(has(0, KEY_A), "");
		assert_string_equal(has(1, KEY_A), "");
		make();
	}
	node_table_remove(&world.nodes, "a");
	node_table_remove(&world.nodes, "n");
	make();
	assert_string_equal(has(1, KEY_A), "m");
	/* From now on it is known. */
	say("a", ONE(KEY_A));
	make();
	assert_string_equal(has(1, KEY_A), "m");
	assert_refused("a");
}

static void test_this_nodes_own_key_is_nobody_elses(void **state)
{
	(void)state;
	assert_int_equal(wireguard_note_parse(TWO(KEY_A, KEY_B), &own), 0);
	say("m", ONE(KEY_C));
	say("a", ONE(KEY_B));
	say("z", TWO(KEY_D, KEY_A));
	make();
	assert_refused("a");
	assert_named("a", "own");
	assert_named("z", "own");
	assert_served("z");
	assert_served("m");
	assert_string_equal(has(1, KEY_A), "");
	assert_string_equal(has(0, KEY_D), "z");
}

static void test_a_node_that_is_deleted_frees_its_key(void **state)
{
	(void)state;
	say("m", ONE(KEY_A));
	make();
	say("a", ONE(KEY_A));
	make();
	assert_refused("a");
	node_table_remove(&world.nodes, "m");
	make();
	assert_served("a");
	assert_string_equal(has(0, KEY_A), "a");
}

static void test_a_key_that_a_node_has_given_up_is_free(void **state)
{
	(void)state;
	say("m", TWO(KEY_A, KEY_B));
	make();
	say("m", TWO(KEY_C, KEY_B));
	say("a", ONE(KEY_A));
	make();
	assert_served("a");
	assert_served("m");
	assert_int_equal(wanted.n_refused, 0);
}

/* Of a list alone nothing can be told, but the kernel has the peers of the time before. */
static void test_an_agent_that_starts_asks_the_kernels_device(void **state)
{
	(void)state;
	list_begin();
	say("a", ONE(KEY_A));
	say("m", ONE(KEY_A));
	say("n", TWO(KEY_C, KEY_B));
	say("z", TWO(KEY_B, KEY_C));
	node_table_list_end(&world.nodes);
	has_peer(KEY_A, "10.1.13.0/24", "10.9.9.0/24");
	has_peer(KEY_B, "10.1.26.0/24", "");
	/* A device that somebody else has changed tells nothing. */
	has_peer(KEY_C, "10.1.14.0/24", "10.1.26.0/24");
	start();
	make();
	assert_string_equal(has(0, KEY_A), "m");
	assert_refused("a");
	assert_named("a", "m");
	assert_string_equal(has(0, KEY_B), "z");
	assert_refused("n");
	assert_string_equal(has(0, KEY_C), "");
	assert_string_equal(has(1, KEY_C), "");
}

static void test_a_device_without_peers_tells_nothing(void **state)
{
	(void)state;
	list_begin();
	say("a", ONE(KEY_A));
	say("m", ONE(KEY_A));
	node_table_list_end(&world.nodes);
	start();
	make();
	assert_refused("a");
	assert_refused("m");
}

/* Routes by the device have no gateway: the peer's endpoint tells whose they are. */
static void test_where_a_route_leads_is_known_from_the_device(void **state)
{
	const struct link_known link = {7, "bcni-wg"};
	struct wireguard_ways ways = {};
	struct ip_prefix to = prefix("10.1.13.0/24"), wider = prefix("10.1.0.0/16"),
			 former = prefix("10.9.9.0/24"), lost = prefix("10.1.26.0/24");
	struct ip_addr found;

	(void)state;
	has_peer(KEY_A, "10.1.13.0/24", "10.9.9.0/24");
	peers[0].endpoint = addr("198.51.100.13");
	has_peer(KEY_B, "10.1.26.0/24", "");
	assert_int_equal(wireguard_ways_read(&ways, NULL, &link, NULL), 0);
	/* The second device has the same peers. */
	assert_int_equal(wireguard_ways_read(&ways, NULL, &link, NULL), 0);
	wireguard_ways_settle(&ways);
	assert_int_equal(ways.n, 4);
	found = wireguard_ways_find(&ways, &to);
	assert_string_equal(IP_TEXT(&found), "198.51.100.13");
	found = wireguard_ways_find(&ways, &former);
	assert_string_equal(IP_TEXT(&found), "198.51.100.13");
	assert_int_equal(wireguard_ways_find(&ways, &wider).family, 0);
	assert_int_equal(wireguard_ways_find(&ways, &lost).family, 0);
	wireguard_ways_clear(&ways);
	assert_int_equal(wireguard_ways_find(&ways, &to).family, 0);
}

static void test_what_is_no_key_is_told_apart(void **state)
{
	(void)state;
	say("a", "51820:abc");
	say("m", NULL);
	make();
	assert_int_equal(wanted.problems[index_of("a")], ROUTE_BAD_KEY);
	assert_int_equal(wanted.problems[index_of("m")], ROUTE_NO_KEY);
	assert_int_equal(wanted.problems[index_of("own")], ROUTE_FINE);
	assert_int_equal(wanted.n_peers[0] + wanted.n_peers[1] + wanted.n_refused, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_key_stays_with_the_node_that_had_it),
		TEST(test_a_node_that_says_more_loses_nothing),
		TEST(test_a_key_may_change_its_slot),
		TEST(test_a_new_key_is_the_first_ones_who_said_it),
		TEST(test_where_nobody_knows_the_key_is_nobodys),
		TEST(test_this_nodes_own_key_is_nobody_elses),
		TEST(test_a_node_that_is_deleted_frees_its_key),
		TEST(test_a_key_that_a_node_has_given_up_is_free),
		TEST(test_an_agent_that_starts_asks_the_kernels_device),
		TEST(test_a_device_without_peers_tells_nothing),
		TEST(test_where_a_route_leads_is_known_from_the_device),
		TEST(test_what_is_no_key_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
