/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "macvlan_master.h"

#include <errno.h>

#include "plugin/node/uplink.h"

int macvlan_master_get(struct netlink *nl, const struct network *network,
		       const char *other, struct link *ret_master, struct cni_error *err)
{
	const struct macvlan_conf *conf = &network->macvlan;
	const char *name = conf->master && *conf->master ? conf->master : other;
	const char *where = conf->in_container ? "in the pod" : "on the node";
	struct link master = {};
	int ret = *name ? link_get(nl, name, &master, err)
			: uplink_default(nl, &master, err);

	if (ret < 0)
		return ret;
	if (!master.index && *name)
		return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
				 "master: there is no interface %s %s; make it, or "
				 "name another one",
				 name, where);
	if (!master.index)
		return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
				 "master: not given, and there is no default route %s "
				 "whose interface it could be; name the interface",
				 where);
	*ret_master = master;
	return 0;
}

bool macvlan_master_is_known(const struct network *network)
{
	const char *master = network->macvlan.master;

	return !network->macvlan.in_container &&
	       ((master && *master) || !network_takes_prev_result(network));
}
