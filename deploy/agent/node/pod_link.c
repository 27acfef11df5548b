/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel parameters change before the configuration list: while the two differ, an
 * ADD of routed pods is refused, and no bridged pod is there that would miss them. */
#include "pod_link.h"

#include <stdio.h>

#include "plugin/netlink/link.h"
#include "port_pod.h"

static const char *kind(bool routed)
{
	return routed ? "routed" : "bridged";
}

static int ports_get(struct pod_link *link, struct link_list *ret_ports,
		     struct cni_error *err)
{
	struct link bridge;
	int ret = link_get(link->rtnl, link->network->bridge, &bridge, err);

	return ret < 0 ? ret
		       : port_list_get(link->rtnl, link->network, bridge.index, ret_ports,
				       err);
}

void pod_link_adopt(struct pod_link *link)
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	struct cni_error err = {};

	if (ports_get(link, &ports, &err) < 0)
		log_error(link->log, "looking for pods has failed", &err);
	for (size_t i = 0; i < ports.n; i++)
		if (port_is_routed(link->network, &ports.items[i]))
			link->kept->routed = true;
}

/* Finds the pods that are connected to the bridge. */
static int find_left(struct pod_link *link, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	char name[POD_NAME_MAX];
	int ret = ports_get(link, &ports, err);

	if (ret < 0)
		return ret;
	link->left = (struct pod_names){};
	for (size_t i = 0; i < ports.n; i++)
		pod_names_add(&link->left,
			      port_pod(link->network, &ports.items[i], name));
	return 0;
}

/* Looks whether the change can be made, and makes it. */
static bool change(struct pod_link *link, bool routed, bool may_change)
{
	struct cni_error err = {};

	if (find_left(link, &err) < 0) {
		log_error_once(link->log, &link->error, "looking for pods has failed",
			       &err);
		return false;
	}
	link->error = 0;
	if (link->left.n)
		pod_names_tell(&link->left, link->log, &link->told,
			       "podLink changes when no pod is connected any more: drain "
			       "this node",
			       "to", kind(routed));
	if (link->left.n || !may_change)
		return false;
	/* bridge_nf_keep() has logged what is wrong. A missing module is no obstacle:
	 * without it bridged pods lack no more than some Services. */
	if (!bridge_nf_keep(&link->nf, routed) && !link->nf.absent)
		return false;
	link->kept->routed = routed;
	link->told = (struct pod_names_told){};
	log_write(link->log, LOG_LEVEL_INFO, "podLink has changed", "to", kind(routed),
		  NULL);
	return true;
}

/* Only of this network's pods it is known where their records are. */
static const struct link *find_other(const struct pod_link *link,
				     const struct link_list *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		const struct link *port = &ports->items[i];

		if (port_is_networks(link->network, port) &&
		    port_is_routed(link->network, port) != link->kept->routed)
			return port;
	}
	return NULL;
}

void pod_link_look(struct pod_link *link)
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	const struct link *other;
	bool again;

	if (ports_get(link, &ports, NULL) < 0)
		return;
	other = find_other(link, &ports);
	/* The pod of an ADD that is at work has no record yet: a second look tells. */
	again = other && other->index == link->other_index;
	link->other_index = other ? other->index : 0;
	if (again && !link->other[0])
		log_write(link->log, LOG_LEVEL_WARN,
			  "a pod is connected in another way than podLink says: new pods "
			  "are refused until it is deleted",
			  "pod", port_pod(link->network, other, link->other), "podLink",
			  kind(link->kept->routed), NULL);
	if (!again)
		link->other[0] = '\0';
}

bool pod_link_keep(struct pod_link *link, enum option_choice asked, bool may_change)
{
	bool wanted = asked == OPTION_UNSET ? link->kept->routed : asked == OPTION_YES;
	bool changed = false;

	if (wanted == link->kept->routed)
		link->left = (struct pod_names){};
	else
		changed = change(link, wanted, may_change);
	if (!changed)
		(void)bridge_nf_keep(&link->nf, link->kept->routed);
	return changed;
}
