/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A renamed interface still has its alias, which the name follows from. */
#include "host_end.h"

#include <string.h>

bool host_end_is(const struct link *link, struct alias_names *ret_names,
		 char ret_name[IF_NAMESIZE])
{
	if (!link_is(link, "veth") || !identity_alias_read(link->alias, ret_names))
		return false;
	identity_host_ifname(ret_names->network, ret_names->container_id,
			     ret_names->ifname, ret_name);
	return true;
}

bool host_end_find(struct netlink *rtnl, const char *host_ifname,
		   struct alias_names *ret_names)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	struct link link = {};

	*ret_names = (struct alias_names){};
	if (link_get(rtnl, host_ifname, &link, NULL) == 0 && link.index) {
		identity_alias_read(link.alias, ret_names);
		return true;
	}
	if (link_list_get(rtnl, &links, NULL) < 0)
		return true;
	for (size_t i = 0; i < links.n; i++) {
		struct alias_names names;
		char name[IF_NAMESIZE];

		if (host_end_is(&links.items[i], &names, name) &&
		    strcmp(name, host_ifname) == 0) {
			*ret_names = names;
			return true;
		}
	}
	return false;
}
