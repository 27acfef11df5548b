/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that run a rule's expressions: the registers that the kernel would have.
 * What a register has is known, or it isn't; a comparison with what isn't known is
 * unsure. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MACHINE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MACHINE_H

#include <arpa/inet.h>

#include "attr.h"
#include "chain_walk.h"
#include "nf_tables_set_answer.h"
#include "packet.h"

#define REGISTER_SIZE 4 /* bytes; the names of 16 bytes stand for four of them */
#define REGISTERS     20 /* in units of four bytes: the first four are the verdict's */

struct machine {
	const struct packet *packet;
	const struct rule_place *place;
	uint8_t bytes[REGISTERS * REGISTER_SIZE];
	uint8_t known[REGISTERS * REGISTER_SIZE]; /* enum known */
	bool differs; /* a comparison has failed: the rule doesn't match */
	struct rule_judged judged;
};

/* Where a register begins; the verdict's for a number that no register has. */
size_t register_at(uint32_t number);

/* As many of @len bytes as there are from @at on. */
size_t register_room(size_t at, size_t len);

/* @known NULL: all of @bytes are KNOWN. */
void register_load(struct machine *machine, uint32_t number, const void *bytes,
		   const uint8_t *known, size_t len);

/* Makes a register's content unknown: it differs from packet to packet. */
void register_load_unknown(struct machine *machine, uint32_t number);

/* The least that is known of any of the bytes. */
enum known register_known(const struct machine *machine, size_t at, size_t len);

/* Whether the rule matches hangs on what differs from packet to packet. */
static inline void unjudged(struct machine *machine)
{
	machine->judged.unsure = machine->judged.of_some = true;
}

/* Takes a verdict as the kernel codes it, and the chain that it leads to, or NULL. */
void verdict_set(struct machine *machine, int32_t code, const char *chain);

/* nf_tables_load.c: expressions that load what a packet has. */
void meta_run(struct machine *machine, struct nlattr **attrs);
void fib_run(struct machine *machine, struct nlattr **attrs);
void ct_run(struct machine *machine, struct nlattr **attrs);
void payload_run(struct machine *machine, struct nlattr **attrs);

/* nf_tables_set_match.c: sets, and maps of verdicts or of values for a register. */
void lookup_run(struct machine *machine, struct nlattr **attrs);

#endif
