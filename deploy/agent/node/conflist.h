/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node's network configuration list: it is made, validated, and put into the
 * runtime's directory. conflist_text.h has what it says.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_CONFLIST_H
#define BRIDGE_CNI_AGENT_NODE_CONFLIST_H

#include "conf/base/notices.h"
#include "conflist_text.h"
#include "network_names.h"

struct conflist {
	char *text; /* of the file; NULL: there is no configuration yet */
	char *plugin; /* the plugin's configuration, as a runtime hands it over */
	struct network_names names;
	struct conflist_kept kept;
	/* By family: the subnet of the addresses for pods (family 0: none), the gateway's
	 * address with that subnet's length, and how many addresses there are without it;
	 * as many as can't be counted are UINT64_MAX. */
	struct ip_prefix subnets[IP_FAMILIES], gateways[IP_FAMILIES];
	uint64_t capacity[IP_FAMILIES];
	char gateway_ifname[IF_NAMESIZE]; /* that has the gateways; "": not isGateway */
	bool fast_path, isolate; /* the keys */
};
void conflist_clear(struct conflist *list);

/* Outcomes other than 0 and an error. */
#define CONFLIST_WRITTEN 1 /* of conflist_install() */
#define CONFLIST_ABSENT	 1 /* of conflist_load() */

/*
 * Makes the list. It is read again and validated as bridge-cni will; what bridge-cni
 * would refuse must not reach a runtime. Keys that have no effect are reported to
 * @notices, which may be NULL. The caller clears @ret_list. Codes 6, 7, 100.
 */
int conflist_make(const struct conflist_spec *spec, struct notices *notices,
		  struct conflist *ret_list, struct cni_error *err);

/* Makes a list that takes no new pods of one that was loaded; conflist_make() makes such
 * a list by itself where --uninstall is set. The list stays as it is after an error.
 * Codes 6, 7, 100. */
int conflist_drain(struct conflist *list, struct cni_error *err);

/*
 * Sees to it that the file @name in @dir has the list's text. CONFLIST_WRITTEN: it had
 * another or none, 0: it had it already. Code 5. Where it had another text, *@ret_former
 * is that text, which the caller frees; else it is NULL. It is set after an error, too.
 */
int conflist_install(const char *dir, const char *name, const struct conflist *list,
		     char **ret_former, struct cni_error *err);

/* Reads the list that an earlier agent wrote to the file @name in @dir. The caller clears
 * @ret_list. CONFLIST_ABSENT: there is no file, or it has the text of conflist_drained().
 * Codes 5, 6, 7, 100. */
int conflist_load(const char *dir, const char *name, struct conflist *ret_list,
		  struct cni_error *err);

#endif
