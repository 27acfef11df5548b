/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/text.h"
#include "hops.h"

/* ---- What came back ---- */

static const char *unreachable4(uint8_t code)
{
	static const char *const texts[] = {
		[ICMP_NET_UNREACH] = "network unreachable",
		[ICMP_HOST_UNREACH] = "host unreachable",
		[ICMP_PROT_UNREACH] = "protocol unreachable",
		[ICMP_PORT_UNREACH] = "port unreachable",
		[ICMP_FRAG_NEEDED] = "fragmentation needed",
		[ICMP_SR_FAILED] = "source route failed",
		[ICMP_NET_ANO] = "network prohibited",
		[ICMP_HOST_ANO] = "host prohibited",
		[ICMP_PKT_FILTERED] = "prohibited by a filter",
	};

	return code < ARRAY_SIZE(texts) && texts[code] ? texts[code]
						       : "destination unreachable";
}

static const char *unreachable6(uint8_t code)
{
	static const char *const texts[] = {
		[ICMP6_DST_UNREACH_NOROUTE] = "no route to the destination",
		[ICMP6_DST_UNREACH_ADMIN] = "prohibited by a filter",
		[ICMP6_DST_UNREACH_BEYONDSCOPE] =
			"beyond the scope of the source address",
		[ICMP6_DST_UNREACH_ADDR] = "address unreachable",
		[ICMP6_DST_UNREACH_NOPORT] = "port unreachable",
		[5] = "the source address fails a policy",
		[6] = "its route rejects it",
	};

	return code < ARRAY_SIZE(texts) && texts[code] ? texts[code]
						       : "destination unreachable";
}

static const char *error_text(const struct flow_probe *probe)
{
	bool v4 = probe->flow.from.family == AF_INET;

	if (probe->type == (v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH))
		return v4 ? unreachable4(probe->code) : unreachable6(probe->code);
	if (probe->type == (v4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED))
		return "time exceeded: it goes round in a circle";
	if (!v4 && probe->type == ICMP6_PACKET_TOO_BIG)
		return "packet too big";
	return "parameter problem";
}

static void error_tell(struct doctor *doctor, const struct way *way)
{
	const struct flow_probe *probe = &way->probe;
	char mtu[32] = "";

	/* The pod's kernel says so to itself, too. */
	if (ip_equal(&probe->from, &probe->flow.from)) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "the pod's kernel gives up: %s",
			    error_text(probe));
		return;
	}
	if (probe->mtu)
		snprintf(mtu, sizeof(mtu), ", MTU %u", probe->mtu);
	doctor_tell(doctor, way_is_refused(way) ? DOCTOR_WARNING : DOCTOR_PROBLEM,
		    "an error of ICMP came from %s: %s%s", IP_TEXT(&probe->from),
		    error_text(probe), mtu);
	if (ip_equal(&probe->from, &probe->flow.to))
		doctor_advise(doctor, "see the rules and routes of %s itself",
			      IP_TEXT(&probe->from));
	else
		doctor_advise(doctor, "see the routes and rules of %s",
			      IP_TEXT(&probe->from));
}

/* Adds the way by which the answers came: "which came by uplink0". */
static void answer_way_add(const struct way *way, struct text *text)
{
	const struct passage *passage = &way->on_node.passages[WATCH_ANSWER][TRACER_IP];
	struct link in = {};

	if (passage->in)
		(void)link_get_by_index(way->node.rtnl, passage->in, &in, NULL);
	if (in.index)
		text_add(text, ", which came by %s", in.name);
}

void answer_tell(struct doctor *doctor, const struct way *way)
{
	const struct flow_probe *probe = &way->probe;
	struct text by = {};

	if (way->end != WAY_SENT)
		return;
	answer_way_add(way, &by);
	switch (probe->outcome) {
	case PROBE_ANSWERED:
		doctor_tell(doctor, DOCTOR_OK, "%s %s within %u.%03u ms%s",
			    TARGET_TEXT(&way->pod_to, way->pod_to_port),
			    probe->flow.to_port ? "took the connection" : "answered",
			    probe->microseconds / 1000, probe->microseconds % 1000,
			    by.text ? by.text : "");
		break;
	case PROBE_RESET:
		doctor_tell(doctor, way_is_refused(way) ? DOCTOR_WARNING : DOCTOR_PROBLEM,
			    "the connection was refused (TCP reset)%s",
			    by.text ? by.text : "");
		break;
	case PROBE_ICMP_ERROR:
		error_tell(doctor, way);
		break;
	case PROBE_NOT_SENT:
		doctor_tell(doctor, DOCTOR_PROBLEM, "the pod's kernel gives up: %s",
			    strerror(probe->errnum));
		break;
	case PROBE_SILENCE:
		doctor_tell(doctor, DOCTOR_PROBLEM, "nothing came back%s",
			    watch_saw(&way->on_node, WATCH_ANSWER)
				    ? " to the pod, though an answer came to the node"
				    : "");
		break;
	}
	free(by.text);
}

/* ---- Where it ended ---- */

/* By which interface it left the node; NULL: it didn't. Where that wasn't traced, the
 * route tells. */
static const char *out_name(const struct way *way, struct link *link)
{
	const struct passage *ip = &way->on_node.passages[WATCH_SENT][TRACER_IP];

	if (way->on_node.state != WATCH_ON && way->out.index)
		return way->out.name;
	if (ip->left[NF_INET_POST_ROUTING] && ip->out &&
	    link_get_by_index(way->node.rtnl, ip->out, link, NULL) == 0 && link->index)
		return link->name;
	return NULL;
}

static bool is_masqueraded(const struct way *way)
{
	return way->connection.exists &&
	       !ip_equal(&way->connection.reply_to, &way->probe.flow.from);
}

/* It has left the node, and nothing came back to the node. */
static void beyond_node_tell(struct doctor *doctor, const struct way *way,
			     const char *out)
{
	const char *from = IP_TEXT(is_masqueraded(way) ? &way->connection.reply_to
						       : &way->probe.flow.from);
	const char *to = IP_TEXT(&way->to);

	if (way->out.index == way->gateway.index) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "it left the node by %s for the pod that has %s, which did "
			    "not answer",
			    out, to);
		doctor_advise(doctor, "see whether that pod listens, and its rules");
		return;
	}
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "it left the node by %s%s%s%s, and no answer came to the node", out,
		    way->is_connection_seen ? ", from " : "",
		    is_masqueraded(way) || !way->is_connection_seen
			    ? ""
			    : "the pod's own address ",
		    way->is_connection_seen ? from : "");
	if (way_tunnel(&way->out))
		doctor_advise(doctor,
			      "see the node that has %s: bridge-cni doctor there, and "
			      "whether the tunnel's packets get from node to node (UDP "
			      "port %s says)",
			      to,
			      link_is(&way->out, "vxlan")
				      ? "8472, or what the agent's --vxlan-port"
				      : "51820, or what the agent's --wireguard-port");
	else if (is_masqueraded(way) || !way->is_connection_seen)
		doctor_advise(doctor, "see what is behind %s: a firewall, or %s itself",
			      out, to);
	else if (way->pod->masquerades)
		doctor_repair(doctor, way->pod->file);
	else
		doctor_advise(doctor,
			      "see whether %s is up and has a way back to %s; where it "
			      "has none, set ipMasq",
			      to, from);
}

/* It has come to the node, for itself or to be sent on. */
static void node_tell(struct doctor *doctor, const struct way *way)
{
	struct link link = {};
	const char *out = out_name(way, &link), *to = IP_TEXT(&way->to);

	if (watch_saw(&way->on_node, WATCH_ANSWER)) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "an answer came to the node, and did not come to the pod");
		doctor_advise(doctor,
			      "see what drops it at the port: tc -s qdisc show "
			      "dev %s",
			      way->pod->host_ifname);
	} else if (way_ends_at_node(way)) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "it came to the node, which has the address %s, and nobody "
			    "answered there",
			    to);
		doctor_advise(doctor, "see what the node does with it: ss -ltn, and "
				      "icmp_echo_ignore_all of /proc/sys/net/ipv4");
	} else if (out) {
		beyond_node_tell(doctor, way, out);
	} else {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "it came to the node, and did not leave it, though no rule "
			    "that is seen dropped it");
		doctor_advise(doctor, "see it go: tcpdump -ni any host %s", to);
	}
}

static bool came_to_rules(const struct way *way)
{
	return !way->on_node.sees_bridges || watch_saw(&way->on_node, WATCH_SENT);
}

/* No hop kept it, and nothing came back: it is somewhere behind the last hop seen. */
static void beyond_tell(struct doctor *doctor, const struct way *way)
{
	const char *to = IP_TEXT(&way->to);

	if (!way->leaves_by_attachment) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "it left the pod by %s, and nothing came back",
			    way->inside.name);
		doctor_advise(doctor, "see who has made that interface");
	} else if (!came_to_rules(way)) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "it left the pod, and didn't come to the rules of %s",
			    way->pod->bridge);
		doctor_advise(
			doctor,
			"see what drops it at the port: nft list ruleset netdev, tc -s "
			"filter show dev %s ingress, ebtables-legacy -L",
			way->pod->host_ifname);
	} else if (way->is_routed) {
		node_tell(doctor, way);
	} else {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s had a frame of it for %s, which did not answer",
			    way->pod->bridge, to);
		doctor_advise(doctor, "see whether %s listens, and its rules", to);
	}
}

/* The first hop that keeps it; doctor->findings.n: none does. */
static size_t cause_find(const struct doctor *doctor, const struct way *way)
{
	for (size_t i = 0; i < doctor->findings.n; i++) {
		const struct doctor_finding *finding = &doctor->findings.items[i];

		/* That nothing came back is no reason. */
		if (finding->level == DOCTOR_PROBLEM &&
		    (finding->check != HOP_ANSWER || way->probe.outcome != PROBE_SILENCE))
			return i;
	}
	return doctor->findings.n;
}

/* The last line has what mends it, in place of the hop's. */
static void cause_tell(struct doctor *doctor, size_t cause, const char *const *names)
{
	struct doctor_finding *from, *end;
	size_t n = doctor->findings.n;

	doctor_tell(doctor, DOCTOR_PROBLEM, "it ended at %s: %s",
		    names[doctor->findings.items[cause].check],
		    doctor->findings.items[cause].text);
	if (doctor->findings.n == n)
		return;
	from = &doctor->findings.items[cause];
	end = &doctor->findings.items[n];
	end->command = TAKE_PTR(from->command);
	end->advice = TAKE_PTR(from->advice);
	end->until_boot = from->until_boot;
}

static void refused_tell(struct doctor *doctor, const struct way *way)
{
	const char *to = TARGET_TEXT(&way->to, way->to_port);

	if (way->probe.outcome == PROBE_RESET) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "it came through to %s, which refuses the connection", to);
		doctor_advise(doctor, "see whether a program listens there");
	} else {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "it came through to %s, which refuses it: %s", to,
			    error_text(&way->probe));
		doctor_advise(doctor,
			      "see whether a program listens there, and the rules of "
			      "%s itself",
			      IP_TEXT(&way->to));
	}
}

void end_tell(struct doctor *doctor, const struct way *way, const char *const *names)
{
	const struct flow *flow = &way->probe.flow;
	size_t cause = cause_find(doctor, way);

	if (way_came_through(way) && way->pod_translates) {
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"it came through to %s, to which a rule in the pod translates "
			"%s, and the answer back",
			TARGET_TEXT(&way->pod_to, way->pod_to_port),
			TARGET_TEXT(&flow->to, flow->to_port));
		doctor_advise(doctor,
			      "ask the program in the pod that has made the rule, "
			      "a service mesh's for example, how it goes on");
	} else if (way_came_through(way)) {
		doctor_tell(doctor, DOCTOR_OK,
			    "it came through to %s, and the answer back",
			    TARGET_TEXT(&flow->to, flow->to_port));
	} else if (cause < doctor->findings.n) {
		cause_tell(doctor, cause, names);
	} else if (way_is_refused(way)) {
		refused_tell(doctor, way);
	} else {
		beyond_tell(doctor, way);
	}
}
