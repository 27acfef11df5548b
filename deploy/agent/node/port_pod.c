/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The alias of a port has the attachment's names, by which its record is found. */
#include "port_pod.h"

#include <stdio.h>
#include <string.h>

#include "conf/names.h"
#include "store_files.h"

bool port_is_pods(const struct link *port)
{
	return link_is(port, "veth") && port->peer_elsewhere;
}

bool port_is_networks(const struct network_names *network, const struct link *port)
{
	struct alias_names names;

	return identity_alias_read(port->alias, &names) &&
	       strcmp(names.network, network->name) == 0;
}

int port_list_get(struct netlink *nl, const struct network_names *network,
		  unsigned int bridge, struct link_list *ret_ports, struct cni_error *err)
{
	struct link_list list = {};
	size_t n = 0;
	int ret = link_list_get_kind(nl, "veth", &list, err);

	for (size_t i = 0; i < list.n; i++) {
		const struct link *link = &list.items[i];

		if (port_is_pods(link) &&
		    (link->master ? link->master == bridge
				  : port_is_networks(network, link)))
			list.items[n++] = *link;
	}
	list.n = n;
	if (ret == 0)
		*ret_ports = list;
	return ret;
}

/* Reads the record of the port's attachment, which record_clear() frees. Without one
 * @ret_record is zeros. */
static void record_of(const struct network_names *network, const struct link *port,
		      struct record *ret_record)
{
	_cleanup_(free_p) char *text = NULL;
	struct alias_names names;
	struct record record;
	size_t len;

	*ret_record = (struct record){};
	/* Anybody with CAP_NET_ADMIN may have written the alias. */
	if (!identity_alias_read(port->alias, &names) || !cni_name_valid(names.network) ||
	    store_files_read_record(network, names.network, names.container_id,
				    names.ifname, &text, &len, NULL) != 0 ||
	    record_parse(text, len, &record) < 0)
		return;
	if (record_is_of(&record, names.network, names.container_id, names.ifname))
		*ret_record = record;
	else
		record_clear(&record);
}

bool port_record(const struct network_names *network, const struct link *port,
		 struct record *ret_record)
{
	if (!port_is_pods(port) || !port_is_networks(network, port))
		return false;
	record_of(network, port, ret_record);
	return ret_record->network;
}

const char *port_pod(const struct network_names *network, const struct link *port,
		     char buf[POD_NAME_MAX])
{
	_cleanup_(record_clear) struct record record = {};
	struct alias_names names;

	if (!identity_alias_read(port->alias, &names)) {
		snprintf(buf, POD_NAME_MAX, "%s", port->name);
		return buf;
	}
	record_of(network, port, &record);
	snprintf(buf, POD_NAME_MAX, "%s",
		 record.pod && record.pod[0] ? record.pod : names.container_id);
	return buf;
}

bool port_is_routed(const struct network_names *network, const struct link *port)
{
	_cleanup_(record_clear) struct record record = {};

	/* A link that isn't a port at the time isn't isolated either. */
	if (port->master && !port->port.isolated)
		return false;
	record_of(network, port, &record);
	return record.routed[0];
}
