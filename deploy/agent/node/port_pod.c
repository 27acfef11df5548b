/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The alias of a port has the attachment's names, by which its record is found. */
#include "port_pod.h"

#include <stdio.h>

#include "conf/names.h"
#include "ipam/store/record.h"
#include "store_files.h"

bool port_is_pods(const struct link *port)
{
	return link_is(port, "veth") && port->peer_elsewhere;
}

/* True: the record names a pod. */
static bool recorded_pod(const struct options *options, const struct alias_names *names,
			 char buf[POD_NAME_MAX])
{
	struct options of_network = *options;
	_cleanup_(free_p) char *text = NULL;
	struct record record;
	size_t len;
	bool named;

	/* The network's name becomes part of a path. */
	of_network.network = names->network;
	if (!cni_name_valid(names->network) ||
	    store_files_read_record(&of_network, names->container_id, names->ifname,
				    &text, &len, NULL) != 0 ||
	    record_parse(text, len, &record) < 0)
		return false;
	named = record.pod[0] &&
		record_is_of(&record, names->network, names->container_id, names->ifname);
	if (named)
		snprintf(buf, POD_NAME_MAX, "%s", record.pod);
	record_clear(&record);
	return named;
}

const char *port_pod(const struct options *options, const struct link *port,
		     char buf[POD_NAME_MAX])
{
	struct alias_names names;

	if (!identity_alias_read(port->alias, &names))
		snprintf(buf, POD_NAME_MAX, "%s", port->name);
	else if (!recorded_pod(options, &names, buf))
		snprintf(buf, POD_NAME_MAX, "%s", names.container_id);
	return buf;
}
