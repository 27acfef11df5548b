/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports as they are asked for: runtimeConfig.portMappings (CONVENTIONS.md of
 * containernetworking/cni). */
#ifndef BRIDGE_CNI_CONF_PORT_MAPPINGS_H
#define BRIDGE_CNI_CONF_PORT_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "error.h"

#define PORT_MAPPINGS_MAX 512 /* of a pod */

struct port_mapping {
	uint8_t protocol; /* IPPROTO_TCP, _UDP or _SCTP */
	uint32_t host_port, container_port; /* 1 to 65535 */
	struct ip_addr host_ip; /* family 0: all addresses; 0.0.0.0, ::: the family's */
	const char *protocol_text; /* as it was given; NULL: tcp */
};

struct port_mapping_list {
	struct port_mapping *items;
	size_t n;
};

struct port_conf {
	struct port_mapping_list mappings; /* owned */
	bool snat; /* masquerade what couldn't be answered otherwise */
	bool expected; /* pods of the network may have some (capabilities), or this one has */
};

struct json_doc;

/*
 * No two of the mappings overlap. Code 7 with the key's path; code 2 for the reference's keys
 * that have no meaning here, saying what replaces them.
 */
int port_mappings_read(const struct json_doc *doc, bool has_ipam,
		       struct port_conf *ret_ports, struct cni_error *err);

/* "tcp"; any case is read. -EINVAL. */
const char *port_protocol_name(uint8_t protocol);
int port_protocol_parse(const char *name, uint8_t *ret_protocol);

/* Does it map addresses of the node of this family? All of them, not one? */
bool port_mapping_is_for(const struct port_mapping *mapping, int family);
bool port_mapping_is_wild(const struct port_mapping *mapping);

/* Is it to be reached by 127.0.0.1? */
bool port_mapping_needs_localnet(const struct port_mapping *mapping);

#endif
