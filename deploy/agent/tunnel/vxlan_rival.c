/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for the rival among the VXLAN devices of the node. */
#include "vxlan_rival.h"

#include <errno.h>
#include <string.h>

struct search {
	const struct vxlan_spec *spec;
	bool vni; /* it must have the VNI, too */
	char name[IF_NAMESIZE]; /* "": none was found */
};

static void compare(const struct vxlan_link *link, void *data)
{
	struct search *search = data;
	const struct vxlan_spec *spec = search->spec;

	if (link->port == spec->port && (!search->vni || link->vni == spec->vni) &&
	    strcmp(link->name, spec->name) != 0 && !search->name[0])
		memcpy(search->name, link->name, sizeof(search->name));
}

bool vxlan_is_flannel(const char *name)
{
	static const char *const beginnings[] = {"flannel.", "flannel-v6."};

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

int vxlan_vni_taken(struct netlink *nl, const struct vxlan_spec *spec,
		    struct cni_error *err)
{
	struct search search = {.spec = spec, .vni = true};

	if (vxlan_link_each(nl, compare, &search, NULL) < 0 || !search.name[0])
		return error_set(err, CNI_ERR_EXISTS, EEXIST,
				 "VNI %u on UDP port %u, or the name %s, is taken: set "
				 "--vxlan-id or --vxlan-port",
				 spec->vni, spec->port, spec->name);
	if (vxlan_is_flannel(search.name))
		return error_set(
			err, CNI_ERR_EXISTS, EEXIST,
			"flannel's device %s has VNI %u on UDP port %u, which %s "
			"needs: keep flannel's DaemonSet off this node by a "
			"label, then delete the device; deploy/README.md, "
			"\"Switching from flannel, node by node\", has the steps",
			search.name, spec->vni, spec->port, spec->name);
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "the device %s has VNI %u on UDP port %u already, which %s "
			 "needs: delete it, or set --vxlan-id on all nodes",
			 search.name, spec->vni, spec->port, spec->name);
}

int vxlan_port_taken(struct netlink *nl, const struct vxlan_spec *spec,
		     struct cni_error *err)
{
	struct search search = {.spec = spec};

	if (vxlan_link_each(nl, compare, &search, NULL) < 0 || !search.name[0])
		return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
				 "UDP port %u, which %s needs, is taken by a process "
				 "(ss -lunp shows it): end that, or set --vxlan-port on "
				 "all nodes",
				 spec->port, spec->name);
	return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
			 "the device %s has UDP port %u, which %s needs, in another way: "
			 "delete it, or set --vxlan-port on all nodes",
			 search.name, spec->port, spec->name);
}
