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

#define PORT_MAPPINGS_MAX 16384 /* of a pod, a port each */
#define PORT_RUNS_MAX	  4096 /* so many runs of ports that follow each other */

/* A run of ports: the first of @count that follow each other, on both sides. */
struct port_mapping {
	uint8_t protocol; /* IPPROTO_TCP, _UDP or _SCTP */
	uint32_t host_port, container_port; /* 1 to 65535, as the last of the run is */
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
	struct port_mapping_list mappings; /* what they come to; owned */
	bool masq_all; /* whoever comes by them is masqueraded, where there is snat */
};

/* How a network serves the host ports of its pods. */
struct port_conf {
	bool snat; /* masquerade what couldn't be answered otherwise */
	enum over_listener over_listener;
	bool expected; /* its pods may have some (capabilities), or this one has */
};

struct json_doc;
struct json_type;

/* The document, as the table of these keys has it. */
extern const struct json_type port_root;

/*
 * No two of the mappings overlap: what overlaps and leads to the same port is one. Code 7
 * with the key's path, for two targets of one port, too; code 2 for the reference's keys
 * that have no meaning here, saying what replaces them.
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

/* 1: these two entries lead the same packets to different ports. -ENOMEM. */
int port_mappings_contradict(const struct port_mapping_list *entries, size_t *ret_first,
			     size_t *ret_second);

/* "tcp"; any case is read. -EINVAL. */
const char *port_protocol_name(uint8_t protocol);
int port_protocol_parse(const char *name, uint8_t *ret_protocol);

/* Does it map addresses of the node of this family? All of them, not one? */
bool port_mapping_is_for(const struct port_mapping *mapping, int family);
bool port_mapping_is_wild(const struct port_mapping *mapping);

/* The last host port of the run, or of an entry, which is a port. */
uint32_t port_mapping_last(const struct port_mapping *mapping);

/* Is it to be reached by 127.0.0.1? */
bool port_mapping_needs_localnet(const struct port_mapping *mapping);

#endif
