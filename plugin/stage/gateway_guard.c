/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the bridge keeps from a pod must not come to it by way of the node:
 *
 * - With spoofCheck, what comes from the bridge to be routed comes from an address behind
 *   that bridge. The rules on the bridge (spoofcheck.c) look at the pods that have the
 *   key. These look at whatever else is on the bridge, and go on when somebody has
 *   flushed those.
 * - Pods that have portIsolation don't reach each other through the gateway either, which
 *   a pod would only need a route for.
 * - With podLink routed the gateway is the only way from pod to pod. The node, which
 *   finds that both are on the bridge, tells no pod to send to the other one itself.
 *
 * An owner has a constant number of rules in the table inet bridge_cni. Isolated pods are
 * elements of sets (isolation_elements.h), which elements.c adds and deletes.
 */
#include <errno.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/rules.h"
#include "bridge_alias.h"
#include "facts.h"
#include "gateway_guard_rules.h"
#include "isolation_elements.h"
#include "stages.h"

/* Behind a port of somebody else there may be any address, for which the node has no
 * route by the bridge. Without isGateway the node may have no route to the pods at
 * all. */
static unsigned int sources_guard(const struct attachment *att, bool spoof_check)
{
	return spoof_check && att->network->is_gateway && !att->bridge_has_other_ports
		       ? GUARD_SOURCES
		       : 0;
}

/* The guards that the configuration asks for. */
static unsigned int guards_configured(const struct attachment *att, bool routed)
{
	unsigned int guards = sources_guard(att, att->network->spoof_check);

	if (att->network->port_isolation)
		guards |= GUARD_ISOLATION;
	return routed ? guards | GUARD_REDIRECTS : guards;
}

/* A pod without an address sends nothing that could be routed. */
static unsigned int guards_asked(const struct attachment *att)
{
	return att->ipam.ips.n > 0 ? guards_configured(att, att->routed) : 0;
}

/* The guards that the owner's connected pods have, by their records. */
struct kept {
	const struct attachment *att;
	unsigned int guards;
};

static int kept_note(const struct record *record, void *data, struct cni_error *err)
{
	struct kept *kept = data;
	const struct attachment *att = kept->att;

	(void)err;
	if (record->n == 0)
		return 0;
	kept->guards |= sources_guard(
		att, record->spoof_check && record_says(record->spoof_addresses,
							att->network->spoof_check));
	if (record->isolated)
		kept->guards |= GUARD_ISOLATION;
	if (record->routed[0])
		kept->guards |= GUARD_REDIRECTS;
	return 0;
}

static int guards_kept(struct attachment *att, unsigned int *ret_guards,
		       struct cni_error *err)
{
	struct kept kept = {.att = att};
	int ret = ipam_record_each(&att->ipam_env, kept_note, &kept, err);

	if (ret == 0)
		*ret_guards = kept.guards;
	return ret;
}

/* Rules that the configuration doesn't ask for stay for pods that need them, as another
 * one was in force at their time. */
static int complete(struct attachment *att, struct rule_list *wanted,
		    struct cni_error *err)
{
	unsigned int kept = 0;
	int ret = guards_kept(att, &kept, err);

	return ret < 0 ? ret
		       : gateway_guard_rules_settle(att->network, kept, wanted, err);
}

static int rules_settle(struct attachment *att, unsigned int guards,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = gateway_guard_rules_wanted(att, guards, &wanted, err);

	wanted.complete = complete;
	return ret < 0 ? ret : rules_ensure(att, stage_gateway_guard.name, &wanted, err);
}

/* Without a key nothing is looked at: rules of a time when there was one stay until a
 * repair. With spoofCheck they are looked at also where the bridge has got a port of
 * somebody else, as the rules on sources have to go then. */
static int gateway_guard_add(struct attachment *att, struct cni_error *err)
{
	unsigned int guards = guards_asked(att);

	if (!guards && !(att->network->spoof_check && att->bridge_has_other_ports))
		return 0;
	return rules_settle(att, guards, err);
}

/* Puts the rules right, and deletes those that neither the configuration nor a pod needs
 * any more. The repair of the bridge comes later, and rules that name its index with
 * it. */
static int gateway_guard_repair_shared(struct attachment *net, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	unsigned int guards = 0;
	int ret;

	network_gateway_ifname(net->network, net->gateway_ifname);
	net->gateway_index = netlink_ifindex(net->op->node.rtnl, net->gateway_ifname);
	if (net->gateway_index == 0)
		return 0;
	/* The attachments' repair, too, goes by what the alias says of the ports. */
	ret = bridge_alias_settle(net, err);
	if (ret == 0)
		ret = guards_kept(net, &guards, err);
	if (ipam_in_process(net->network) || ipam_delegated(net->network))
		guards |= guards_configured(net, net->network->routed);
	if (ret == 0)
		ret = gateway_guard_rules_wanted(net, guards, &wanted, err);
	if (ret < 0)
		return ret;
	ret = gateway_guard_rules_settle(net->network, guards, &wanted, err);
	return ret < 0 ? ret : rules_ensure(net, stage_gateway_guard.name, &wanted, err);
}

/* Makes the elements that a pod is to have by its record. */
static int recorded_make(const struct attachment *att, const struct record *record,
			 struct isolation_sets *sets, struct nft_element_list *elements,
			 struct cni_error *err)
{
	struct pod_facts pod;

	pod_facts_of_record(record, &pod);
	isolation_sets_name(att->owner, sets);
	return isolation_elements_make(sets, &pod, elements, err);
}

/* The port is isolated by now, as configured, whatever it was before. */
static int elements_put(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct isolation_sets sets;
	int ret = 0;

	if (!att->record->isolated)
		ret = ipam_record_mark_isolated(&att->ipam_env, att->pod, err);
	if (ret == 0)
		ret = recorded_make(att, att->record, &sets, &elements, err);
	if (ret == 0)
		ret = set_elements_restore(att, &elements, err);
	if (ret > 0)
		report_done(att,
			    "portIsolation: its elements in table inet " RULES_TABLE);
	return ret < 0 ? ret : 0;
}

/* The port isn't isolated any more, as portIsolation was taken from the
 * configuration. */
static int elements_take(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct isolation_sets sets;
	struct nft_element found;
	struct netlink *nl;
	bool any = false;
	int ret = node_nftables(&att->op->node, &nl, err);

	isolation_sets_name(att->owner, &sets);
	if (ret == 0)
		ret = isolation_elements_held(att, &sets, &elements, err);
	for (size_t i = 0; ret >= 0 && i < elements.n; i++) {
		ret = nft_element_get(nl, elements.items[i].set, &elements.items[i].key,
				      &found, err);
		any |= ret == 0;
	}
	if (ret < 0 || !any)
		return ret < 0 ? ret : 0;
	ret = nft_elements_del(nl, elements.items, elements.n, err);
	if (ret == 0)
		report_done(att, "portIsolation: its elements in table inet " RULES_TABLE
				 " are deleted");
	return ret;
}

static int gateway_guard_repair(struct attachment *att, struct cni_error *err)
{
	int ret = gateway_guard_add(att, err);

	if (ret < 0)
		return ret;
	if (guards_asked(att) & GUARD_ISOLATION)
		return elements_put(att, err);
	return att->record->isolated ? elements_take(att, err) : 0;
}

/* A pod that the reference plugin made has no record, and no elements. */
static int elements_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	_cleanup_(record_clear) struct record own = {};
	const struct nft_element *missing = NULL;
	struct isolation_sets sets;
	int ret = ipam_record_read(&att->ipam_env, att->pod, &own, err);

	if (ret != 0 || !own.isolated)
		return ret == IPAM_NO_RECORD ? 0 : ret;
	ret = recorded_make(att, &own, &sets, &elements, err);
	if (ret == 0)
		ret = set_elements_compare(att, &elements, &missing, err);
	if (ret < 0 || !missing)
		return ret;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "portIsolation: expected an element for %s in set %s of table "
			 "inet " RULES_TABLE
			 ", found none: other isolated pods reach the "
			 "pod through the gateway; `bridge-cni repair` puts it right",
			 att->pod->host_ifname, missing->set->name);
}

static int gateway_guard_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	unsigned int guards = guards_asked(att);
	int ret;

	if (!guards)
		return 0;
	ret = gateway_guard_rules_wanted(att, guards, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_gateway_guard.name, &wanted, err);
	return ret == 0 && (guards & GUARD_ISOLATION) ? elements_check(att, err) : ret;
}

static int gateway_guard_elements(struct attachment *att, enum stage_elements_of which,
				  struct stage_elements *elements, struct cni_error *err)
{
	bool wanted = which == ELEMENTS_WANTED && att->network->port_isolation;
	bool held = which == ELEMENTS_HELD && att->record && att->record->isolated;
	struct isolation_sets *sets;
	struct pod_facts pod;

	if (!wanted && !held)
		return 0;
	sets = stage_elements_keep(elements, sizeof(*sets), NULL);
	if (!sets)
		return error_oom(err);
	isolation_sets_name(att->owner, sets);
	if (held)
		return isolation_elements_held(att, sets, &elements->list, err);
	pod_facts_of_attachment(att, &pod);
	return isolation_elements_make(sets, &pod, &elements->list, err);
}

static int gateway_guard_show_shared(struct attachment *net, struct stage_facts *facts,
				     struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	unsigned int guards = 0;
	int ret = guards_kept(net, &guards, err);

	if (ret < 0 || !guards || net->gateway_index == 0)
		return ret;
	ret = gateway_guard_rules_wanted(net, guards, &wanted, err);
	return ret < 0 ? ret
		       : stage_facts_rules(facts, net, stage_gateway_guard.name, &wanted,
					   err);
}

const struct stage stage_gateway_guard = {
	.name = "gateway_guard",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = gateway_guard_add,
	.check = gateway_guard_check,
	.repair_shared = gateway_guard_repair_shared,
	.repair = gateway_guard_repair,
	.show_shared = gateway_guard_show_shared,
	.elements = gateway_guard_elements,
	.set_types = isolation_set_types,
	.set_types_n = IP_FAMILIES,
};
