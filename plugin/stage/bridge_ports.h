/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look at all ports of a bridge, for whoever may take that time. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_PORTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_PORTS_H

#include "plugin/attachment/attachment.h"

/* The name of a port of each kind; "": there is none. */
struct bridge_ports {
	char other[IF_NAMESIZE]; /* neither a pod's nor a VLAN's gateway's */
	/* A pod's, of whatever network and plugin: bridged or, by its record, routed. */
	char bridged[IF_NAMESIZE], routed[IF_NAMESIZE];
	/* A pod's that is isolated, so it may be either, and whose record isn't in the
	 * store of @att's network. */
	char unknown[IF_NAMESIZE];
};

/* Looks at the ports of the bridge @bridge. Records are read only of isolated ports, and
 * until it is known of one pod whether it is routed. Code 101. */
int bridge_ports_look(struct attachment *att, unsigned int bridge,
		      struct bridge_ports *ret_ports, struct cni_error *err);

#endif
