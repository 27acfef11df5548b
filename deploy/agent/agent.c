/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of things: bundle, configuration, routes; then whatever is due. */
#include "agent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "conf/identity.h"
#include "deploy/agent/node/agent_lock.h"
#include "deploy/agent/node/route_events.h"
#include "deploy/agent/base/memory_trim.h"
#include "deploy/agent/base/clock.h"

#define CHECK_MS	1000 /* the files that we have put on the node */
#define CLAIM_MS	500 /* whether the former agent has gone */
#define ROUTES_SOON_MS	100 /* the kernel's news come in flocks */
#define ROUTES_RETRY_MS 5000
#define JOB_MAX_MS	120000 /* bridge-cni's own waits end sooner */
#define TROUBLES_LOGGED 20

/* -- errors that last are said once */

static void complain(const struct agent *agent, uint64_t *said, const char *what,
		     struct cni_error *err)
{
	uint64_t hash = hash_text(err->msg);

	if (hash == *said)
		error_clear(err);
	else
		log_error(agent->log, what, err);
	*said = hash;
}

/* -- bundle and configuration */

static void check_bundle(struct agent *agent)
{
	struct cni_error err = {};
	int r = install_ensure(&agent->install, &err);

	agent->installed = r >= 0;
	if (r < 0) {
		complain(agent, &agent->said_install, "installing has failed", &err);
		return;
	}
	agent->said_install = 0;
	if (r > 0)
		log_write(agent->log, LOG_LEVEL_INFO, "installed", "version",
			  agent->install.version, "directory", agent->options->bin_dir,
			  NULL);
}

/* Runtimes must not find a configuration whose executable isn't there. */
static void check_conflist(struct agent *agent)
{
	struct cni_error err = {};
	int r;

	if (!agent->installed || !agent->conflist.text)
		return;
	r = conflist_install(agent->options, &agent->conflist, &err);
	agent->configured = r >= 0;
	if (r < 0) {
		complain(agent, &agent->said_conflist,
			 "writing the configuration has failed", &err);
		return;
	}
	agent->said_conflist = 0;
	if (r > 0)
		log_write(agent->log, LOG_LEVEL_INFO, "configuration written", "file",
			  agent->options->conflist, "directory", agent->options->conf_dir,
			  NULL);
	if (r > 0 || !agent->heal.begun)
		heal_begin(&agent->heal);
}

/* What the node table says the configuration is. */
static void settle_conflist(struct agent *agent)
{
	_cleanup_(free_p) struct ip_prefix *items = NULL;
	const struct cluster_node *own = node_table_find(&agent->nodes,
							 agent->options->node_name);
	struct prefix_list cluster = {};
	struct conflist list = {};
	struct cni_error err = {};
	int r;

	if (!own || (!own->cidrs[0].addr.family && !own->cidrs[1].addr.family)) {
		error_set(&err, CNI_ERR_TRY_AGAIN, ENOENT, "%s has no %s yet",
			  agent->options->node_name, own ? "podCIDR" : "Node");
		complain(agent, &agent->said_conflist, "waiting", &err);
		return;
	}
	r = node_table_cidrs(&agent->nodes, &agent->options->cluster_cidrs, &cluster,
			     &err);
	items = cluster.items;
	if (r == 0)
		r = conflist_make(agent->options, own, &cluster, &list, &err);
	if (r < 0) {
		complain(agent, &agent->said_conflist, "the configuration isn't right",
			 &err);
		return;
	}
	if (list.left_out)
		log_write(agent->log, LOG_LEVEL_ERROR,
			  "too many podCIDRs to list: pods on some nodes will see the "
			  "node's address instead of the pod's; set --cluster-cidr",
			  NULL);
	conflist_clear(&agent->conflist);
	agent->conflist = list;
}

/* -- routes */

static void trouble(const struct cluster_node *node, const struct ip_prefix *cidr,
		    const struct ip_addr *gw, enum route_problem problem, void *data)
{
	struct agent *agent = data;
	struct route_trouble *item;

	(void)gw;
	if (agent->n_troubles == PROBLEMS_NAMED_MAX)
		return;
	item = &agent->troubles[agent->n_troubles++];
	*item = (struct route_trouble){.cidr = *cidr, .problem = problem};
	snprintf(item->node, sizeof(item->node), "%s", node->name);
}

static void troubles_log(struct agent *agent)
{
	uint64_t hash = hash_text("");

	for (size_t i = 0; i < agent->n_troubles; i++) {
		const struct route_trouble *item = &agent->troubles[i];

		hash = hash_more(hash, item->node, strlen(item->node) + 1);
		hash = hash_more(hash, &item->problem, sizeof(item->problem));
	}
	if (hash == agent->troubles_hash)
		return;
	agent->troubles_hash = hash;
	for (size_t i = 0; i < agent->n_troubles && i < TROUBLES_LOGGED; i++) {
		const struct route_trouble *item = &agent->troubles[i];

		log_write(agent->log, LOG_LEVEL_WARN, "no route to a node's pods", "node",
			  item->node, "reason", route_problem_names[item->problem],
			  "podCIDR",
			  item->cidr.addr.family ? PREFIX_TEXT(&item->cidr) : "", NULL);
	}
}

static void sync_routes(struct agent *agent)
{
	struct cni_error err = {};
	const struct routes_done *done = &agent->routes;
	char changes[96];
	int r;

	agent->routes_at = INT64_MAX;
	agent->n_troubles = 0;
	r = routes_sync(agent->rtnl, &agent->nodes, agent->options->node_name, trouble,
			agent, &agent->routes, &err);
	agent->route_syncs++;
	agent->route_changes += done->added + done->changed + done->removed;
	agent->routed = r >= 0;
	troubles_log(agent);
	if (done->added || done->changed || done->removed) {
		snprintf(changes, sizeof(changes), "%zu added, %zu changed, %zu removed",
			 done->added, done->changed, done->removed);
		log_write(agent->log, LOG_LEVEL_INFO, "routes", "what", changes, NULL);
	}
	if (r < 0) {
		complain(agent, &agent->said_routes, "a route can't be set", &err);
		agent->routes_at = now_ms() + ROUTES_RETRY_MS;
	} else {
		agent->said_routes = 0;
	}
}

/* -- what is due */

static void settle(struct agent *agent)
{
	if (!reflector_state(agent->reflector)->listed)
		return;
	agent->settle = false;
	settle_conflist(agent);
	check_conflist(agent);
	sync_routes(agent);
	if (!agent->trimmed)
		memory_trim();
	agent->trimmed = true;
}

static void find_dead(struct agent *agent)
{
	struct cni_error err = {};
	size_t refused = 0;

	if (!agent->conflist.plugin || agent->dead.n)
		return;
	if (reclaim_find(agent->options, &agent->dead, &refused, &err) < 0) {
		complain(agent, &agent->said_reclaim,
			 "looking for dead attachments has failed", &err);
		return;
	}
	if (refused && agent->reclaim_refused != refused)
		log_write(
			agent->log, LOG_LEVEL_WARN,
			"attachments look dead, but no live one's namespace is seen at "
			"its path: is it mounted here with HostToContainer propagation?",
			NULL);
	agent->reclaim_refused = refused;
}

static void drop_first_dead(struct agent *agent)
{
	struct ipam_owner_list *dead = &agent->dead;

	free(dead->items[0].container_id);
	free(dead->items[0].ifname);
	dead->n--;
	memmove(dead->items, dead->items + 1, dead->n * sizeof(*dead->items));
	if (!dead->n)
		ipam_owner_list_clear(dead);
}

static void start_jobs(struct agent *agent)
{
	bool was_free = !agent->job.pid;
	struct cni_error err = {};

	heal_tick(&agent->heal, &agent->job);
	if (was_free)
		agent->heals = agent->job.pid != 0;
	if (agent->job.pid)
		return;
	/* It is a while since they were found. */
	while (agent->dead.n && !reclaim_is_dead(agent->options, &agent->dead.items[0]))
		drop_first_dead(agent);
	if (!agent->dead.n)
		return;
	if (reclaim_start(agent->options, &agent->conflist, &agent->dead.items[0],
			  &agent->job, &err) < 0) {
		complain(agent, &agent->said_reclaim, "a DEL can't be started", &err);
		drop_first_dead(agent);
	}
}

static void end_job(struct agent *agent)
{
	_cleanup_(free_p) char *output = NULL;
	struct cni_error err = {};
	int status;

	if (job_end(&agent->job, &status, &output, &err) < 0)
		log_error(agent->log, "a child's words are lost", &err);
	if (agent->heals) {
		heal_ended(&agent->heal, status, output ? output : (char[]){""});
	} else {
		const struct ipam_owner *owner = &agent->dead.items[0];

		log_write(agent->log, status ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
			  status ? "DEL of a dead attachment has failed"
				 : "a dead attachment's addresses were given back",
			  "container", owner->container_id, "interface", owner->ifname,
			  "output", output ? output : "", NULL);
		agent->reclaimed += !status;
		agent->reclaim_failures += status != 0;
		drop_first_dead(agent);
	}
	agent->heals = false;
}

static void do_what_is_due(struct agent *agent)
{
	int64_t now = now_ms();

	if (now >= agent->check_at) {
		agent->check_at = now + CHECK_MS;
		check_bundle(agent);
		check_conflist(agent);
	}
	if (now >= agent->resync_at) {
		agent->resync_at = now + (int64_t)agent->options->resync_seconds * 1000;
		agent->routes_at = now;
		find_dead(agent);
	}
	if (agent->settle)
		settle(agent);
	if (now >= agent->routes_at && reflector_state(agent->reflector)->listed)
		sync_routes(agent);
	if (agent->job.pid && now - agent->job.started > JOB_MAX_MS)
		kill(agent->job.pid, SIGKILL);
	start_jobs(agent);
}

/* -- the loop */

static void take_signals(struct agent *agent)
{
	struct signalfd_siginfo info;

	while (read(agent->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == CLAIM_SIGNAL)
			agent->standing_by = true;
		else
			agent->ended = true;
	}
}

static int wait_ms(const struct agent *agent)
{
	int64_t due[] = {
		agent->check_at,
		agent->resync_at,
		reflector_state(agent->reflector)->listed ? agent->routes_at : INT64_MAX,
		heal_next(&agent->heal, &agent->job),
	};
	int64_t now = now_ms(), left = INT_MAX;
	int http = agent->http ? http_timeout_ms(agent->http) : -1;

	for (size_t i = 0; i < ARRAY_SIZE(due); i++)
		if (due[i] - now < left)
			left = due[i] - now;
	if (http >= 0 && http < left)
		left = http;
	return left < 0 ? 0 : (int)left;
}

static void serve(struct agent *agent)
{
	struct pollfd fds[] = {
		{.fd = agent->signal_fd, .events = POLLIN},
		{.fd = agent->events_fd, .events = POLLIN},
		{.fd = agent->http ? http_fd(agent->http) : -1, .events = POLLIN},
		{.fd = agent->job.pidfd, .events = POLLIN},
	};
	struct pollfd asked[ARRAY_SIZE(fds)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i].fd >= 0)
			asked[n++] = fds[i];
	agent->settle |= reflector_wait(agent->reflector, asked, n, wait_ms(agent));
	for (size_t i = 0; i < n; i++) {
		if (asked[i].fd == agent->job.pidfd && asked[i].revents)
			end_job(agent);
		else if (asked[i].fd == agent->events_fd && asked[i].revents &&
			 events_take(agent->events_fd) &&
			 agent->routes_at > now_ms() + ROUTES_SOON_MS)
			agent->routes_at = now_ms() + ROUTES_SOON_MS;
	}
	take_signals(agent);
	if (agent->http)
		http_serve(agent->http);
}

/* Before the claim is ours, and after it was given up: pages and signals alone. */
static void idle(struct agent *agent, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = agent->signal_fd, .events = POLLIN},
		{.fd = agent->http ? http_fd(agent->http) : -1, .events = POLLIN},
	};
	int http = agent->http ? http_timeout_ms(agent->http) : -1;

	if (http >= 0 && (timeout_ms < 0 || http < timeout_ms))
		timeout_ms = http;
	(void)poll(fds, ARRAY_SIZE(fds), timeout_ms);
	take_signals(agent);
	if (agent->http)
		http_serve(agent->http);
}

static void claim_wait(struct agent *agent)
{
	uint64_t said = 0;
	struct cni_error err = {};
	int r;

	while (!agent->ended && !agent->standing_by) {
		r = claim_take(&agent->claim_fd, &err);
		if (r == 0)
			return;
		if (!err.code)
			error_set(&err, CNI_ERR_TRY_AGAIN, EAGAIN,
				  "another agent is at work on this node");
		complain(agent, &said, "waiting", &err);
		idle(agent, CLAIM_MS);
	}
}

void agent_run(struct agent *agent)
{
	struct cni_error err = {};

	claim_wait(agent);
	/* What an earlier agent wrote serves until the API server has spoken. */
	if (!agent->standing_by &&
	    conflist_load(agent->options, &agent->conflist, &err) < 0)
		error_clear(&err);
	while (!agent->ended && !agent->standing_by) {
		do_what_is_due(agent);
		serve(agent);
	}
	job_kill(&agent->job);
	close_p(&agent->claim_fd);
	agent->claim_fd = -1;
	if (agent->standing_by)
		log_write(agent->log, LOG_LEVEL_INFO,
			  "standing by: this node is being "
			  "cleaned up",
			  NULL);
	while (!agent->ended)
		idle(agent, -1);
	log_write(agent->log, LOG_LEVEL_INFO, "ended", NULL);
}

static int signals_open(int *ret_fd, struct cni_error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, CLAIM_SIGNAL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "blocking signals");
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "signalfd");
	*ret_fd = fd;
	return 0;
}

int agent_open(struct agent *agent, const struct options *options, const struct log *log,
	       struct cni_error *err)
{
	int r;

	*agent = (struct agent){
		.options = options,
		.log = log,
		.install = {.from = options->bundle, .to = options->bin_dir},
		.reflector_spec =
			{
				.transport = {.server = options->api_server,
					      .token_file = options->token_file,
					      .ca_file = options->ca_file},
				.retry_max_ms = options->retry_max_seconds * 1000,
				.watch_seconds = options->watch_seconds,
			},
		.job = JOB_NONE,
		.signal_fd = -1,
		.events_fd = -1,
		.claim_fd = -1,
		.routes_at = INT64_MAX,
		.settle = true,
	};
	agent->troubles = calloc(PROBLEMS_NAMED_MAX, sizeof(*agent->troubles));
	r = agent->troubles ? signals_open(&agent->signal_fd, err) : error_oom(err);
	if (r == 0)
		r = events_open(&agent->events_fd, err);
	if (r == 0)
		r = netlink_open(NETLINK_FOR_ROUTE, &agent->rtnl, err);
	if (r == 0)
		r = netlink_open(NETLINK_FOR_NFTABLES, &agent->nft, err);
	if (r == 0)
		r = reflector_open(&agent->reflector_spec, &agent->nodes, log,
				   &agent->reflector, err);
	if (r == 0 && options->port)
		r = http_open(options->port, agent_page, agent, &agent->http, err);
	agent->heal = (struct heal){
		.options = options,
		.log = log,
		.rtnl = agent->rtnl,
		.nft = agent->nft,
	};
	return r;
}

void agent_close(struct agent *agent)
{
	job_kill(&agent->job);
	http_close(agent->http);
	reflector_close(agent->reflector);
	netlink_close(agent->rtnl);
	netlink_close(agent->nft);
	close_p(&agent->signal_fd);
	close_p(&agent->events_fd);
	close_p(&agent->claim_fd);
	conflist_clear(&agent->conflist);
	ipam_owner_list_clear(&agent->dead);
	node_table_clear(&agent->nodes);
	free(agent->troubles);
}
