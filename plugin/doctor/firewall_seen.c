/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "firewall_seen.h"

#include <arpa/inet.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <sys/socket.h>

#include "firewall_hooks.h"

static const struct way ways[2][2] = {
	/* what the pod sends, the answers; not the node's own, the node's own */
	{{.what = "what pods send", .kind = WAY_OUT},
	 {.what = "what pods send to the node", .kind = WAY_TO_NODE, .on_purpose = true}},
	{{.what = "the answers that pods get", .kind = WAY_BACK},
	 {.what = "the node's answers to pods",
	  .kind = WAY_NODE_ANSWERS,
	  .on_purpose = true}},
};

/* Where such packets come in by that hook, and leave by it. */
static struct way_step step_of(const struct firewall_seen *seen)
{
	enum place pod = seen->on_bridge ? PLACE_PORT : PLACE_GATEWAY;
	enum place other = seen->on_bridge ? PLACE_PORT : PLACE_UPLINK;
	bool has_in = seen->hook != NF_INET_LOCAL_OUT &&
		      seen->hook != NF_INET_POST_ROUTING;
	bool has_out = seen->hook != NF_INET_PRE_ROUTING &&
		       seen->hook != NF_INET_LOCAL_IN;

	return (struct way_step){
		.hook = {.layer = seen->on_bridge ? HOOK_BRIDGE : HOOK_IP,
			 .number = seen->hook},
		.in = !has_in		? PLACE_NONE
		      : seen->is_answer ? other
					: pod,
		.out = !has_out		 ? PLACE_NONE
		       : seen->is_answer ? pod
					 : other,
	};
}

static struct firewall_drop drop_of(const struct firewall_seen *seen,
				    const struct way_step *step)
{
	return (struct firewall_drop){
		.way = &ways[seen->is_answer][seen->to_node],
		.step = step,
		.family = seen->family,
		.table = seen->table,
		.chain = seen->chain,
		/* It isn't known whether connections are tracked there: as if not. */
		.priority = INT_MIN,
		.walked = {.of_docker = seen->of_docker, .of_ufw = seen->of_ufw},
	};
}

const char *firewall_seen_whose(const struct firewall_seen *seen)
{
	struct way_step step = step_of(seen);
	struct firewall_drop drop = drop_of(seen, &step);

	return firewall_whose(&drop);
}

void firewall_seen_mend(struct doctor *doctor, const struct firewall_seen *seen)
{
	const struct way_ends ends = {.bridge = seen->gateway,
				      .gateway = seen->gateway,
				      .port = seen->port,
				      .uplink = seen->uplink};
	struct way_step step = step_of(seen);
	struct firewall_drop drop = drop_of(seen, &step);

	firewall_mend(doctor, &drop, &ends);
}
