/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the API server sends: the filter in front, the documents that it lets through, the
 * annotations that are asked for, and the podCIDRs that are accepted then, or were before
 * and are still routed. The input's first byte says whether it is a list (even) or a
 * watch, and how it is cut.
 */
#include "fuzz.h"

#include "deploy/agent/api/former_adopt.h"
#include "deploy/agent/api/node_keys.h"
#include "tests/unit/range_rules.h"

static const char *const annotation_items[] = {"example.org/a", "example.org/b"};
static const struct annotation_names annotation_names = {annotation_items, 2};

struct seen {
	bool watch, narrow, adopted;
	bool anew; /* nothing is known of the last time that podCIDRs were judged */
	size_t n;
	uint64_t sum; /* of all documents, in order */
	uint64_t verdicts; /* of all times, in order */
	struct node_table nodes;
};

static void verdicts_sum(struct seen *seen)
{
	for (size_t i = 0; i < seen->nodes.n; i++)
		for (int family = 0; family < IP_FAMILIES; family++)
			seen->verdicts = (seen->verdicts * 31 +
					  seen->nodes.items[i].ranges[family]) *
						 31 +
					 seen->nodes.items[i].internal[family];
	for (size_t i = 0; i < seen->nodes.former.n; i++)
		seen->verdicts = seen->verdicts * 31 + seen->nodes.former.items[i].routed;
}

/* Judges as the agent of "node1", which has addresses, a gateway and an API server, and
 * routes of an earlier agent; with seen->narrow it has --cluster-cidr, too. */
static void judge(struct seen *seen)
{
	static const char *const addresses[] = {"192.0.2.11/24", "2001:db8:aaaa::b/64",
						"127.0.0.1/8"};
	static const struct {
		const char *addr;
		enum range_verdict why;
	} hosts[] = {{"172.16.0.1", RANGE_GATEWAY}, {"10.96.0.1", RANGE_API_SERVER}};
	static const char *const routes[][2] = {{"10.244.7.0/24", "192.0.2.12"},
						{"10.244.7.128/25", "192.0.2.13"},
						{"fd00:7::/64", "2001:db8:aaaa::c"}};
	struct ip_prefix clusters[2], address;
	struct prefix_list cluster = {clusters, seen->narrow ? 2 : 0};
	struct held_range held;
	struct surroundings around = {};
	struct range_rules rules = {"node1", &cluster, &around,
				    seen->adopted && !seen->anew};

	PROMISE(prefix_parse("10.244.0.0/16", &clusters[0]) == 0);
	PROMISE(prefix_parse("fd00::/8", &clusters[1]) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		PROMISE(prefix_parse(addresses[i], &address) == 0);
		PROMISE(surroundings_add_address(&around, &address, "eth0", false,
						 &cluster, NULL) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		PROMISE(ip_parse(hosts[i].addr, &address.addr) == 0);
		PROMISE(surroundings_add_host(&around, &address.addr, hosts[i].why, "",
					      NULL) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		PROMISE(prefix_parse(routes[i][0], &held.cidr) == 0);
		PROMISE(ip_parse(routes[i][1], &held.gateway) == 0);
		PROMISE(surroundings_add_held(&around, &held, NULL) == 0);
	}
	surroundings_settle(&around);
	if (!seen->adopted)
		PROMISE(former_adopt(&seen->nodes, &around, NULL) == 0);
	seen->adopted = true;
	PROMISE(pod_ranges_judge(&seen->nodes, &rules, NULL, NULL, NULL) == 0);
	PROMISE(seen->nodes.former.n <= FORMER_RANGES_MAX);
	PROMISE(range_rules_broken(&seen->nodes, &rules) == NULL);
	verdicts_sum(seen);
	surroundings_clear(&around);
}

/* Names stand in the log and in metrics. */
static void take_node(struct seen *seen, const struct node_object *node)
{
	PROMISE(node->name[0] &&
		strspn(node->name, "abcdefghijklmnopqrstuvwxyz"
				   "0123456789-.") == strlen(node->name));
	PROMISE(node_table_set(&seen->nodes, node, NULL) >= 0);
	for (size_t i = 0; i < annotation_names.n; i++) {
		const char *text =
			node_annotation(node_table_find(&seen->nodes, node->name), i);

		PROMISE(!text || strlen(text) <= ANNOTATION_MAX);
	}
	PROMISE(node_table_set(&seen->nodes, node, NULL) == 0);
}

static int take(enum filter_doc kind, const char *text, size_t len, void *data,
		struct cni_error *err)
{
	struct seen *seen = data;
	struct node_object node;
	struct list_page page;
	struct watch_event event;
	struct cni_error own = {};
	int ret;

	(void)err;
	seen->n++;
	PROMISE(!text || len <= FILTER_DOC_MAX);
	for (size_t i = 0; i < len; i++)
		seen->sum = seen->sum * 31 + (unsigned char)text[i];
	if (!text)
		return 0;
	PROMISE(text[0] == '{' || text[0] == '[');
	if (seen->watch)
		ret = watch_event_read(text, len, &annotation_names, &event, &own);
	else if (kind == FILTER_ENTRY)
		ret = node_object_read(text, len, &annotation_names, &node, &own);
	else
		ret = list_page_read(text, len, &page, &own);
	fuzz_promise_error(ret, &own);
	if (ret == 0 && seen->watch && event.type == WATCH_CHANGED && event.node.name[0])
		take_node(seen, &event.node);
	else if (ret == 0 && seen->watch && event.type == WATCH_DELETED)
		node_table_remove(&seen->nodes, event.node.name);
	else if (ret == 0 && !seen->watch && kind == FILTER_ENTRY)
		take_node(seen, &node);
	/* After some events what was accepted before has its say. */
	if (seen->watch && seen->n % 4 == 0)
		judge(seen);
	return 0;
}

/* Fed in pieces of @step bytes; returns what json_filter_feed() did. */
static int parse(const uint8_t *data, size_t size, size_t step, bool watch, bool narrow,
		 bool anew, struct seen *seen)
{
	static struct json_filter filter;
	struct node_keys keys;
	struct cni_error err = {};
	int ret = 0;

	*seen = (struct seen){.watch = watch, .narrow = narrow, .anew = anew};
	node_keys_init(&keys, &annotation_names);
	json_filter_init(&filter, watch ? keys.watch : keys.list, take, seen);
	for (size_t at = 0; ret == 0 && at < size; at += step)
		ret = json_filter_feed(&filter, (const char *)data + at,
				       size - at < step ? size - at : step, &err);
	fuzz_promise_error(ret, &err);
	judge(seen);
	node_table_clear(&seen->nodes);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	bool watch, narrow;
	int ret;

	if (size < 2)
		return 0;
	watch = data[0] & 1;
	narrow = data[0] & 2;
	ret = parse(data + 1, size - 1, size, watch, narrow, false, &whole);
	/* Where the network cuts makes no difference, nor whether Nodes that are the same
	 * are held against the rules again. */
	PROMISE(parse(data + 1, size - 1, 1 + (data[0] >> 1), watch, narrow, true,
		      &cut) == ret);
	PROMISE(whole.n == cut.n && whole.sum == cut.sum);
	PROMISE(whole.verdicts == cut.verdicts);
	return 0;
}
