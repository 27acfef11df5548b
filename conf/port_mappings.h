/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports as they are asked for: runtimeConfig.portMappings (CONVENTIONS.md of
 * containernetworking/cni). */
#ifndef BRIDGE_CNI_CONF_PORT_MAPPINGS_H
#define BRIDGE_CNI_CONF_PORT_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

#define PORT_MAPPINGS_MAX 16384 /* entries of a pod, each for one port */
#define PORT_RUNS_MAX	  4096 /* runs of a pod: ports that follow each other */

/* A run of host ports that follow each other, and lead to ports that do so, too. */
struct port_mapping {
	uint8_t protocol; /* IPPROTO_TCP, _UDP or _SCTP */
	/* the first ones; 1 to 65535, also the last ones */
	uint32_t host_port, container_port;
	uint32_t count;
	struct ip_addr host_ip; /* family 0: all addresses; 0.0.0.0, ::: the family's */
	const char *protocol_text; /* as it was given; NULL: tcp */
};

struct port_mapping_list {
	struct port_mapping *items;
	size_t n;
};

/* hostPortOverListener: what is done where a process of the node listens on a host
 * port. */
enum over_listener {
	OVER_LISTENER_WARN,
	OVER_LISTENER_REFUSE,
	OVER_LISTENER_ALLOW,
};

/* A pod's host ports. */
struct pod_ports {
	struct port_mapping_list entries; /* as they were given, a port each; owned */
	struct port_mapping_list mappings; /* the runs that they are served as; owned */
	bool masq_all; /* all connections by host ports are masqueraded, if snat is on */
};

/* How a network serves the host ports of its pods. */
struct port_conf {
	bool snat; /* masquerade connections that the pod couldn't answer otherwise */
	enum over_listener over_listener;
	bool expected; /* pods may have host ports (capabilities), or this one has */
};

struct json_doc;
struct json_type;

/* The type of the document's top-level object, with these keys alone: for json_read(),
 * and for the search for unknown keys (advice.c). */
extern const struct json_type port_root;

/*
 * Reads the keys of host ports. No two mappings of the result overlap: entries that
 * overlap and lead to the same port are merged. Code 7 with the key's path, also for two
 * targets of one port. Code 2 for keys of the reference that have no meaning here; the
 * message says what replaces them.
 */
int port_mappings_read(const struct json_doc *doc, bool has_ipam,
		       struct port_conf *ret_conf, struct pod_ports *ret_ports,
		       struct cni_error *err);

/* Frees the lists. */
void pod_ports_clear(struct pod_ports *ports);

/* Makes runs of @entries, sorted by protocol and address; the caller frees the items.
 * -ENOMEM. */
int port_mappings_merge(const struct port_mapping_list *entries,
			struct port_mapping_list *ret_list);

/* Looks for two entries that lead the same packets to different ports. 0: there are none;
 * PORTS_CONTRADICT: these two; -ENOMEM. */
#define PORTS_CONTRADICT 1
int port_mappings_contradict(const struct port_mapping_list *entries, size_t *ret_first,
			     size_t *ret_second);

/* The name of a protocol ("tcp"), and back. Names are read in any case. -EINVAL: it is
 * none with ports. */
const char *port_protocol_name(uint8_t protocol);
int port_protocol_parse(const char *name, uint8_t *ret_protocol);

/* Does the mapping apply to addresses of this family? Does it apply to all addresses of
 * the node? */
bool port_mapping_is_for(const struct port_mapping *mapping, int family);
bool port_mapping_is_wild(const struct port_mapping *mapping);

/* Returns the last host port of a run; of an entry it is the only one. */
uint32_t port_mapping_last(const struct port_mapping *mapping);

/* Is the host port to be reached by 127.0.0.1? */
bool port_mapping_needs_localnet(const struct port_mapping *mapping);

#endif
