/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports that a process of the node listens on as well. The sockets are read from
 * /proc/net: to ask for them by sock_diag may load a module. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "plugin/node/socket_holders.h"

#define LINE_SIZE 512
#define STATE_TCP 0x0a /* TCP_LISTEN */
#define STATE_UDP 0x07 /* bound, and not connected */

static const struct source {
	const char *path;
	int family, protocol;
	unsigned int state;
} sources[] = {
	{"/proc/net/tcp", AF_INET, IPPROTO_TCP, STATE_TCP},
	{"/proc/net/tcp6", AF_INET6, IPPROTO_TCP, STATE_TCP},
	{"/proc/net/udp", AF_INET, IPPROTO_UDP, STATE_UDP},
	{"/proc/net/udp6", AF_INET6, IPPROTO_UDP, STATE_UDP},
};

struct listener {
	struct ip_addr addr;
	uint16_t port;
	uint32_t inode;
};

/* A line of those files: addresses are words of four bytes, as the machine has them. */
static bool line_read(const char *line, const struct source *source,
		      struct listener *ret_listener)
{
	char address[33] = "";
	unsigned int port, state;
	unsigned long inode;

	if (sscanf(line,
		   " %*u: %32[0-9A-Fa-f]:%x %*[^ ] %x %*[^ ] %*[^ ] %*[^ ] %*u %*u %lu",
		   address, &port, &state, &inode) != 4 ||
	    state != source->state || strlen(address) != 2 * ip_size(source->family))
		return false;
	*ret_listener = (struct listener){
		.addr.family = source->family, .port = port, .inode = inode};
	for (size_t i = 0; i < ip_size(source->family); i += 4) {
		char word[9] = "";
		uint32_t value;

		memcpy(word, address + 2 * i, 8);
		value = strtoul(word, NULL, 16);
		memcpy(ret_listener->addr.bytes + i, &value, sizeof(value));
	}
	return true;
}

/* Does the socket lose packets to the host port? A socket of an address of 127.0.0.0/8 is
 * for the node alone. */
static bool is_taken(const struct listener *listener, const struct port_mapping *port,
		     int protocol)
{
	if (port->protocol != protocol || listener->port < port->host_port ||
	    listener->port >= port->host_port + port->count ||
	    ip_is_loopback(&listener->addr))
		return false;
	if (ip_is_any(&listener->addr) || !port->host_ip.family ||
	    ip_is_any(&port->host_ip))
		return true;
	return ip_equal(&listener->addr, &port->host_ip);
}

static void port_tell(struct doctor *doctor, const struct listener *listener,
		      const struct record *record, int protocol)
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
		name, (int)holder.pid, protocol == IPPROTO_TCP ? "TCP" : "UDP",
		listener->port, record->pod[0] ? record->pod : record->container_id);
	doctor_advise(doctor,
		      "stop the process, or give the pod another hostPort; the key "
		      "hostPortOverListener has such an ADD refused");
}

static void listener_look(struct doctor *doctor, const struct network_facts *facts,
			  const struct listener *listener, int protocol)
{
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct ipam_view_record *item = &facts->view.records.items[i];

		for (size_t k = 0;
		     item->state == IPAM_VIEW_CONNECTED && k < item->record.ports.n; k++)
			if (is_taken(listener, &item->record.ports.items[k], protocol)) {
				port_tell(doctor, listener, &item->record, protocol);
				return;
			}
	}
}

void ports_check(struct doctor *doctor, const struct network_facts *facts)
{
	if (!facts->stages.pods.have_ports ||
	    facts->net->network->ports.over_listener == OVER_LISTENER_ALLOW)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		FILE *file = fopen(sources[i].path, "re");
		struct listener listener;
		char line[LINE_SIZE];

		while (file && fgets(line, sizeof(line), file))
			if (line_read(line, &sources[i], &listener))
				listener_look(doctor, facts, &listener,
					      sources[i].protocol);
		if (file)
			fclose(file);
	}
}
