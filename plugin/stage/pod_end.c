/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod_end.h"

#include <errno.h>
#include <string.h>

int pod_end_name_taken(const struct attachment *att, struct cni_error *err)
{
	return error_set(
		err, CNI_ERR_EXISTS, EEXIST,
		"CNI_IFNAME: an interface %s exists in %s already; remove it, or "
		"give this one another name",
		att->pod->ifname, att->pod->netns);
}

int pod_end_name_check(struct attachment *att, struct cni_error *err)
{
	return netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname)
		       ? pod_end_name_taken(att, err)
		       : 0;
}

struct mac_addr pod_end_mac(const struct attachment *att)
{
	if (att->pod->mac.set)
		return att->pod->mac;
	if (att->ipam.ips.n > 0)
		return identity_mac_of_ip(&att->ipam.ips.items[0].address.addr);
	return identity_container_mac(att->network->name, att->pod->container_id,
				      att->pod->ifname);
}

int link_differs(struct cni_error *err, const char *ifname, const char *what,
		 const char *expected, const char *found)
{
	return error_set(err, CNI_ERR_CHECK, EINVAL, "%s: expected %s %s, found %s",
			 ifname, what, expected, found);
}

const struct interface *prev_interface(const struct attachment *att, const char *name,
				       const char *sandbox)
{
	for (size_t i = 0; i < att->pod->prev_result.interfaces.n; i++) {
		const struct interface *item = &att->pod->prev_result.interfaces.items[i];
		const char *at = item->sandbox ? item->sandbox : "";

		if (item->name && strcmp(item->name, name) == 0 &&
		    strcmp(at, sandbox ? sandbox : "") == 0)
			return item;
	}
	return NULL;
}

int prev_mac_check(const struct attachment *att, const struct link *link,
		   const char *sandbox, struct cni_error *err)
{
	const struct interface *prev = prev_interface(att, link->name, sandbox);
	struct mac_addr expected;

	if (!prev || !prev->mac || !prev->mac[0] || mac_parse(prev->mac, &expected) < 0 ||
	    memcmp(expected.bytes, link->mac.bytes, MAC_LEN) == 0)
		return 0;
	return link_differs(err, link->name, "the MAC address", prev->mac,
			    MAC_TEXT(&link->mac));
}

int pod_end_check(struct attachment *att, const char *kind, struct link *ret_link,
		  struct cni_error *err)
{
	const char *name = att->pod->ifname;
	int ret = link_get(att->pod_ns.rtnl, name, ret_link, err);

	if (ret < 0)
		return ret;
	if (!ret_link->index)
		return error_set(
			err, CNI_ERR_CHECK, ENODEV,
			"%s: expected the interface in %s, found none of that name", name,
			att->pod->netns);
	if (!link_is(ret_link, kind))
		return link_differs(err, name, "an interface of kind", kind,
				    ret_link->kind);
	if (!ret_link->up && !att->network->disable_container_interface)
		return link_differs(err, name, "it", "up", "it down");
	att->container_index = ret_link->index;
	att->container_mac = ret_link->mac;
	return prev_mac_check(att, ret_link, att->pod->netns, err);
}
