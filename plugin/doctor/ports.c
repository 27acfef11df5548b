/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports that a process of the node listens on as well. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "listeners.h"
#include "plugin/node/socket_holders.h"

static bool has_family(const struct record *record, int family)
{
	for (size_t i = 0; i < record->n; i++)
		if (record->addresses[i].address.addr.family == family)
			return true;
	return false;
}

/* Does the socket lose packets to the host port? A socket on an address of 127.0.0.0/8
 * loses none, as it is for the node alone. A socket of IPv6 that is bound to no
 * address gets IPv4's packets, too. */
static bool is_taken(const struct listener *listener, const struct record *record,
		     const struct port_mapping *port)
{
	const struct ip_addr *addr = &listener->addr;
	bool any = ip_is_any(addr);

	if (port->protocol != listener->protocol || listener->port < port->host_port ||
	    listener->port > port_mapping_last(port) || ip_is_loopback(addr))
		return false;
	for (size_t i = 0; i < IP_FAMILIES; i++) {
		int family = ip_families[i];

		if (!has_family(record, family) || !port_mapping_is_for(port, family) ||
		    (family != addr->family && !(any && addr->family == AF_INET6)))
			continue;
		if (any || port_mapping_is_wild(port) || ip_equal(addr, &port->host_ip))
			return true;
	}
	return false;
}

static const char *protocol_name(int protocol)
{
	return protocol == IPPROTO_TCP ? "TCP" : protocol == IPPROTO_UDP ? "UDP" : "SCTP";
}

static void port_tell(struct doctor *doctor, const struct listener *listener,
		      const struct record *record)
{
	struct socket_holder holder = {.inode = listener->inode};
	const char *name;

	socket_holders_find(&holder, 1);
	if (holder.is_runtime)
		return;
	name = holder.pid ? holder.name : "a process that isn't seen";
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"%s (process %d) listens on %s port %u, which is a host port of pod %s: "
		"the pod gets what is sent there",
		name, (int)holder.pid, protocol_name(listener->protocol), listener->port,
		record->pod[0] ? record->pod : record->container_id);
	doctor_advise(doctor,
		      "stop the process, or give the pod another hostPort; the key "
		      "hostPortOverListener has such an ADD refused");
}

static bool listener_look(struct doctor *doctor, const struct network_facts *facts,
			  const struct listener *listener)
{
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct ipam_view_record *item = &facts->view.records.items[i];

		for (size_t k = 0;
		     item->state == IPAM_VIEW_CONNECTED && k < item->record.ports.n; k++)
			if (is_taken(listener, &item->record,
				     &item->record.ports.items[k])) {
				port_tell(doctor, listener, &item->record);
				return true;
			}
	}
	return false;
}

void ports_check(struct doctor *doctor, const struct network_facts *facts)
{
	struct listener_list list = {};
	const struct listener *told = NULL;

	if (!facts->stages.pods.have_ports ||
	    facts->net->network->ports.over_listener == OVER_LISTENER_ALLOW)
		return;
	if (listeners_read(&list) < 0)
		doctor->out_of_memory = true;
	/* A socket's addresses follow each other, so that it is told once. */
	for (size_t i = 0; i < list.n; i++)
		if (!told || told->inode != list.items[i].inode)
			if (listener_look(doctor, facts, &list.items[i]))
				told = &list.items[i];
	free(list.items);
}
