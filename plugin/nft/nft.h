/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam to libnftables, the only one: a ruleset as text, applied as one transaction.
 * libnftables is loaded at the first call, because most operations don't need it: reading
 * one's own rules back and single elements go by plugin/netlink/nf_tables.h. nft.c loads it, and uses it in a
 * child; nft_exec.c, of the static build, starts a program that does (nft_main.c).
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_NFT_H
#define BRIDGE_CNI_PLUGIN_NFT_NFT_H

#include "conf/base/error.h"

/*
 * @text: nft(8) commands, all or none carried out. Code 105 with libnftables' own words in
 * the details; the first error's message is in the message. 100 where memory is short, 5
 * where a process can't be started.
 */
int nft_apply(const char *text, struct cni_error *err);

#endif
