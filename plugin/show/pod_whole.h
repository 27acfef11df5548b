/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads all about one attachment: what the kernel has of it on the node and in the
 * pod, its record, and what a CHECK says. Nothing is changed, and no lock is taken. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_POD_WHOLE_H
#define BRIDGE_CNI_PLUGIN_SHOW_POD_WHOLE_H

#include "conf/json/json_write.h"
#include "network_facts.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link_counters.h"
#include "plugin/netlink/route.h"

enum check_outcome {
	CHECK_NOT_DONE, /* the message says why */
	CHECK_RIGHT,
	CHECK_DIFFERS, /* the message is the first difference */
};

struct pod_whole {
	const struct network_facts *facts; /* of its network; borrowed */
	/* As the network's facts have it, with its master, where only the pod tells. */
	struct shown_pod pod;
	struct link_counters host_counters; /* of the host's end */

	/* In the pod, where it could be looked at. */
	bool is_inside_seen;
	struct link inside; /* index 0: the pod has no such interface */
	struct link_counters inside_counters;
	struct addr_list addresses; /* of that interface */
	struct kernel_route_list routes; /* of the pod; an index is one in there */
	struct link_list links; /* in the pod: the names of these */

	struct stage_facts stages; /* lines alone */
	struct text elements; /* a line "FAMILY bridge_cni SET { ELEMENT }" for each */
	bool are_elements_seen;
	size_t connections;
	bool are_connections_seen;

	char *record_path; /* NULL: there is none */
	struct text record; /* its lines */

	enum check_outcome check;
	struct cni_error check_err;

	struct text unseen; /* a line for each thing that could not be seen */
};
void pod_whole_clear(struct pod_whole *whole);

/* Reads all of it; the operation of @facts->net is open. Code 100. */
int pod_whole_read(const struct network_facts *facts, const struct shown_pod *pod,
		   struct pod_whole *ret_whole, struct cni_error *err);

/* The name of an interface in the pod; "": there is none of that index. */
const char *pod_link_name(const struct pod_whole *whole, unsigned int index);

/* Adds an object, or a block, which pod_whole_json.c and pod_whole_text.c lay out. */
void pod_whole_json(struct json_writer *doc, const struct pod_whole *whole,
		    const char *file);
void pod_whole_text(struct text *text, const struct pod_whole *whole, bool colour);

#endif
