/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where libnftables is used: it applies a ruleset, given as text, in one
 * transaction, or prints one for people. The library is loaded at the first call, because most operations don't
 * need it: plugin/netlink/nf_tables.h reads our rules back, and adds and deletes single
 * elements. nft.c loads the library and uses it in a child process. In the static build
 * nft_exec.c starts a program that does so (nft_main.c).
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_NFT_H
#define BRIDGE_CNI_PLUGIN_NFT_NFT_H

#include "conf/base/error.h"

/*
 * Carries out all commands of nft(8) in @text, or none. Another process does it, which keeps @lock, a
 * descriptor, until it ends: who has this one's locks by it has them until nothing is written any more, also
 * where this process is killed. -1: there is no lock. Code 105 where nftables refuses
 * (the message has the first error's text, the details have what else libnftables said),
 * or where libnftables can't be loaded or doesn't come to an end. Code 100 where memory
 * is short, 5 where no process can be started.
 */
int nft_apply(const char *text, int lock, struct cni_error *err);

/* Carries out commands that print something, and gives that: rules with their handles, and
 * without counts. The caller frees it. Errors as nft_apply(). */
int nft_print(const char *text, char **ret_output, struct cni_error *err);

/* The argument with which the program of nft_main.c prints. */
#define NFT_PROGRAM_PRINTS "print"

/* Looks whether all is there that nft_apply() needs of the file system. Nothing is asked
 * of nftables. Code 105. */
int nft_look_up(struct cni_error *err);

#endif
