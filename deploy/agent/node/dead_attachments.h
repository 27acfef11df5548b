/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds dead attachments. There is a record of such an attachment, but neither its
 * interface on the node nor its namespace is there any more: its runtime never sent a
 * DEL.
 *
 * That a namespace is gone is believed only if the namespace of a live attachment is seen
 * in the same directory. In a container into which /run/netns isn't propagated, plain
 * files are seen there, or nothing, and every attachment would look dead.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_DEAD_ATTACHMENTS_H
#define BRIDGE_CNI_AGENT_NODE_DEAD_ATTACHMENTS_H

#include "network_names.h"
#include "ipam/ipam.h"

/*
 * Finds the dead attachments on the configuration's bridge. The caller clears @ret_dead,
 * which has their names. @ret_refused: how many more look dead where no namespace of a
 * live one is seen. Codes 5, 100, 101.
 */
int dead_attachments_find(const struct network_names *names,
			  struct ipam_holder_list *ret_dead, size_t *ret_refused,
			  struct cni_error *err);

/* Is the attachment, found a while ago, still dead? A live one may have its names by now.
 * False where that can't be told, too. */
bool dead_attachments_confirm(const struct network_names *names,
			      const struct ipam_holder *holder);

#endif
