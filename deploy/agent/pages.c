/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says what the pages are and what readiness means; metrics.c has what /metrics tells. */
#include "pages.h"

#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/base/printable.h"
#include "conf/base/text.h"
#include "metrics.h"
#include "state.h"

/* Whoever reaches the port for metrics may ask as often as he likes: making the text
 * reads the store and the kernel's counters. */
#define METRICS_KEPT_MS 1000

/* Gives the text; NULL: memory ran out. */
static char *text_take(struct text *text)
{
	if (!text->failed)
		return text->text;
	free(text->text);
	return NULL;
}

/* "ok", and below it what is wrong although pods can be started. */
static char *ready_but(const struct agent *agent)
{
	const struct pod_link *link = &agent->pod_link;
	struct text text = {};

	text_add(&text, "ok\n");
	if (agent->heal.failed > 1)
		text_add(&text, "repairs fail, %u in a row; the log says why\n",
			 agent->heal.failed);
	former_upkeep_text(&agent->former, &text);
	if (link->left.n) {
		text_add(&text, "podLink changes when these are gone: ");
		pod_names_text(&link->left, &text);
		text_add(&text, "\n");
	}
	if (link->other[0]) {
		text_add(&text, "podLink refuses new pods until this one is deleted: ");
		text_add_printable(&text, link->other);
		text_add(&text, "\n");
	}
	if (link->nf.absent)
		text_add(&text, "br_netfilter isn't loaded: run modprobe br_netfilter\n");
	else if (link->nf.wrong)
		text_add(&text,
			 "net.bridge.bridge-nf-call-iptables is wrong; the log says "
			 "why\n");
	if (agent->shadow.n) {
		text_add(&text, "runtimes take a configuration of somebody else: ");
		text_add_printable(&text, agent->shadow.first);
		text_add(&text, "\n");
	}
	if (agent->tunnel.context.mtu.wrong[0]) {
		text_add(&text, "new pods' routes keep the MTU that they had: ");
		text_add_printable(&text, agent->tunnel.context.mtu.wrong);
		text_add(&text, "\n");
	}
	if (agent->setup.template.wrong[0]) {
		text_add(&text, "the template is not used: ");
		text_add_printable(&text, agent->setup.template.wrong);
		text_add(&text, "\n");
	}
	return text_take(&text);
}

/* "ok" when nothing is left to do: then a rollout goes on to the next node. */
static char *uninstalling(const struct agent *agent, unsigned int *ret_status)
{
	struct text text = {};

	if (agent->uninstall.step == UNINSTALL_DONE)
		text_add(&text, "ok\n");
	else
		*ret_status = 503;
	uninstall_text(&agent->uninstall, &text);
	return text_take(&text);
}

/* "ok" means that pods can be started here, as far as the agent has to do with it. That
 * the API server is away is no reason to say otherwise. */
static char *readiness(const struct agent *agent, unsigned int *ret_status)
{
	const char *own = agent->ranges.own;
	const struct {
		bool ok;
		const char *what;
	} needs[] = {
		{agent->lock_fd >= 0, "the former agent, or a cleanup"},
		{agent->setup.installed, "the bundle on the node"},
		{!own[0], own},
		{agent->setup.conflist.text || !agent->setup.template.wrong[0],
		 agent->setup.template.wrong},
		{agent->setup.conflist.text || !agent->tunnel.context.mtu.wrong[0],
		 agent->tunnel.context.mtu.wrong},
		{agent->setup.configured,
		 "the configuration (the API server, a podCIDR)"},
		{!agent->tunnel.wrong[0], agent->tunnel.wrong},
		{agent->routes.right || !reflector_state(agent->reflector)->listed,
		 "routes"},
		{reflector_state(agent->reflector)->listed, "the list of nodes"},
	};

	if (agent->uninstall.step == UNINSTALL_DONE ||
	    (agent->options->uninstall && agent->lock_fd >= 0))
		return uninstalling(agent, ret_status);
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		char *text = NULL;

		if (needs[i].ok)
			continue;
		*ret_status = 503;
		if (asprintf(&text, "waiting for: %s\n", needs[i].what) < 0)
			return NULL;
		return text;
	}
	return ready_but(agent);
}

char *agent_page(const char *path, unsigned int *ret_status, void *data)
{
	struct agent *agent = data;

	/* The loop that answers is the one that does all the work: an answer means
	 * health. */
	if (strcmp(path, "/healthz") == 0)
		return strdup("ok\n");
	if (strcmp(path, "/readyz") == 0)
		return readiness(agent, ret_status);
	if (strcmp(path, "/metrics") == 0)
		return metrics_text(agent);
	return NULL;
}

char *agent_metrics_page(const char *path, unsigned int *ret_status, void *data)
{
	struct agent *agent = data;
	int64_t now = now_ms();

	(void)ret_status;
	if (strcmp(path, "/metrics") != 0)
		return NULL;
	if (!agent->metrics_text || now >= agent->metrics_until) {
		free(agent->metrics_text);
		agent->metrics_text = metrics_text(agent);
		agent->metrics_until = now + METRICS_KEPT_MS;
	}
	return agent->metrics_text ? strdup(agent->metrics_text) : NULL;
}
