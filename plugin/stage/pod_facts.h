/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts that a pod's elements in sets and maps follow from: either what its
 * attachment is to have, or what its record says that it has.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_POD_FACTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_POD_FACTS_H

#include "ipam/store/record.h"
#include "plugin/attachment/attachment.h"

/* Borrows from the attachment or the record. */
struct pod_facts {
	char host_ifname[IF_NAMESIZE];
	const char *label; /* the pod's name, or the container ID, for people */
	struct mac_addr mac;
	bool mac_spoof_check;
	enum record_answer spoof_check; /* a record may not tell */
	const struct port_mapping_list *ports;
	bool masq_all;

	/* The first address of each family, to which ports lead; family 0: none. */
	struct ip_prefix addresses[IP_FAMILIES];
	/* All addresses, of either. */
	const struct ip_config *given;
	const struct record_address *recorded;
	size_t n;
};

void pod_facts_of_attachment(const struct attachment *att, struct pod_facts *ret_pod);
void pod_facts_of_record(const struct record *record, struct pod_facts *ret_pod);

/* The facts of what the attachment holds. False: it has no record that tells. */
bool pod_facts_held(const struct attachment *att, struct pod_facts *ret_pod);

/* Returns number @i of the @pod->n addresses. */
const struct ip_prefix *pod_facts_address(const struct pod_facts *pod, size_t i);

#endif
