/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop: it does what is due, in a fixed order, and waits until the next thing is. */
#include "agent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "conf/base/clock.h"
#include "deploy/agent/base/memory_trim.h"
#include "deploy/agent/base/pace.h"
#include "deploy/agent/node/agent_lock.h"
#include "deploy/agent/node/route_events.h"
#include "follow.h"
#include "servers.h"

#define CHECK_MS   1000 /* how often the files on the node are looked at */
#define LOCK_MS	   500 /* how often the lock is tried that a former agent holds */
#define QUIET_MS   2000 /* behind the last change, whose memory serves the next one */
#define JOB_MAX_MS 120000 /* bridge-cni's own waits end sooner */

/* -- what is due */

static void check_conflist(struct agent *agent)
{
	enum setup_conflist done = setup_check_conflist(&agent->setup);

	/* A list that serves DEL alone does not say what is to be repaired. */
	if (!agent->setup.conflist.plugin)
		return;
	if (done == SETUP_CONFLIST_WRITTEN ||
	    (done == SETUP_CONFLIST_RIGHT && !agent->heal.begun))
		heal_begin(&agent->heal);
}

/* A change needs a list at once, which can be made when the nodes are known; a node
 * without a list is changed before it has its first one. */
static void check_pod_link(struct agent *agent)
{
	bool listed = reflector_state(agent->reflector)->listed;

	if (pod_link_keep(&agent->pod_link, setup_pod_link(&agent->setup),
			  (listed && !agent->setup.held_back) ||
				  !agent->setup.conflist.text))
		agent->nodes_changed = true;
}

/* While bridge-cni cleanup is running, its end decides the next step. */
static void check_uninstall(struct agent *agent)
{
	if (agent->options->uninstall && agent->job_kind != AGENT_JOB_CLEANUP)
		uninstall_look(&agent->uninstall);
}

/* Makes configuration list and routes follow the node table, which is complete. */
static void follow_nodes(struct agent *agent)
{
	agent->nodes_changed = false;
	if (!range_upkeep_run(&agent->ranges, &agent->nodes)) {
		agent->routes.due_at = now_ms() + AGENT_RETRY_MS;
		return;
	}
	setup_make_conflist(&agent->setup, &agent->nodes);
	/* Before a runtime adds pods with the new podCIDR. */
	if (agent->setup.made && !agent->setup.held_back)
		former_upkeep_run(&agent->former, &agent->setup.conflist, &agent->nodes);
	check_conflist(agent);
	follow_routes(agent);
	if (!agent->trimmed)
		memory_trim();
	else if (agent->routes.asked)
		memory_trim_heap();
	agent->trimmed = true;
	agent->trim_at = now_ms() + QUIET_MS;
}

/* When the nodes are to be followed. A Node may change all the time. */
static int64_t follow_due(const struct agent *agent)
{
	int64_t due = agent->nodes_changed ? 0 : agent->routes.due_at;

	if (!reflector_state(agent->reflector)->listed)
		return INT64_MAX;
	return due > agent->follow_at ? due : agent->follow_at;
}

/* A repair comes before the DEL of a dead attachment, and a cleanup before both: nothing
 * is to be repaired behind it. */
static void start_job(struct agent *agent)
{
	if (!agent->job.pid && agent->options->uninstall) {
		uninstall_start(&agent->uninstall, &agent->job);
		if (agent->job.pid)
			agent->job_kind = AGENT_JOB_CLEANUP;
	}
	heal_tick(&agent->heal, &agent->job);
	if (agent->job.pid && agent->job_kind == AGENT_JOB_NONE)
		agent->job_kind = AGENT_JOB_REPAIR;
	if (agent->job.pid)
		return;
	reclaim_start(&agent->reclaim, agent->setup.conflist.plugin, &agent->job);
	if (agent->job.pid)
		agent->job_kind = AGENT_JOB_DEL;
}

static void end_job(struct agent *agent)
{
	_cleanup_(free_p) char *output = NULL;
	struct cni_error err = {};
	char none[] = "", *text;
	int status;

	if (job_end(&agent->job, &status, &output, &err) < 0)
		log_error(agent->log, "a child's words are lost", &err);
	text = output ? output : none;
	if (agent->job_kind == AGENT_JOB_REPAIR)
		heal_ended(&agent->heal, status, text);
	else if (agent->job_kind == AGENT_JOB_CLEANUP)
		uninstall_ended(&agent->uninstall, status, text);
	else
		reclaim_ended(&agent->reclaim, status, text);
	agent->job_kind = AGENT_JOB_NONE;
}

static void do_what_is_due(struct agent *agent)
{
	int64_t now = now_ms(), began;

	if (now >= agent->check_at) {
		agent->check_at = now + CHECK_MS;
		setup_check_bundle(&agent->setup);
		if (setup_check_template(&agent->setup, &agent->nodes))
			agent->nodes_changed = true;
		check_pod_link(agent);
		check_conflist(agent);
		shadow_look(&agent->shadow);
		check_uninstall(agent);
		former_upkeep_tick(&agent->former, &agent->setup.conflist, &agent->nodes);
		follow_guard(agent);
		if (tunnel_upkeep_tick(&agent->tunnel))
			agent->routes.due_at = now;
	}
	if (now >= agent->resync_at) {
		agent->resync_at = now + (int64_t)agent->options->resync_seconds * 1000;
		agent->routes.due_at = now;
		servers_open_metrics(agent);
		route_upkeep_stale(&agent->routes);
		range_upkeep_stale(&agent->ranges);
		tunnel_mtu_stale(&agent->tunnel.context.mtu);
		bridge_nf_tell_others(&agent->pod_link.nf);
		pod_link_look(&agent->pod_link);
		if (agent->setup.conflist.plugin)
			reclaim_find(&agent->reclaim);
	}
	if (now >= agent->drops.due_at)
		drops_look(&agent->drops);
	if (now >= agent->trim_at) {
		netlink_shrink(agent->rtnl);
		netlink_shrink(agent->nft);
		memory_trim_heap();
		agent->trim_at = INT64_MAX;
	}
	if (now >= follow_due(agent)) {
		began = pace_begin();
		follow_nodes(agent);
		agent->follow_at = pace_end(began);
	}
	if (agent->job.pid && now - agent->job.started > JOB_MAX_MS)
		kill(agent->job.pid, SIGKILL);
	start_job(agent);
}

/* -- waiting */

static void take_signals(struct agent *agent)
{
	struct signalfd_siginfo info;

	while (read(agent->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == AGENT_LOCK_SIGNAL)
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
		agent->drops.due_at,
		follow_due(agent),
		heal_next(&agent->heal, &agent->job),
	};
	int64_t now = now_ms(), left = INT_MAX;
	int http = servers_timeout_ms(agent);

	for (size_t i = 0; i < ARRAY_SIZE(due); i++)
		if (due[i] - now < left)
			left = due[i] - now;
	if (http >= 0 && http < left)
		left = http;
	return left < 0 ? 0 : (int)left;
}

/* Waits for the next thing, and takes what has come. */
static void serve(struct agent *agent)
{
	struct pollfd fds[] = {
		{.fd = agent->signal_fd, .events = POLLIN},
		{.fd = agent->route_events_fd, .events = POLLIN},
		{.fd = tunnel_upkeep_fd(&agent->tunnel), .events = POLLIN},
		{.fd = http_server_fd(agent->http), .events = POLLIN},
		{.fd = http_server_fd(agent->metrics), .events = POLLIN},
		{.fd = agent->job.pidfd, .events = POLLIN},
	};
	struct pollfd asked[ARRAY_SIZE(fds)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i].fd >= 0)
			asked[n++] = fds[i];
	agent->nodes_changed |= reflector_wait(agent->reflector, asked, n,
					       wait_ms(agent));
	for (size_t i = 0; i < n; i++) {
		if (!asked[i].revents)
			continue;
		if (asked[i].fd == agent->job.pidfd)
			end_job(agent);
		else if (asked[i].fd == tunnel_upkeep_fd(&agent->tunnel) &&
			 tunnel_upkeep_events(&agent->tunnel))
			route_upkeep_soon(&agent->routes);
		else if (asked[i].fd == agent->route_events_fd &&
			 route_events_take(agent->route_events_fd, agent->routes.known)) {
			route_upkeep_stale(&agent->routes);
			range_upkeep_stale(&agent->ranges);
			tunnel_mtu_stale(&agent->tunnel.context.mtu);
			route_upkeep_soon(&agent->routes);
			heal_links_changed(&agent->heal);
		}
	}
	take_signals(agent);
	servers_run(agent);
}

/* Serves pages and signals alone, while the agent lock is not this agent's. */
static void idle(struct agent *agent, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = agent->signal_fd, .events = POLLIN},
		{.fd = http_server_fd(agent->http), .events = POLLIN},
		{.fd = http_server_fd(agent->metrics), .events = POLLIN},
	};
	int http = servers_timeout_ms(agent);

	if (http >= 0 && (timeout_ms < 0 || http < timeout_ms))
		timeout_ms = http;
	(void)poll(fds, ARRAY_SIZE(fds), timeout_ms);
	take_signals(agent);
	servers_run(agent);
}

/* -- from start to end */

static void wait_for_lock(struct agent *agent)
{
	uint64_t last = 0;
	struct cni_error err = {};
	int ret;

	while (!agent->ended && !agent->standing_by) {
		ret = agent_lock_take(&agent->lock_fd, &err);
		if (ret == 0)
			return;
		if (ret == AGENT_LOCK_HELD)
			error_set(&err, CNI_ERR_TRY_AGAIN, EAGAIN,
				  "another agent is at work on this node");
		log_waiting_once(agent->log, ret < 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
				 &last, &err);
		idle(agent, LOCK_MS);
	}
}

/* Takes the node as it is. False: it is to be uninstalled, and nothing is left to do
 * first. */
static bool begin(struct agent *agent)
{
	setup_load_conflist(&agent->setup);
	(void)setup_check_template(&agent->setup, &agent->nodes);
	if (agent->options->uninstall)
		uninstall_look(&agent->uninstall);
	if (agent->uninstall.step == UNINSTALL_REMOVE)
		return false;
	range_upkeep_found(&agent->ranges, &agent->setup.conflist);
	former_upkeep_found(&agent->former, &agent->setup.conflist);
	range_upkeep_start(&agent->ranges);
	if (!agent->setup.conflist.text)
		pod_link_adopt(&agent->pod_link);
	setup_stand_in(&agent->setup);
	return true;
}

static void work(struct agent *agent)
{
	if (!begin(agent))
		return;
	while (!agent->ended && !agent->standing_by &&
	       agent->uninstall.step != UNINSTALL_REMOVE) {
		do_what_is_due(agent);
		serve(agent);
	}
	job_kill(&agent->job);
	heal_end(&agent->heal);
}

void agent_run(struct agent *agent)
{
	wait_for_lock(agent);
	if (!agent->ended && !agent->standing_by)
		work(agent);
	while (!agent->ended && !agent->standing_by &&
	       agent->uninstall.step >= UNINSTALL_REMOVE &&
	       !uninstall_remove(&agent->uninstall))
		idle(agent, AGENT_RETRY_MS);
	close_p(&agent->lock_fd);
	agent->lock_fd = -1;
	if (agent->standing_by)
		log_write(agent->log, LOG_LEVEL_INFO,
			  "standing by: this node is being cleaned up", NULL);
	while (!agent->ended)
		idle(agent, -1);
	log_write(agent->log, LOG_LEVEL_INFO, "ended", NULL);
}
