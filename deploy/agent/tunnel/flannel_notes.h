/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The annotations of a Node by which the nodes of flannel's backend vxlan find each other
 * (flannel 0.28, pkg/subnet/kube, pkg/backend/vxlan), as plain data. Whether what they
 * say is used is flannel_peers.h's business.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_FLANNEL_NOTES_H
#define BRIDGE_CNI_AGENT_TUNNEL_FLANNEL_NOTES_H

#include "conf/base/addr.h"
#include "deploy/agent/base/dns_name.h"

/* The annotations. Those of IPv4 are followed by those of IPv6. */
enum flannel_note {
	FLANNEL_MANAGED,
	FLANNEL_TYPE,
	FLANNEL_DATA,
	FLANNEL_DATA_6,
	FLANNEL_PUBLIC,
	FLANNEL_PUBLIC_6,
	FLANNEL_OVERWRITE,
	FLANNEL_OVERWRITE_6,
	FLANNEL_NOTES, /* how many there are */
};

#define FLANNEL_NAME_MAX (DNS_SUBDOMAIN_MAX + 32) /* bytes, with the NUL */

/* Their names, with the prefix that flannel was given. */
struct flannel_names {
	char text[FLANNEL_NOTES][FLANNEL_NAME_MAX];
};

/* @prefix: a DNS subdomain and a "/". */
void flannel_names_set(struct flannel_names *names, const char *prefix);

/* Why an annotation can't be used. */
enum flannel_fault {
	FLANNEL_FINE,
	FLANNEL_MISSING,
	FLANNEL_NOT_VXLAN,
	FLANNEL_NO_DATA, /* it isn't what flannel writes */
	FLANNEL_NO_ADDRESS, /* not an address of its family */
	/* Found by flannel_peers.h. */
	FLANNEL_OTHER_VNI,
	FLANNEL_UNUSABLE_ADDRESS, /* no host has it */
	FLANNEL_OWN_ADDRESS, /* this node has it */
	FLANNEL_ADDRESS_OF_PODS, /* it is in a podCIDR */
	FLANNEL_ADDRESS_OF_NODE, /* it is an InternalIP of another Node */
	FLANNEL_SHARED_ADDRESS, /* another Node has the same in its annotation */
	FLANNEL_MAC_OF_NODE, /* the device of another node has this MAC address */
	FLANNEL_SHARED_MAC, /* another Node has the same in its annotation */
	FLANNEL_FAULTS, /* how many there are */
};
/* For the log. */
extern const char *const flannel_fault_texts[FLANNEL_FAULTS];

/* The annotations that a Node has for one family, read. */
struct flannel_side {
	bool there; /* flannel has that family there; else nothing else is set */
	enum flannel_fault fault;
	enum flannel_note at; /* the annotation that has the fault, or else the address */
	/* Set with FLANNEL_FINE alone. */
	uint32_t vni;
	struct mac_addr mac; /* of its device; unicast */
	struct ip_addr addr; /* that its packets are to be sent to */
};

struct flannel_notes {
	struct flannel_side sides[IP_FAMILIES];
};

/*
 * Reads the texts of a Node's annotations; NULL: it has none of that name. As for
 * flannel, a Node without "true" in FLANNEL_MANAGED isn't flannel's, and has no side.
 * False: so it is. That there isn't enough memory counts as a fault.
 */
bool flannel_notes_read(const char *const texts[FLANNEL_NOTES],
			struct flannel_notes *ret_notes);

#define FLANNEL_DATA_MAX 64 /* bytes of the text, with the NUL */

/* Writes what FLANNEL_DATA, or FLANNEL_DATA_6, says. */
void flannel_data_write(uint32_t vni, const struct mac_addr *mac,
			char ret_text[FLANNEL_DATA_MAX]);

#endif
