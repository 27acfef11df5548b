/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include <string.h>

#define ID_START_MIN 4 /* characters of a container ID that name it */

bool name_is_address(const char *name, const struct ip_addr *ip)
{
	struct ip_prefix named = {};

	return (ip_parse(name, &named.addr) == 0 || prefix_parse(name, &named) == 0) &&
	       ip_equal(&named.addr, ip);
}

bool name_is_mac(const char *name, const struct link *link)
{
	struct mac_addr named;

	return link && mac_parse(name, &named) == 0 && mac_equal(&named, &link->mac);
}

/* Is it an interface on the node that is the attachment's, or that in the pod? */
static bool is_interface(const char *name, const struct shown_pod *pod)
{
	char ifb[IF_NAMESIZE];

	if (strcmp(name, pod->ifname) == 0)
		return true;
	if (!pod->host_ifname[0])
		return false;
	identity_ifb(pod->host_ifname, ifb);
	return strcmp(name, pod->host_ifname) == 0 || strcmp(name, ifb) == 0;
}

bool name_begins_id(const char *name, const char *container_id)
{
	size_t len = strlen(name);

	return len >= ID_START_MIN && strncmp(name, container_id, len) == 0;
}

bool shown_pod_has_name(const struct shown_pod *pod, const char *name)
{
	const char *slash = strchr(pod->pod, '/');
	struct mac_addr mac;

	for (size_t i = 0; i < pod->addresses_n; i++)
		if (name_is_address(name, &pod->addresses[i].addr))
			return true;
	return (mac_parse(name, &mac) == 0 && mac_equal(&mac, &pod->mac)) ||
	       name_is_mac(name, pod->link) || is_interface(name, pod) ||
	       strcmp(name, pod->pod) == 0 || (slash && strcmp(name, slash + 1) == 0) ||
	       strcmp(name, pod->container_id) == 0 ||
	       name_begins_id(name, pod->container_id);
}
