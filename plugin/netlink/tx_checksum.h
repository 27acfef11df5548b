/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a link may leave checksums of what it sends to whoever gets it (ethtool(8),
 * tx-checksumming). Both functions work in the network namespace that the thread is in. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_TX_CHECKSUM_H
#define BRIDGE_CNI_PLUGIN_NETLINK_TX_CHECKSUM_H

#include <stdbool.h>

#include "conf/base/error.h"

/* Has the kernel fill in all checksums itself. Code 101. */
int tx_checksum_off(const char *ifname, struct cni_error *err);

/* Are they left to others? Code 101. */
int tx_checksum_get(const char *ifname, bool *ret_on, struct cni_error *err);

#endif
