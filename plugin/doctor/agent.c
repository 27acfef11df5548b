/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node agent, which is asked for its state. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "finding.h"
#include "plugin/show/agent_facts.h"

/* @line: up to its end. */
static void complaint_tell(struct doctor *doctor, const struct agent_facts *facts,
			   const char *line)
{
	doctor_tell(doctor, facts->ready ? DOCTOR_WARNING : DOCTOR_PROBLEM,
		    "the node agent is %s: %.*s",
		    facts->ready ? "ready, but" : "not ready", (int)strcspn(line, "\n"),
		    line);
	doctor_advise(doctor,
		      "see the agent's log, and bridge-cni-agent(8), DIAGNOSTICS");
}

/* An agent that is ready says "ok", and below it, in a line each, what is wrong. */
static void complaints_tell(struct doctor *doctor, const struct agent_facts *facts)
{
	const char *line = facts->says ? facts->says : "";

	if (!facts->ready) {
		complaint_tell(doctor, facts, line);
		return;
	}
	while ((line = strchr(line, '\n')) && *++line)
		complaint_tell(doctor, facts, line);
}

/* The tunnel's packets may be dropped on their way. */
static void silent_tell(struct doctor *doctor, const struct agent_facts *facts)
{
	double silent = agent_metric_value(facts, "tunnel_peers_silent");
	double peers = agent_metric_value(facts, "wireguard_peers");

	if (silent > 0) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "%.0f node%s never answered by the tunnel", silent,
			    silent == 1 ? " has" : "s have");
		doctor_advise(
			doctor,
			"open the UDP port of VXLAN between the nodes: 8472, or what "
			"the agent's --vxlan-port says");
	}
	if (peers > 0 && agent_metric_value(facts, "wireguard_sessions") == 0) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "none of %.0f nodes has answered by WireGuard in the last "
			    "three minutes",
			    peers);
		doctor_advise(
			doctor,
			"unless no pod has sent anything to another node meanwhile, "
			"open the UDP port of WireGuard between the nodes: 51820, or "
			"what the agent's --wireguard-port says, and the one above "
			"it for new keys");
	}
}

void agent_check(struct doctor *doctor)
{
	_cleanup_(agent_facts_clear) struct agent_facts facts = {};
	bool waited_for = false;

	for (size_t i = 0; i < doctor->networks.n; i++)
		waited_for |= doctor->networks.items[i].waits_for_agent;
	agent_facts_read(&facts);
	if (facts.unreached) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "the agent's port 9810 on 127.0.0.1: %s", facts.failure);
		doctor_advise(doctor, "see `nft list ruleset` for what drops them, and "
				      "accept what comes in by lo");
	} else if (facts.failure) {
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"somebody listens on the agent's port 9810, and doesn't answer: "
			"%s",
			facts.failure);
		doctor_advise(doctor, "see the agent's log");
	} else if (!facts.answers && waited_for && access(AGENT_READY_FILE, F_OK) < 0) {
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"no node agent answers, and waitForAgent has every ADD wait for "
			"one");
		doctor_advise(doctor, "start the agent, or set waitForAgent to false");
	} else if (!facts.answers) {
		doctor_tell(doctor, DOCTOR_OK, "no node agent is here");
	} else {
		complaints_tell(doctor, &facts);
	}
	silent_tell(doctor, &facts);
}
