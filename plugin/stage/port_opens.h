/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stage that opens a pod's port, for the stages whose messages port.c sends along. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORT_OPENS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORT_OPENS_H

#include "ipam/ipam.h"
#include "plugin/attachment/attachment.h"

/* Does the stage `port` open it? With another IPAM plugin spoofcheck.c does, before the
 * addresses are known. */
static inline bool port_opens(const struct attachment *att)
{
	return (att->pod->mac_spoof_check || att->quiet) && !ipam_delegated(att->network);
}

#endif
