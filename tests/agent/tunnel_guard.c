/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_guard ensure|remove|counters: calls the guard of the tunnels with what standard
 * input says, in the network namespace that it is started in, and prints the outcome.
 * A line of the input is one of
 *	vxlan PORT VNI MAC	wireguard	source ADDRESS CIDR	own CIDR
 * A line "then" begins another call of ensure, by the same process.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/base/list.h"
#include "deploy/agent/tunnel/guard.h"

struct line {
	struct ip_addr outer;
	struct ip_prefix inner;
};

struct line_list {
	struct line *items;
	size_t n;
};

static void wrong(const char *text)
{
	fprintf(stderr, "a line of the input is wrong: %s\n", text);
	exit(2);
}

static struct ip_prefix cidr(const char *text)
{
	struct ip_prefix prefix;

	if (prefix_parse(text, &prefix) < 0)
		wrong(text);
	return prefix;
}

/* The words of a line follow @kind. */
static void line_take(const char *kind, const char *words, struct guard_spec *spec,
		      struct line_list *sources, struct line_list *own)
{
	char first[64] = "", second[64] = "", third[64] = "";

	sscanf(words, "%63s %63s %63s", first, second, third);
	if (strcmp(kind, "vxlan") == 0) {
		spec->vxlan = true;
		spec->port = atoi(first);
		spec->vni = atoi(second);
		if (mac_parse(third, &spec->mac) < 0)
			wrong(third);
	} else if (strcmp(kind, "wireguard") == 0) {
		spec->wireguard = true;
	} else if (strcmp(kind, "source") == 0) {
		struct line *line = LIST_ADD(sources);

		if (ip_parse(first, &line->outer) < 0)
			wrong(first);
		line->inner = cidr(second);
	} else if (strcmp(kind, "own") == 0) {
		LIST_ADD(own)->inner = cidr(first);
	} else {
		wrong(kind);
	}
}

/* The lines that a spec was read from, and all that it points to. */
struct input {
	struct line_list sources, own;
	struct guard_source *pairs;
	struct ip_prefix *ranges;
};

static void input_clear(struct input *input)
{
	free(input->sources.items);
	free(input->own.items);
	free(input->pairs);
	free(input->ranges);
}

/* Reads a spec up to the line "then", or to the end; true: there is another one. */
static bool spec_read(struct guard_spec *spec, struct input *input)
{
	char *text = NULL;
	bool more = false;
	size_t size = 0;

	while (!more && getline(&text, &size, stdin) > 0) {
		char kind[16] = "";
		int used = 0;

		sscanf(text, "%15s%n", kind, &used);
		more = strcmp(kind, "then") == 0;
		if (!more)
			line_take(kind, text + used, spec, &input->sources, &input->own);
	}
	free(text);
	spec->n_sources = input->sources.n;
	spec->n_own = input->own.n;
	spec->sources = input->pairs = calloc(spec->n_sources + 1, sizeof(*input->pairs));
	spec->own = input->ranges = calloc(spec->n_own + 1, sizeof(*input->ranges));
	for (size_t i = 0; i < spec->n_sources; i++)
		input->pairs[i] = (struct guard_source){input->sources.items[i].outer,
							input->sources.items[i].inner};
	for (size_t i = 0; i < spec->n_own; i++)
		input->ranges[i] = input->own.items[i].inner;
	return more;
}

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int ensure(struct netlink *nft, struct cni_error *err)
{
	_cleanup_(guard_known_clear) struct guard_known known = {};
	bool more = true;
	int ret = 0;

	while (ret == 0 && more) {
		_cleanup_(input_clear) struct input input = {};
		struct guard_spec spec = {};
		struct guard_done done;
		bool settled = false;
		double begun;

		more = spec_read(&spec, &input);
		begun = cpu_ms();
		ret = tunnel_guard_ensure(nft, &spec, &known, &done, err);
		if (ret == 0)
			ret = tunnel_guard_settled(nft, &known, &settled, err);
		if (ret == 0)
			printf("{\"made\": %d, \"rules\": %d, \"added\": %zu, "
			       "\"deleted\": %zu, \"settled\": %d, \"cpu_ms\": %.3f}\n",
			       done.made, done.rules, done.added, done.deleted, settled,
			       cpu_ms() - begun);
	}
	return ret;
}

static int counters(struct netlink *nft, struct cni_error *err)
{
	uint64_t packets[GUARD_REASONS];
	int ret = tunnel_guard_counters(nft, packets, err);

	for (int i = 0; ret == 0 && i < GUARD_REASONS; i++)
		printf("%s\"%s\": %" PRIu64 "%s", i ? ", " : "{", guard_reason_names[i],
		       packets[i], i + 1 < GUARD_REASONS ? "" : "}\n");
	return ret;
}

int main(int argc, char **argv)
{
	_cleanup_(netlink_closep) struct netlink *nft = NULL;
	const char *verb = argc == 2 ? argv[1] : "";
	struct cni_error err = {};
	bool removed = false;
	int ret = netlink_open(NETLINK_FOR_NFTABLES, &nft, &err);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (ret == 0 && strcmp(verb, "ensure") == 0) {
		ret = ensure(nft, &err);
	} else if (ret == 0 && strcmp(verb, "counters") == 0) {
		ret = counters(nft, &err);
	} else if (ret == 0 && strcmp(verb, "remove") == 0) {
		ret = tunnel_guard_remove(nft, &removed, &err);
		if (ret == 0)
			printf("{\"removed\": %d}\n", removed);
	}
	if (ret < 0)
		fprintf(stderr, "code %d: %s (%s)\n", err.code, err.msg, err.details);
	return ret < 0;
}
