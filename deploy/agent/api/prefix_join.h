/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes that lie in each other or side by side become one. */
#ifndef BRIDGE_CNI_AGENT_API_PREFIX_JOIN_H
#define BRIDGE_CNI_AGENT_API_PREFIX_JOIN_H

#include "conf/network.h"

/* Makes the prefixes of the list as few as cover exactly what they cover, sorted by address. */
void prefix_join(struct prefix_list *list);

#endif
