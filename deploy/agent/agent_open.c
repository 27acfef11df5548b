/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the parts of an agent, and takes them down; agent.c has what it does between. */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "deploy/agent/node/agent_lock.h"
#include "deploy/agent/node/route_events.h"
#include "plugin/node/sysctl.h"
#include "servers.h"

static int signals_open(int *ret_fd, struct cni_error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, AGENT_LOCK_SIGNAL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "blocking signals");
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "signalfd");
	*ret_fd = fd;
	return 0;
}

/* A process that handles private keys leaves them in no core dump, and shows its memory to
 * no other process but one that may trace all. */
static int memory_hide(const struct options *options, struct cni_error *err)
{
	if (options_have_tunnel(options, TUNNEL_WIREGUARD) &&
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "PR_SET_DUMPABLE");
	return 0;
}

static void connecting(const struct ip_addr *addr, void *data)
{
	struct agent *agent = data;

	agent->nodes_changed |= range_upkeep_server(&agent->ranges, addr);
}

/* Sets all fields that need no more than the options and the log. */
static void agent_init(struct agent *agent, const struct options *options,
		       const struct log *log)
{
	*agent = (struct agent){
		.options = options,
		.log = log,
		.setup =
			{
				.options = options,
				.log = log,
				.install = {.bundle = options->bundle,
					    .plugin_dir = options->bin_dir},
			},
		.shadow = {.options = options, .log = log},
		.reclaim = {.options = options,
			    .network = &agent->setup.conflist.names,
			    .log = log},
		.reflector_spec =
			{
				.transport = {.server = options->api_server,
					      .token_file = options->token_file,
					      .ca_file = options->ca_file,
					      .cert_file = options->cert_file,
					      .key_file = options->key_file,
					      .connecting = connecting,
					      .data = agent},
				.retry_max_ms = options->retry_max_seconds * 1000,
				.watch_seconds = options->watch_seconds,
				.own_node = options->node_name,
				.max_nodes = options->max_nodes,
			},
		.job = JOB_NONE,
		.signal_fd = -1,
		.route_events_fd = -1,
		.lock_fd = -1,
		.nodes_changed = true,
	};
}

int agent_open(struct agent *agent, const struct options *options, const struct log *log,
	       struct cni_error *err)
{
	int ret;

	agent_init(agent, options, log);
	tunnel_notes_set(&agent->notes, options->flannel_prefix);
	agent->reflector_spec.annotations = agent->notes.names;
	agent->reflector_spec.patch_rights =
		options_have_tunnel(options, TUNNEL_WIREGUARD) ? WIREGUARD_RIGHTS
							       : FLANNEL_RIGHTS;
	/* The agent itself writes kernel parameters there, too. */
	ret = setenv(SYSCTL_ROOT_ENV, options->sysctl_root, true) < 0 ? error_oom(err)
								      : 0;
	if (ret == 0)
		ret = memory_hide(options, err);
	if (ret == 0)
		ret = setup_open(&agent->setup, err);
	if (ret == 0)
		ret = signals_open(&agent->signal_fd, err);
	if (ret == 0)
		ret = route_events_open(&agent->route_events_fd, err);
	if (ret == 0)
		ret = netlink_open(NETLINK_FOR_ROUTE, &agent->rtnl, err);
	if (ret == 0)
		ret = netlink_open(NETLINK_FOR_NFTABLES, &agent->nft, err);
	if (ret == 0)
		ret = range_upkeep_open(&agent->ranges, agent->rtnl, log, options,
					&agent->setup.conflist.names, err);
	if (ret == 0)
		ret = route_upkeep_open(&agent->routes, agent->rtnl, log,
					options->node_name, err);
	if (ret == 0)
		ret = reflector_open(&agent->reflector_spec, &agent->nodes, log,
				     &agent->reflector, err);
	if (ret == 0)
		ret = servers_open(agent, err);
	agent->pod_link = (struct pod_link){
		.network = &agent->setup.conflist.names,
		.log = log,
		.rtnl = agent->rtnl,
		.kept = &agent->setup.kept,
		.nf = {.network = &agent->setup.conflist.names,
		       .log = log,
		       .rtnl = agent->rtnl,
		       .nft = agent->nft},
	};
	agent->tunnel = (struct tunnel_upkeep){
		.context = {.options = options,
			    .log = log,
			    .rtnl = agent->rtnl,
			    .nft = agent->nft,
			    .mtu = {.options = options, .rtnl = agent->rtnl}},
		.flannel = {.options = options,
			    .log = log,
			    .rtnl = agent->rtnl,
			    .around = &agent->ranges.around,
			    .names = &agent->notes.flannel,
			    .first = TUNNEL_NOTES_FLANNEL},
	};
	vxlan_upkeep_init(&agent->tunnel.vxlan, options->resync_seconds);
	agent->setup.mtu = &agent->tunnel.context.mtu;
	agent->former = (struct former_upkeep){.log = log, .rtnl = agent->rtnl};
	agent->drops = (struct drops){
		.options = options,
		.network = &agent->setup.conflist.names,
		.log = log,
		.rtnl = agent->rtnl,
		.nft = agent->nft,
	};
	agent->uninstall = (struct uninstall){
		.options = options,
		.network = &agent->setup.conflist.names,
		.log = log,
		.rtnl = agent->rtnl,
		.nft = agent->nft,
	};
	agent->heal = (struct heal){
		.options = options,
		.conflist = &agent->setup.conflist,
		.log = log,
		.rtnl = agent->rtnl,
		.nft = agent->nft,
	};
	return ret;
}

void agent_close(struct agent *agent)
{
	job_kill(&agent->job);
	servers_close(agent);
	reflector_close(agent->reflector);
	netlink_close(agent->rtnl);
	netlink_close(agent->nft);
	close_p(&agent->signal_fd);
	close_p(&agent->route_events_fd);
	close_p(&agent->lock_fd);
	setup_clear(&agent->setup);
	former_upkeep_clear(&agent->former);
	drops_clear(&agent->drops);
	reclaim_clear(&agent->reclaim);
	range_upkeep_close(&agent->ranges);
	tunnel_upkeep_clear(&agent->tunnel);
	route_upkeep_close(&agent->routes);
	node_table_clear(&agent->nodes);
}
