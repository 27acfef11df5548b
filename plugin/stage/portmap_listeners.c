/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares an attachment's host ports with the sockets of the node's processes. */
#include "portmap_listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/netlink/fib.h"
#include "plugin/netlink/sock_diag.h"
#include "plugin/node/node.h"
#include "plugin/node/socket_holders.h"
#include "plugin/node/sysctl.h"
#include "portmap_elements.h"

#define TOLD_MAX 8 /* the most sockets that are told of, a line each */

/* This file is there once the node has, or may have, sockets of SCTP. Asking for sockets
 * would load the module. */
#define SCTP_FILE "/proc/net/sctp"

/* Do packets to the mapping's ports go to the pod? The destination is @addr or, where
 * that is the unspecified address, any address of its family. */
static bool covers(const struct attachment *att, const struct port_mapping *mapping,
		   const struct ip_addr *addr)
{
	if (!port_mapping_is_for(mapping, addr->family) ||
	    !attachment_uses(att, addr->family))
		return false;
	if (ip_is_any(addr))
		return true;
	/* ::1 is never translated, 127.0.0.0/8 only where it can be masqueraded. */
	if (ip_is_loopback(addr) &&
	    (addr->family == AF_INET6 || !att->network->ports.snat))
		return false;
	return port_mapping_is_wild(mapping) || ip_equal(&mapping->host_ip, addr);
}

static bool overlaps(const struct attachment *att, const struct port_mapping *mapping,
		     const struct socket_seen *seen)
{
	const struct ip_addr any4 = {.family = AF_INET}, addr = ip_unmap(&seen->addr);

	if (mapping->protocol != seen->protocol || seen->port < mapping->host_port ||
	    seen->port > port_mapping_last(mapping))
		return false;
	/* An IPv6 socket on all addresses has those of IPv4, too. */
	if (addr.family == AF_INET6 && ip_is_any(&addr) && !seen->v6_only &&
	    covers(att, mapping, &any4))
		return true;
	return covers(att, mapping, &addr);
}

/* Finds the first mapping that takes the socket's packets; NULL: none does. */
static const struct port_mapping *taker(const struct attachment *att,
					const struct port_mapping_list *list,
					const struct socket_seen *seen)
{
	for (size_t i = 0; i < list->n; i++)
		if (overlaps(att, &list->items[i], seen))
			return &list->items[i];
	return NULL;
}

/* Is the socket's address the node's own? Packets to others are not translated: to a
 * group's, to a broadcast address, to one that the node is yet to get. */
static bool is_local(const struct attachment *att, const struct socket_seen *seen)
{
	struct ip_addr addr = ip_unmap(&seen->addr);
	bool local = true;

	if (!ip_is_any(&addr))
		route_is_local(att->op->node.rtnl, &addr, &local, NULL);
	return local;
}

/* Is it a client's socket, which waits for answers alone? Its port is in the range that
 * the kernel chooses from. */
static bool is_client(const struct socket_seen *seen, const struct port_mapping *mapping)
{
	static const char path[] = SYSCTL_ROOT "ipv4/ip_local_port_range";
	_cleanup_(close_p) int fd = -1;
	struct ip_addr addr = ip_unmap(&seen->addr);
	char text[32] = "", *rest;
	unsigned long first, last;

	if (seen->protocol != IPPROTO_UDP ||
	    (!ip_is_any(&addr) && ip_equal(&addr, &mapping->host_ip)))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	first = strtoul(text, &rest, 10);
	last = strtoul(rest, NULL, 10);
	return seen->port >= first && seen->port <= last;
}

static int by_port(const void *a, const void *b)
{
	const struct port_range *first = a, *second = b;

	return first->first - second->first;
}

/* Makes ranges of the host ports of a protocol, whatever their addresses. -ENOMEM. */
static int ranges_make(const struct port_mapping_list *mappings, uint8_t protocol,
		       struct port_range_list *ret_ranges)
{
	struct port_range_list ranges = {calloc(mappings->n, sizeof(*ranges.items)), 0};
	size_t n = 0;

	if (!ranges.items)
		return -ENOMEM;
	for (size_t i = 0; i < mappings->n; i++)
		if (mappings->items[i].protocol == protocol)
			ranges.items[ranges.n++] = (struct port_range){
				mappings->items[i].host_port,
				port_mapping_last(&mappings->items[i]),
			};
	qsort(ranges.items, ranges.n, sizeof(*ranges.items), by_port);
	for (size_t i = 1; i < ranges.n; i++) {
		struct port_range *last = &ranges.items[n], *next = &ranges.items[i];

		if (next->first > last->last + 1)
			ranges.items[++n] = *next;
		else if (next->last > last->last)
			last->last = next->last;
	}
	ranges.n = ranges.n ? n + 1 : 0;
	*ret_ranges = ranges;
	return 0;
}

static void ranges_clear(struct port_range_list *ranges)
{
	free(ranges->items);
}

static int protocol_list(struct attachment *att, struct netlink *nl, uint8_t protocol,
			 struct socket_list *list, struct cni_error *err)
{
	_cleanup_(ranges_clear) struct port_range_list ranges = {};
	int ret = ranges_make(&att->pod->ports.mappings, protocol, &ranges);

	if (ret < 0)
		return error_oom(err);
	if (ranges.n == 0 || (protocol == IPPROTO_SCTP && access(SCTP_FILE, F_OK) != 0))
		return 0;
	/* Sockets of IPv6 may take IPv4 packets, too. */
	for (size_t i = 0; ret == 0 && i < IP_FAMILIES; i++)
		if (ip_families[i] == AF_INET6 || attachment_uses(att, AF_INET))
			ret = sockets_get(nl, ip_families[i], protocol, &ranges, list,
					  err);
	return ret;
}

/* Keeps in @list the sockets that lose packets to the host ports, and no others. */
static void losers_keep(struct attachment *att, struct socket_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct socket_seen *seen = &list->items[i];
		const struct port_mapping *mapping = taker(att, &att->pod->ports.mappings,
							   seen);

		if (mapping && is_local(att, seen) && !is_client(seen, mapping))
			list->items[n++] = *seen;
	}
	list->n = n;
}

/* Gives sockets of TCP that belong to one of MPTCP the inode of that one, which a process
 * has open; theirs no process has. Go's listeners are of MPTCP by default. */
static void mptcp_resolve(struct netlink *nl, struct socket_list *list)
{
	_cleanup_(socket_list_clear) struct socket_list found = {};

	for (size_t i = 0; i < list->n; i++) {
		struct socket_seen *seen = &list->items[i];
		const struct port_range port = {seen->port, seen->port};
		const struct port_range_list ports = {(struct port_range *)&port, 1};

		found.n = 0;
		if (seen->protocol != IPPROTO_TCP ||
		    sockets_get(nl, seen->addr.family, IPPROTO_MPTCP, &ports, &found,
				NULL) < 0)
			continue;
		for (size_t k = 0; k < found.n; k++)
			if (ip_equal(&found.items[k].addr, &seen->addr))
				seen->inode = found.items[k].inode;
	}
}

struct losers {
	struct socket_list sockets;
	struct socket_holder *holders; /* one for each socket, in another order */
};

static void losers_clear(struct losers *losers)
{
	socket_list_clear(&losers->sockets);
	free(losers->holders);
}

static int losers_find(struct attachment *att, struct losers *losers,
		       struct cni_error *err)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct socket_list *list = &losers->sockets;
	int ret = netlink_open(NETLINK_FOR_SOCKETS, &nl, err);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(protocols); i++)
		ret = protocol_list(att, nl, protocols[i], list, err);
	losers_keep(att, list);
	if (list->n == 0)
		return ret;
	mptcp_resolve(nl, list);
	losers->holders = calloc(list->n, sizeof(*losers->holders));
	if (!losers->holders)
		return ret < 0 ? ret : error_oom(err);
	for (size_t i = 0; i < list->n; i++)
		losers->holders[i].inode = list->items[i].inode;
	socket_holders_find(losers->holders, list->n);
	return ret;
}

static const struct socket_holder *holder_of(const struct losers *losers,
					     const struct socket_seen *seen)
{
	const struct socket_holder *holder = losers->holders;

	while (holder->inode != seen->inode)
		holder++;
	return holder;
}

#define SOCKET_TEXT_MAX (IP_TEXT_MAX + PROCESS_NAME_MAX + 96)

/* "sshd (process 812) listens on 0.0.0.0" */
static const char *socket_format(const struct socket_seen *seen,
				 const struct socket_holder *holder,
				 char buf[SOCKET_TEXT_MAX])
{
	char process[PROCESS_NAME_MAX + 48] =
		"the kernel, or a process that isn't seen from here,";

	if (holder->pid)
		snprintf(process, sizeof(process), "%s (process %d)", holder->name,
			 (int)holder->pid);
	snprintf(buf, SOCKET_TEXT_MAX, "%s %s on %s", process,
		 seen->protocol == IPPROTO_UDP ? "receives" : "listens",
		 IP_TEXT(&seen->addr));
	return buf;
}

static int listener_refuse(const struct attachment *att, const struct socket_seen *seen,
			   const struct socket_holder *holder, struct cni_error *err)
{
	const struct port_mapping_list *entries = &att->pod->ports.entries;

	return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
			 "runtimeConfig.portMappings[%zu].hostPort: %s port %u is taken: "
			 "%s of the node; stop it, or choose another port or an address "
			 "of the node that has it free; hostPortOverListener \"warn\" "
			 "gives the port to the pod nevertheless",
			 (size_t)(taker(att, entries, seen) - entries->items),
			 port_protocol_name(seen->protocol), seen->port,
			 socket_format(seen, holder, (char[SOCKET_TEXT_MAX]){}));
}

static void tell(struct attachment *att, const struct socket_seen *seen,
		 const struct socket_holder *holder)
{
	notice(&att->op->notices,
	       "host port %u of %s leads to container %s now, and not to a "
	       "process of the node: %s and hears nothing there any more; map "
	       "another port, or stop it; the key hostPortOverListener says "
	       "what to do about such ports: \"refuse\" them, or \"allow\" them "
	       "without this message",
	       seen->port, port_protocol_name(seen->protocol),
	       att->pod->name[0] ? att->pod->name : att->pod->container_id,
	       socket_format(seen, holder, (char[SOCKET_TEXT_MAX]){}));
}

/* Is the socket like an earlier one of the list? Several may share a port (SO_REUSEPORT),
 * for example those of a server's workers. */
static bool is_repeated(const struct socket_list *list, size_t i)
{
	const struct socket_seen *seen = &list->items[i];

	for (size_t k = 0; k < i; k++)
		if (list->items[k].protocol == seen->protocol &&
		    list->items[k].port == seen->port &&
		    ip_equal(&list->items[k].addr, &seen->addr))
			return true;
	return false;
}

/* Tells of the sockets that aren't the runtime's, or refuses the first of them. */
static int judge(struct attachment *att, const struct losers *losers, bool may_refuse,
		 struct cni_error *err)
{
	size_t told = 0;

	for (size_t i = 0; i < losers->sockets.n; i++) {
		const struct socket_seen *seen = &losers->sockets.items[i];
		const struct socket_holder *holder = holder_of(losers, seen);

		if (holder->is_runtime || is_repeated(&losers->sockets, i))
			continue;
		if (may_refuse)
			return listener_refuse(att, seen, holder, err);
		if (told++ < TOLD_MAX)
			tell(att, seen, holder);
	}
	if (told > TOLD_MAX)
		notice(&att->op->notices,
		       "%zu more sockets of the node lose their packets to host "
		       "ports of container %s (hostPortOverListener)",
		       told - TOLD_MAX,
		       att->pod->name[0] ? att->pod->name : att->pod->container_id);
	return 0;
}

static int check(struct attachment *att, bool may_refuse, struct cni_error *err)
{
	_cleanup_(losers_clear) struct losers losers = {};
	struct cni_error own = {};
	bool refuses = att->network->ports.over_listener == OVER_LISTENER_REFUSE;

	if (att->pod->ports.mappings.n == 0 ||
	    att->network->ports.over_listener == OVER_LISTENER_ALLOW)
		return 0;
	/* A kernel that can't list sockets is no reason to keep a pod from starting. */
	if (losers_find(att, &losers, &own) < 0 && refuses)
		notice(&att->op->notices,
		       "hostPortOverListener: whether a process of the node has one of "
		       "the host ports can't be told: %s (the kernel would need "
		       "CONFIG_INET_DIAG and CONFIG_INET_UDP_DIAG)",
		       own.msg);
	return losers.holders ? judge(att, &losers, may_refuse && refuses, err) : 0;
}

int listeners_check(struct attachment *att, struct cni_error *err)
{
	return check(att, true, err);
}

void listeners_tell(struct attachment *att)
{
	check(att, false, NULL);
}
