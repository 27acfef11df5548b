/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules of nftables the packets have met, and which one has dropped them. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/text.h"
#include "drop_mend.h"
#include "hops.h"
#include "plugin/netlink/chain_names.h"
#include "plugin/netlink/nf_tables_hooks.h"
#include "plugin/node/iptables_legacy.h"
#include "rule_text.h"

static struct firewall_seen seen_of(const struct way *way, const struct passage *passage,
				    bool is_answer)
{
	const struct trace_event *event = &passage->drop;

	return (struct firewall_seen){
		.family = event->family,
		.table = event->table,
		.chain = event->chain,
		.on_bridge = event->layer == NFPROTO_BRIDGE,
		.hook = passage->drop_hook,
		.is_answer = is_answer,
		.to_node = way_ends_at_node(way),
		.of_docker = passage->of_docker || chain_is_dockers(event->chain),
		.of_ufw = passage->of_ufw || chain_is_ufws(event->chain),
		.gateway = way->pod->gateway_ifname,
		.port = way->pod->host_ifname,
		.uplink = way->out.name,
	};
}

struct text_asked {
	const struct trace_event *event;
	char *text; /* owned */
};

static int text_ask(void *data, struct cni_error *err)
{
	struct text_asked *asked = data;
	const struct trace_event *event = asked->event;

	(void)err;
	asked->text = rule_text(nft_family_name(event->family), event->table,
				event->chain, event->handle);
	return 0;
}

/* Gives what dropped the packet: 'the rule "..." (handle 4)', or the policy. */
static void by_what(const struct way *way, bool in_pod, const struct trace_event *event,
		    struct text *by)
{
	struct text_asked asked = {.event = event};

	if (event->type == TRACE_POLICY) {
		text_add(by, "the policy");
		return;
	}
	if (in_pod)
		(void)pod_ns_run(&way->node, way->pod_ns.fd, text_ask, &asked, NULL);
	else
		(void)text_ask(&asked, NULL);
	if (asked.text)
		text_add(by, "the rule \"%s\" (handle %" PRIu64 ")", asked.text,
			 event->handle);
	else
		text_add(by, "the rule with the handle %" PRIu64, event->handle);
	free(asked.text);
}

static void drop_tell(struct doctor *doctor, const struct way *way,
		      const struct passage *passage, bool in_pod, bool is_answer)
{
	const struct firewall_seen seen = seen_of(way, passage, is_answer);
	const struct trace_event *event = &passage->drop;
	struct text by = {};

	by_what(way, in_pod, event, &by);
	if (by.failed)
		doctor->out_of_memory = true;
	doctor_tell(doctor, bad(way),
		    "%s is dropped %sin the hook %s: by %s of chain %s of table %s %s%s",
		    is_answer ? "the answer" : "what the pod sends",
		    in_pod ? "in the pod, " : "", hook_names[passage->drop_hook],
		    by.text ? by.text : "a rule", event->chain,
		    nft_family_name(event->family), event->table,
		    in_pod ? "" : drop_whose(&seen));
	free(by.text);
	if (in_pod)
		doctor_advise(doctor, "change that rule in the pod, by the program that "
				      "made it");
	else
		drop_mend(doctor, way, event, &seen);
}

/* Returns whether there is more to tell of this namespace. */
static bool watch_tell(struct doctor *doctor, const struct way *way,
		       const struct watch *watch, const char *where)
{
	if (watch->state == WATCH_NO_NFTABLES) {
		doctor_tell(doctor, DOCTOR_OK,
			    "the kernel has no nftables, and so no rule of it");
	} else if (watch->state == WATCH_OFF) {
		doctor_tell(doctor, way_came_through(way) ? DOCTOR_OK : DOCTOR_WARNING,
			    "nftables%s could not be traced: %s", where, watch->err.msg);
		doctor_advise(doctor, "look for a drop: nft list ruleset");
	}
	return watch->state == WATCH_ON;
}

static size_t rules_met(const struct watch *watch)
{
	size_t n = 0;

	for (size_t w = 0; w < WATCH_WAYS; w++)
		for (size_t layer = 0; layer < WATCH_LAYERS; layer++)
			n += watch->passages[w][layer].rules;
	return n;
}

static bool is_queued(const struct watch *watch)
{
	bool queued = false;

	for (size_t w = 0; w < WATCH_WAYS; w++)
		for (size_t layer = 0; layer < WATCH_LAYERS; layer++)
			queued |= watch->passages[w][layer].queued;
	return queued;
}

/* Tells of the packets that were dropped, of both ways. Returns whether any was. */
static bool drops_tell(struct doctor *doctor, const struct way *way,
		       const struct watch *watch, bool in_pod)
{
	const struct passage *sent = watch_dropped(watch, WATCH_SENT),
			     *answer = watch_dropped(watch, WATCH_ANSWER);

	if (sent)
		drop_tell(doctor, way, sent, in_pod, false);
	if (answer)
		drop_tell(doctor, way, answer, in_pod, true);
	return sent || answer;
}

/* Returns text to put behind a finding: it names what the trace couldn't see, and why. */
static const char *unknown(const struct watch *watch)
{
	if (watch->lost)
		return "; but some of the trace was lost";
	if (watch->misses_nat && watch->misses_bridges)
		return "; answers to translated addresses and the rules of bridges "
		       "aren't traced, as that would load nft_ct and nft_meta_bridge "
		       "(--load)";
	if (watch->misses_nat)
		return "; answers to translated addresses aren't traced, as that would "
		       "load nft_ct (--load)";
	if (watch->misses_bridges)
		return "; the rules of bridges aren't traced, as that would load "
		       "nft_meta_bridge (--load)";
	return "";
}

static void fine_tell(struct doctor *doctor, const struct way *way,
		      const struct watch *watch, const char *where)
{
	enum doctor_level doubt = way_came_through(way) ? DOCTOR_OK : DOCTOR_WARNING;

	if (is_queued(watch)) {
		doctor_tell(doctor, doubt,
			    "a rule of nftables%s hands it to a program (queue), which "
			    "judges it; that can't be traced",
			    where);
		doctor_advise(doctor, "see what that program says");
	} else if (!watch_saw(watch, WATCH_SENT)) {
		doctor_tell(doctor, DOCTOR_OK, "no packet has come to nftables%s%s",
			    where, unknown(watch));
	} else {
		doctor_tell(doctor, DOCTOR_OK,
			    "no rule of nftables%s drops it (%zu met)%s", where,
			    rules_met(watch), unknown(watch));
	}
}

static int legacy_look(void *data, struct cni_error *err)
{
	const struct way *way = *(const struct way *const *)data;

	(void)err;
	return iptables_legacy_has_rules(way->to.family);
}

static void legacy_tell(struct doctor *doctor, const struct way *way, bool in_pod)
{
	const char *program = way->to.family == ip_families[0] ? "iptables-legacy"
							       : "ip6tables-legacy";
	int has = in_pod ? pod_ns_run(&way->node, way->pod_ns.fd, legacy_look, &way, NULL)
			 : legacy_look(&way, NULL);

	if (has <= 0)
		return;
	doctor_tell(doctor, way_came_through(way) ? DOCTOR_OK : DOCTOR_WARNING,
		    "%s has rules%s as well, which can't be traced", program,
		    in_pod ? " in the pod" : "");
	doctor_advise(
		doctor,
		in_pod ? "see their counters: %s-save -c"
		       : "bridge-cni doctor reads them; or see their counters: %s-save -c",
		program);
}

static void place_tell(struct doctor *doctor, const struct way *way,
		       const struct watch *watch, bool in_pod)
{
	const char *where = in_pod ? " in the pod" : "";

	if (way->end != WAY_SENT)
		return;
	if (watch_tell(doctor, way, watch, where) &&
	    !drops_tell(doctor, way, watch, in_pod))
		fine_tell(doctor, way, watch, where);
	legacy_tell(doctor, way, in_pod);
}

void pod_rules_tell(struct doctor *doctor, const struct way *way)
{
	place_tell(doctor, way, &way->in_pod, true);
	if (way->pod_translates)
		doctor_tell(doctor, DOCTOR_OK,
			    "a rule in the pod translates it, to be sent to %s",
			    TARGET_TEXT(&way->pod_to, way->pod_to_port));
}

void rules_tell(struct doctor *doctor, const struct way *way)
{
	place_tell(doctor, way, &way->on_node, false);
}
