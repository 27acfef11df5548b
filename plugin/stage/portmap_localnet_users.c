/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks for a host port on all addresses or on one of 127.0.0.0/8 whose pod is behind an
 * interface: its address is in one of the interface's subnets, or its network has given
 * the interface its gateway address, which somebody may have removed.
 */
#include "portmap_localnet_users.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/fib.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/node/node.h"
#include "portmap_maps.h"

struct search {
	struct attachment *att;
	unsigned int index; /* of the interface */
	const char *ifname;
	struct addr_list subnets; /* its addresses of IPv4 */
	bool found;
};

static void search_clear(struct search *search)
{
	addr_list_clear(&search->subnets);
}

bool localnet_serves(const struct port_mapping_list *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		if (port_mapping_needs_localnet(&ports->items[i]))
			return true;
	return false;
}

/* Is the pod with this address behind the interface? An interface without addresses may
 * have a route to it that somebody made. */
static bool is_behind(const struct search *search, const struct ip_addr *pod)
{
	unsigned int index = 0;

	if (search->subnets.n == 0 && pod->family == AF_INET)
		route_interface(search->att->op->node.rtnl, pod, &index, NULL);
	if (index)
		return index == search->index;
	for (size_t i = 0; i < search->subnets.n; i++)
		if (prefix_contains(&search->subnets.items[i], pod))
			return true;
	return false;
}

/* Is the element of a pod behind the interface, and meant for 127.0.0.1? Its data begins
 * with the pod's address. */
static int element_search(const struct nft_element *element, void *data)
{
	struct search *search = data;
	struct ip_addr pod = {.family = AF_INET};

	memcpy(pod.bytes, element->data.bytes, ip_size(AF_INET));
	if (portmap_is_of(element, search->att->pod->host_ifname) ||
	    !is_behind(search, &pod) ||
	    (portmap_is_of_one(element) &&
	     element->key.bytes[PORTMAP_PART] != IN_LOOPBACKNET))
		return 0;
	search->found = true;
	return -ECANCELED; /* the rest is of no interest */
}

/* Searches the maps, on a connection of its own: a list that isn't read to its end leaves
 * the connection unusable. */
static int maps_search(struct search *search, struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	_cleanup_(portmap_map_list_clear) struct portmap_map_list maps = {};
	int ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, err);

	if (ret == 0)
		ret = portmap_map_list_get(nl, &maps, err);
	for (size_t i = 0; ret == 0 && i < maps.n; i++)
		if (portmap_set_family(&maps.items[i]) == PORTMAP_IPV4)
			ret = nft_set_elements(nl, &maps.items[i], element_search, search,
					       err);
	if (search->found || ret == -EPROTONOSUPPORT || ret == -EINVAL)
		return error_clear(err);
	return ret;
}

/* Does the record's attachment count? One that is coming turns route_localnet on by
 * itself, and one that is going looks here later. */
static bool counts(const struct search *search, const struct record *record)
{
	const struct ipam_kernel *kernel = &search->att->op->kernel.ipam;
	char host_ifname[IF_NAMESIZE];

	identity_host_ifname(record->network, record->container_id, record->ifname,
			     host_ifname);
	return strcmp(host_ifname, search->att->pod->host_ifname) != 0 &&
	       !node_is_changing(&search->att->op->node, hash_text(host_ifname)) &&
	       kernel->has_interface(kernel, record);
}

static struct ipam_env network_of(const struct search *search, const char *network)
{
	struct ipam_env other = search->att->ipam_env;

	other.network = network;
	other.bridge = ""; /* any: subnets and notes tell */
	return other;
}

static bool has_gateway_on(const struct search *search, const struct record *record,
			   size_t i)
{
	struct ipam_env other = network_of(search, record->network);
	struct ip_prefix gateway = {record->addresses[i].gateway,
				    record->addresses[i].address.len};

	return gateway.addr.family == AF_INET &&
	       ipam_gateway_is_ours(&other, search->ifname, &gateway);
}

static int record_search(const struct record *record, void *data, struct cni_error *err)
{
	struct search *search = data;

	(void)err;
	if (search->found || !localnet_serves(&record->ports))
		return 0;
	for (size_t i = 0; i < record->n; i++)
		if (is_behind(search, &record->addresses[i].address.addr) ||
		    has_gateway_on(search, record, i))
			search->found = counts(search, record);
	return 0;
}

/* Searches the records of a network. Where its store can't be read, route_localnet is
 * taken to be needed. */
static int network_search(const char *network, void *data, struct cni_error *err)
{
	struct search *search = data;
	struct ipam_env other = network_of(search, network);

	(void)err;
	if (!search->found && ipam_record_each(&other, record_search, search, NULL) < 0)
		search->found = true;
	return 0;
}

int localnet_is_needed(struct attachment *att, const struct link *gateway,
		       bool *ret_needed, struct cni_error *err)
{
	_cleanup_(search_clear) struct search search = {
		.att = att, .index = gateway->index, .ifname = gateway->name};
	int ret = addr_list_get(att->op->node.rtnl, gateway->index, AF_INET,
				&search.subnets, err);

	if (ret == 0)
		ret = maps_search(&search, err);
	if (ret == 0 && !search.found && att->op->node.lock != NODE_EXCLUSIVE) {
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
		if (ret == 0)
			ret = maps_search(&search, err);
	}
	if (ret == 0 && !search.found)
		ret = ipam_networks(&att->ipam_env, network_search, &search, err);
	if (ret == 0)
		*ret_needed = search.found;
	return ret;
}
