/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to generic netlink's family "wireguard", of libnl-genl-3, for
 * wireguard_link.c alone, which knows what is in the messages. Errors are the kernel's
 * errno, and nothing of a private key is left in memory that was freed. See
 * linux/wireguard.h.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_GENL_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_GENL_H

#include <stdint.h>

#include "conf/base/error.h"

struct nl_msg;
struct nlattr;
struct wireguard_genl;

/*
 * Connects to the network namespace that the calling thread is in. Code 101, also where
 * the kernel has no WireGuard; then the error names the module. A connection is not to be
 * used any more after an error of the functions below, as an answer may still be under
 * way.
 */
int wireguard_genl_open(struct wireguard_genl **ret_genl, struct cni_error *err);
void wireguard_genl_close(struct wireguard_genl *genl);
static inline void wireguard_genl_closep(struct wireguard_genl **genl)
{
	wireguard_genl_close(*genl);
}

/* Begins a message of @command, WG_CMD_…, about the link with this index. The caller
 * frees it. NULL: memory ran out. */
struct nl_msg *wireguard_genl_begin(const struct wireguard_genl *genl, uint8_t command,
				    unsigned int index);

/* Frees a message that may have a private key in it, and overwrites it before; NULL is
 * none. */
void wireguard_genl_free(struct nl_msg *msg);

/* Sends the message and waits until the kernel has carried it out. @what: what it was to
 * do, as an error begins. Returns -errno as the kernel has it, and code 101. */
int wireguard_genl_change(struct wireguard_genl *genl, struct nl_msg *msg,
			  const char *what, struct cni_error *err);

/* Is called for each message of a dump with its attributes WGDEVICE_A_…; @attrs is NULL
 * before the first one, and when the dump begins again: then forget what came before.
 * Returns 0, or -errno to stop. */
typedef int (*wireguard_genl_fn)(struct nlattr *const *attrs, void *data);

/* Asks for all that the kernel has on the link with this index. A dump that a change
 * interrupted starts again. -errno with code 101; code 11 where it is interrupted again
 * and again. */
int wireguard_genl_dump(struct wireguard_genl *genl, unsigned int index,
			wireguard_genl_fn fn, void *data, const char *what,
			struct cni_error *err);

#endif
