/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADD, DEL and CHECK: lock, look whose it is, walk the stages, answer. */
#include "add_del_check.h"

#include <errno.h>
#include <string.h>

#include "conf/result.h"
#include "plugin/attachment/kernel.h"
#include "plugin/netlink/rtnetlink.h"
#include "plugin/stage/stages.h"

#define CONTAINER_INTERFACE 2 /* among those made here */

/* The answer and the strings that only it holds. */
struct answer {
	struct cni_result result;
	char macs[5][MAC_TEXT_MAX];
	char ifb[IF_NAMESIZE];
};

static void answer_clear(struct answer *answer)
{
	free(answer->result.interfaces.items);
	free(answer->result.ips.items);
	free(answer->result.routes.items);
}

static const struct dns *answer_dns(const struct attachment *att)
{
	if (dns_is_set(&att->network->dns))
		return &att->network->dns;
	if (dns_is_set(&att->ipam.dns))
		return &att->ipam.dns;
	return &att->pod->prev_result.dns;
}

/* bridge, host's end, container's end, the VLAN's gateway, the ifb: the order of the
 * reference's bridge and bandwidth. */
static void interfaces_add(const struct attachment *att, struct answer *answer)
{
	const struct interface own[] = {
		{
			.name = att->bridge,
			.mac = mac_format(&att->bridge_mac, answer->macs[0]),
			.mtu = att->bridge_mtu,
		},
		{
			.name = att->pod->host_ifname,
			.mac = mac_format(&att->host_mac, answer->macs[1]),
			.mtu = att->mtu,
		},
		{
			.name = att->pod->ifname,
			.mac = mac_format(&att->container_mac, answer->macs[2]),
			.mtu = att->mtu,
			.sandbox = att->pod->netns,
		},
	};
	struct cni_result *result = &answer->result;

	memcpy(result->interfaces.items + result->interfaces.n, own, sizeof(own));
	result->interfaces.n += ARRAY_SIZE(own);
	if (att->gateway_mac.set)
		result->interfaces.items[result->interfaces.n++] = (struct interface){
			.name = att->gateway_ifname,
			.mac = mac_format(&att->gateway_mac, answer->macs[3]),
			.mtu = att->mtu,
		};
	if (att->pod->bandwidth.egress.rate) {
		struct mac_addr mac = identity_ifb_mac(att->owner, att->pod->container_id,
						       att->pod->ifname);

		identity_ifb(att->pod->host_ifname, answer->ifb);
		result->interfaces.items[result->interfaces.n++] = (struct interface){
			.name = answer->ifb,
			.mac = mac_format(&mac, answer->macs[4]),
			.mtu = att->mtu,
		};
	}
}

/* What earlier plugins of the chain made (prevResult), then what was made here. */
static int answer_build(const struct attachment *att, struct answer *answer,
			struct cni_error *err)
{
	const struct cni_result *prev = &att->pod->prev_result, *ipam = &att->ipam;
	struct cni_result *result = &answer->result;

	result->interfaces.items = calloc(prev->interfaces.n + 5,
					  sizeof(*result->interfaces.items));
	result->ips.items = calloc(prev->ips.n + ipam->ips.n + 1,
				   sizeof(*result->ips.items));
	result->routes.items = calloc(prev->routes.n + ipam->routes.n + 1,
				      sizeof(*result->routes.items));
	if (!result->interfaces.items || !result->ips.items || !result->routes.items)
		return error_oom(err);

	for (size_t i = 0; i < prev->interfaces.n; i++)
		result->interfaces.items[result->interfaces.n++] =
			prev->interfaces.items[i];
	interfaces_add(att, answer);
	for (size_t i = 0; i < prev->ips.n; i++)
		result->ips.items[result->ips.n++] = prev->ips.items[i];
	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_config *ip = &result->ips.items[result->ips.n++];

		*ip = ipam->ips.items[i];
		ip->interface = prev->interfaces.n + CONTAINER_INTERFACE;
	}
	for (size_t i = 0; i < prev->routes.n; i++)
		result->routes.items[result->routes.n++] = prev->routes.items[i];
	for (size_t i = 0; i < ipam->routes.n; i++)
		result->routes.items[result->routes.n++] = ipam->routes.items[i];
	result->dns = *answer_dns(att);
	return 0;
}

static int answer_print(const struct attachment *att, answer_fn print,
			struct cni_error *err)
{
	_cleanup_(answer_clear) struct answer answer = {};
	_cleanup_(free_p) char *text = NULL;
	int ret = answer_build(att, &answer, err);

	if (ret < 0)
		return ret;
	text = result_text(&answer.result, att->network->version);
	return text ? print(text, err) : error_oom(err);
}

/* The error of a host's end that is there already, by an earlier ADD or by chance. */
static int host_end_exists(const struct attachment *att, struct cni_error *err)
{
	const struct pod *pod = att->pod;
	struct link host;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	if (ret < 0)
		return ret;
	if (identity_alias_is_anothers(host.alias, att->network->name, pod->container_id,
				       pod->ifname))
		return error_set(
			err, CNI_ERR_EXISTS, EEXIST,
			"the interface on the node would be %s, a hash of container %s, "
			"its interface %s and network %s; but so is that of \"%s\" by "
			"chance: the container needs another ID",
			att->pod->host_ifname, pod->container_id, pod->ifname,
			att->network->name, host.alias);
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "container %s has interface %s on network %s already (%s on "
			 "the node); DEL it first",
			 pod->container_id, pod->ifname, att->network->name,
			 att->pod->host_ifname);
}

/* An ifb of a dead attachment of the same names is given way to by its DEL, or by ADD. */
static int ifb_must_be_free(const struct attachment *att, struct cni_error *err)
{
	char name[IF_NAMESIZE];
	struct link link;
	int ret;

	identity_ifb(att->pod->host_ifname, name);
	if (!netlink_ifindex(att->op->node.rtnl, name))
		return 0;
	ret = link_get(att->op->node.rtnl, name, &link, err);
	if (ret < 0 || !link.index)
		return ret;
	if (link_is(&link, "ifb") &&
	    !identity_alias_is_anothers(link.alias, att->network->name,
					att->pod->container_id, att->pod->ifname))
		return 0;
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "egressRate: an interface %s exists already, and is not of this "
			 "attachment; rename or remove it",
			 name);
}

/* Somebody's interface of either name, ours of an earlier ADD included, is not touched. */
static int names_must_be_free(const struct attachment *att, struct cni_error *err)
{
	const struct node *node = &att->op->node;

	if (netlink_ifindex(node->rtnl, att->pod->host_ifname))
		return host_end_exists(att, err);
	if (netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname))
		return error_set(err, CNI_ERR_EXISTS, EEXIST,
				 "CNI_IFNAME: an interface %s exists in %s already",
				 att->pod->ifname, att->pod->netns);
	return att->pod->bandwidth.egress.rate ? ifb_must_be_free(att, err) : 0;
}

/* Opens what the stages work with, until leave(). */
static int enter(struct attachment *att, struct cni_error *err)
{
	struct node *node = &att->op->node;
	int ret = operation_open(att->op, err);

	if (ret < 0)
		return ret;
	node->identity = hash_text(att->pod->host_ifname);
	node->adds = att->verb == CNI_ADD;
	node->looks = att->verb == CNI_CHECK;
	node->removes = att->verb == CNI_DEL;
	return 0;
}

static void leave(struct attachment *att)
{
	pod_ns_close(&att->pod_ns);
	operation_close(att->op);
}

/* The result could not be printed, so the runtime does not know of this ADD: undo it. */
static _noinline_ void undo_unprinted(struct attachment *att, struct cni_error *err)
{
	struct cni_error undo_err = {};

	if (stages_del(att, &undo_err) < 0)
		error_details(err, "undoing it failed, too: %s", undo_err.msg);
}

static int add_locked(struct attachment *att, answer_fn print, struct cni_error *err)
{
	int ret;

	ret = attachment_open_pod(att, err);
	if (ret == 0)
		ret = node_lock(&att->op->node, NODE_SHARED, err);
	if (ret == 0)
		ret = names_must_be_free(att, err);
	if (ret == 0)
		ret = stages_add(att, err);
	if (ret < 0)
		return ret;
	ret = answer_print(att, print, err);
	if (ret < 0)
		undo_unprinted(att, err);
	return ret;
}

int verb_add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	int ret = enter(att, err);

	if (ret == 0)
		ret = add_locked(att, print, err);
	leave(att);
	return ret;
}

int verb_del(struct attachment *att, struct cni_error *err)
{
	int ret = enter(att, err);

	att->need_not_wait = !att->network->del_waits;
	if (ret == 0)
		ret = node_lock(&att->op->node, NODE_SHARED, err);
	if (ret == 0)
		ret = stages_del(att, err);
	leave(att);
	return ret;
}

/* The part of prevResult that is this interface's, as the stages' ADD had it. */
static int expectation_build(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->pod->prev_result;
	struct cni_result *ipam = &att->ipam;

	ipam->ips.items = calloc(prev->ips.n + 1, sizeof(*ipam->ips.items));
	ipam->routes.items = calloc(prev->routes.n + 1, sizeof(*ipam->routes.items));
	if (!ipam->ips.items || !ipam->routes.items)
		return error_oom(err);
	for (size_t i = 0; i < prev->ips.n; i++) {
		const struct ip_config *ip = &prev->ips.items[i];

		/* Old versions don't say which interface has it. */
		if (ip->interface >= 0) {
			const struct interface *item =
				&prev->interfaces.items[ip->interface];

			if (!item->name || strcmp(item->name, att->pod->ifname) != 0)
				continue;
		}
		ipam->ips.items[ipam->ips.n++] = *ip;
	}
	for (size_t i = 0; i < prev->routes.n; i++)
		ipam->routes.items[ipam->routes.n++] = prev->routes.items[i];
	return 0;
}

int verb_check(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (!att->pod->has_prev_result)
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"prevResult: missing; CHECK compares with the result of ADD");
	ret = expectation_build(att, err);
	if (ret == 0)
		ret = enter(att, err);
	if (ret == 0)
		ret = attachment_open_pod(att, err);
	if (ret == 0)
		ret = node_lock(&att->op->node, NODE_SHARED, err);
	if (ret == 0)
		ret = stages_check(att, err);
	leave(att);
	return ret;
}
