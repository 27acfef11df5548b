/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says whether a name that somebody has typed is one of an attachment or a network. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_NAMES_H
#define BRIDGE_CNI_PLUGIN_SHOW_NAMES_H

#include "network_facts.h"

/* A prefix length, as ip(8) prints it, makes no difference. */
bool name_is_address(const char *name, const struct ip_addr *ip);

/* @link may be NULL. */
bool name_is_mac(const char *name, const struct link *link);

/* Is it the beginning of a container ID, and long enough to be meant for one? */
bool name_begins_id(const char *name, const char *container_id);

/* Does the name name the attachment, whichever kind of name it is: the pod's, with its
 * namespace or without, an address, an interface, or the container ID? */
bool shown_pod_has_name(const struct shown_pod *pod, const char *name);

#endif
