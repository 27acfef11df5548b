/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs `bridge-cni repair` when what pods' traffic needs has changed (fingerprint.h), and
 * now and then without a reason. Routes to other nodes are route_upkeep.h's.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_HEAL_H
#define BRIDGE_CNI_AGENT_NODE_HEAL_H

#include "deploy/agent/base/job.h"
#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "conflist.h"
#include "fingerprint.h"

#define HEAL_NOTICES 8 /* so many are known again */

/* The caller sets the first five fields, which it keeps, and the rest to 0. Times are by
 * now_ms(). */
struct heal {
	const struct options *options;
	const struct conflist *conflist;
	const struct log *log;
	struct netlink *rtnl, *nft;
	bool begun; /* the configuration is there, so there is something to look after */
	bool known; /* a repair has ended, be it in vain, after which ... */
	struct fingerprint last; /* ... the node had this fingerprint */
	struct fingerprint before; /* when the repair that is running was started */
	uint64_t vlans; /* fingerprint_vlans(), ... */
	bool vlans_known; /* ... and no interface has changed since */
	unsigned int closed_uplink; /* its index, once that was logged; 0: none */
	bool due; /* a repair is to be started ... */
	int64_t due_at; /* ... at this time */
	int64_t fingerprint_at; /* when the next fingerprint is taken */
	int64_t periodic_at; /* when the next repair without a reason is due */
	unsigned int failed; /* repairs in a row that have failed */
	uint64_t failure_told; /* hash of the output that was logged as an error last */
	uint64_t look_error; /* log_error_once(): of taking fingerprints */
	bool running; /* the job is a repair */
	uint64_t runs, failures; /* of repairs, since the start */
	uint64_t notices[HEAL_NOTICES]; /* hashes of those that were logged last */
	size_t notices_logged;
	uint64_t mended; /* lines in which repairs have told what they did */
	uint64_t differed[FINGERPRINT_PARTS]; /* how often each part did */
};

/* The configuration is there for the first time, or is another one: a repair is due. */
void heal_begin(struct heal *heal);

/* The kernel has told of an interface that was made, has ended or has another name. */
void heal_links_changed(struct heal *heal);

/* Takes a fingerprint when it is time for that; starts a repair in @job when one is due
 * and no job is running. */
void heal_tick(struct heal *heal, struct job *job);

/* A repair has ended, with this status and output (job_end()). @output is changed. */
void heal_ended(struct heal *heal, int status, char *output);

/* The agent ends: leaves to others what it would have kept right (hand_over.h). */
void heal_end(struct heal *heal);

/* When heal_tick() is to be called next, by now_ms(). While @job is running, whosever it
 * is, only fingerprints are taken. */
int64_t heal_next(const struct heal *heal, const struct job *job);

#endif
