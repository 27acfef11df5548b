/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event says of which packet it is by a number only, which may be another one in the
 * next hook. But in each hook the packets of the flow meet our rules first. So these tell
 * which way the packet of that number goes. Other programs may have other packets traced:
 * those have met none of our rules.
 */
#include "watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/netlink/chain_names.h"
#include "plugin/node/iptables_legacy.h"
#include "plugin/node/kernel_has.h"

/* A packet that somebody sends round in a circle must not fill the memory. */
#define PACKETS_MAX 4096

static int too_old(struct watch *watch)
{
	return error_set(&watch->err, CNI_ERR_KERNEL, EOPNOTSUPP,
			 "this kernel can't bind rules to a process, so that they would "
			 "stay when that is killed (Linux 5.12 and later can); none were "
			 "made");
}

static int tables_make(struct watch *watch, const struct flow *flow, bool may_load)
{
	struct tracer_chains others;
	int ret = tracer_chains_read(watch->owner, &others, &watch->err);
	bool nat = others.translate || iptables_legacy_translates(flow->from.family);

	watch->misses_nat = nat && !may_load && !kernel_has_nft_ct();
	if (ret == 0)
		ret = tracer_begin(watch->owner, TRACER_IP, flow,
				   nat && !watch->misses_nat, watch->table, &watch->err);
	if (ret == TRACER_TOO_OLD)
		return too_old(watch);
	if (ret == TRACER_NO_LAYER)
		return error_set(&watch->err, CNI_ERR_KERNEL, EAFNOSUPPORT,
				 "the kernel has no nftables for %s",
				 ip_family_name(flow->from.family));
	if (ret < 0)
		return ret;
	if (!may_load && !kernel_has_nft_meta_bridge()) {
		watch->misses_bridges = others.of_bridges;
		return 0;
	}
	ret = tracer_begin(watch->owner, TRACER_BRIDGE, flow, false, watch->table,
			   &watch->err);
	watch->sees_bridges = ret == 0;
	/* A kernel without bridges' rules has no frame dropped by one. */
	if (ret == -EOPNOTSUPP || ret == -ENOENT)
		ret = error_clear(&watch->err);
	return ret < 0 ? ret : 0;
}

void watch_begin(struct watch *watch, const struct flow *flow, bool may_load)
{
	int ret;

	if (!kernel_has_nf_tables()) {
		watch->state = WATCH_NO_NFTABLES;
		return;
	}
	ret = netlink_open(NETLINK_FOR_NFTABLES, &watch->owner, &watch->err);
	if (ret == 0)
		ret = trace_listen(&watch->fd, &watch->err);
	if (ret == 0)
		ret = tables_make(watch, flow, may_load);
	if (ret == 0)
		watch->state = WATCH_ON;
	else
		watch_end(watch);
}

static struct watched *packet_find(struct watch *watch, const struct trace_event *event)
{
	for (size_t i = watch->packets.n; i > 0; i--) {
		struct watched *packet = &watch->packets.items[i - 1];

		if (packet->id == event->id && packet->layer == event->layer)
			return packet;
	}
	return NULL;
}

/* The packet has met the rule that says its way: it is at the beginning of a hook. */
static struct watched *packet_known(struct watch *watch, const struct trace_event *event,
				    enum watch_way way)
{
	struct watched *packet = packet_find(watch, event);

	if (!packet && watch->packets.n < PACKETS_MAX)
		packet = LIST_ADD(&watch->packets);
	if (!packet) {
		watch->lost = true;
		return NULL;
	}
	packet->id = event->id;
	packet->layer = event->layer;
	packet->way = way;
	return packet;
}

static int hook_of(const char *name)
{
	for (int i = 0; i < WATCH_HOOKS; i++)
		if (strcmp(hook_names[i], name) == 0)
			return i;
	return -1;
}

static struct passage *passage_of(struct watch *watch, const struct watched *packet)
{
	return &watch->passages[packet->way][packet->layer == NFPROTO_BRIDGE
						     ? TRACER_BRIDGE
						     : TRACER_IP];
}

/* Notes the hook that one of our own chains, by its name, is at the beginning or at the end
 * of. */
static void hook_take(struct watch *watch, struct watched *packet,
		      const struct trace_event *event)
{
	static const char *const prefixes[] = {TRACER_EARLY, TRACER_TRACKED, TRACER_LATE};
	struct passage *passage = passage_of(watch, packet);

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);
		int hook = strncmp(event->chain, prefixes[i], len) == 0
				   ? hook_of(event->chain + len)
				   : -1;

		if (hook < 0)
			continue;
		if (packet->hook != hook)
			packet->of_docker = packet->of_ufw = false;
		packet->hook = hook;
		passage->entered[hook] = true;
		if (hook == NF_INET_PRE_ROUTING && packet->in)
			passage->in = packet->in;
		if (strcmp(prefixes[i], TRACER_LATE) != 0)
			continue;
		passage->left[hook] = true;
		if (packet->out)
			passage->out = packet->out;
		passage->to = packet->to;
		passage->to_port = packet->to_port;
	}
}

static void own_take(struct watch *watch, const struct trace_event *event)
{
	struct watched *packet = packet_find(watch, event);

	if (strcmp(event->chain, TRACER_SENT) == 0)
		packet = packet_known(watch, event, WATCH_SENT);
	else if (strcmp(event->chain, TRACER_ANSWER) == 0)
		packet = packet_known(watch, event, WATCH_ANSWER);
	if (!packet)
		return;
	packet->in = event->in ? event->in : packet->in;
	packet->out = event->out ? event->out : packet->out;
	if (event->to.family) {
		packet->to = event->to;
		packet->to_port = event->to_port;
	}
	if (event->type == TRACE_POLICY)
		hook_take(watch, packet, event);
}

static void foreign_take(struct watch *watch, struct watched *packet,
			 const struct trace_event *event)
{
	struct passage *passage = passage_of(watch, packet);

	passage->rules += event->type == TRACE_RULE && event->handle;
	packet->of_docker |= chain_is_dockers(event->to_chain);
	packet->of_ufw |= chain_is_ufws(event->to_chain);
	passage->queued |= event->verdict == TRACE_QUEUED;
	if (event->verdict != TRACE_DROPPED || passage->is_dropped)
		return;
	passage->is_dropped = true;
	passage->drop = *event;
	passage->drop_hook = packet->hook;
	passage->of_docker = packet->of_docker;
	passage->of_ufw = packet->of_ufw;
}

static void event_take(const struct trace_event *event, void *data)
{
	struct watch *watch = data;
	struct watched *packet;

	if (strcmp(event->table, watch->table) == 0) {
		own_take(watch, event);
		return;
	}
	packet = packet_find(watch, event);
	if (packet)
		foreign_take(watch, packet, event);
}

void watch_take(struct watch *watch)
{
	if (watch->state == WATCH_ON && trace_read(watch->fd, event_take, watch) < 0)
		watch->lost = true;
}

const struct passage *watch_dropped(const struct watch *watch, enum watch_way way)
{
	for (size_t layer = WATCH_LAYERS; layer > 0; layer--)
		if (watch->passages[way][layer - 1].is_dropped)
			return &watch->passages[way][layer - 1];
	return NULL;
}

bool watch_saw(const struct watch *watch, enum watch_way way)
{
	for (size_t layer = 0; layer < WATCH_LAYERS; layer++)
		for (size_t hook = 0; hook < WATCH_HOOKS; hook++)
			if (watch->passages[way][layer].entered[hook])
				return true;
	return false;
}

void watch_end(struct watch *watch)
{
	netlink_close(watch->owner);
	close_p(&watch->fd);
	free(watch->packets.items);
	watch->owner = NULL;
	watch->fd = -1;
	watch->packets.items = NULL;
	watch->packets.n = 0;
}
