/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does the API server answer? An answer is a head of status 200, or of 410, which says
 * that a list is needed; a refusal or a connection alone is none. Counts failures, says
 * them in the log, says when they are over, and how long to wait before the next request.
 * Which request that is, is the reflector's business.
 */
#ifndef BRIDGE_CNI_AGENT_API_CONTACT_H
#define BRIDGE_CNI_AGENT_API_CONTACT_H

#include <stdbool.h>

#include "deploy/agent/base/log.h"
#include "retry.h"

/* A list that brings nothing, or a watch that isn't answered, for so long has failed. */
#define CONTACT_STALL_SECONDS 30

enum contact_away {
	CONTACT_FINE,
	CONTACT_SILENT, /* the last request was not answered, or was refused */
	CONTACT_BROKEN, /* it was answered, and what came was of no use */
};

/* The fields are of contact.c alone. */
struct contact {
	const struct log *log;
	struct retry retry;
	enum contact_away away;
	int64_t heard; /* contact_heard_ms() */
	int64_t failing_since; /* when the first failure of the row began */
	/* The request that is under way. */
	int64_t started;
	int64_t answered; /* 0: not yet */
	bool is_first; /* it is the first one that is answered after failures */
};

/* @retry_max_ms: the longest pause. The log must outlive it. */
void contact_init(struct contact *contact, const struct log *log,
		  unsigned int retry_max_ms);

void contact_begin(struct contact *contact); /* a request */
void contact_head(struct contact *contact, long status); /* as HTTP has it */
void contact_bytes(struct contact *contact); /* of a body have come */

/* When the server last sent what it was asked for, by now_ms(); the time of
 * contact_init() where it never has. */
int64_t contact_heard_ms(const struct contact *contact);

/* Was the request answered, and has it gone on for seconds? A watch is refused sooner. */
bool contact_has_lasted(const struct contact *contact);

/* Has the server left the request without an answer for CONTACT_STALL_SECONDS? */
bool contact_is_overdue(const struct contact *contact);

/* A list is whole: where requests had failed, the log says that the server answers again.
 * The pauses stay as long as they are: a server may give lists, and refuse each watch. */
void contact_whole(struct contact *contact);

/* A watch goes on, or has brought an event: the same, and all failures are forgotten. */
void contact_good(struct contact *contact);

/*
 * The request has failed. Writes @msg with the error, which is cleared: of level info
 * while failures are some seconds old, as when a node is new or the server is started
 * anew, then of level error. @too_old: the answer was 410. @wished_seconds as of
 * retry_next_ms(). Returns the pause before the next request, in milliseconds.
 */
unsigned int contact_failed(struct contact *contact, const char *msg,
			    struct cni_error *err, bool too_old, int64_t wished_seconds);

#endif
