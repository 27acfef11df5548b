/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to Open vSwitch's database (ovsdb-server) by its UNIX socket: transactions in
 * JSON-RPC 1.0, RFC 7047. Every wait ends. An answer is bounded in size and in time.
 *
 * Nobody may answer because Open vSwitch isn't running, or is being started again: that is
 * code 11. Other than that it is code 101.
 */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_H

#include "conf/base/error.h"
#include "ovsdb_reply.h"
#include "ovsdb_request.h"
#include "ovsdb_stream.h"

#define OVSDB_SOCKET "/var/run/openvswitch/db.sock"

/* How long the server may take for an answer, apart from what a `wait` of the transaction
 * asks it to wait. */
#define OVSDB_ANSWER_MS 3000

/* Answers to nothing, or echo requests, between a request and its answer. */
#define OVSDB_OTHERS_MAX 64

struct ovsdb {
	int fd;
	const char *path; /* borrowed */
	int64_t last_id;
	struct ovsdb_stream stream;
	bool *is_silent; /* set where nobody answers in time; borrowed; may be NULL */
};
#define OVSDB_CLOSED ((struct ovsdb){.fd = -1})

/* Connects to the socket at @path, borrowed. @is_silent: says that nobody has answered in time
 * before, in which case nobody is waited for again, and is told so; NULL: each connection
 * waits for itself. Code 7: the path is too long. */
int ovsdb_open(const char *path, bool *is_silent, struct ovsdb *ret_db,
	       struct cni_error *err);
void ovsdb_close(struct ovsdb *db);

/* Says, for ovsdb_transact(), that an operation was refused, and why is in @ret_reply. */
#define OVSDB_REFUSED 1

/*
 * Carries out the transaction. @request is empty afterwards. Returns 0 or OVSDB_REFUSED,
 * and the caller clears the reply. After an error the connection has to be closed.
 */
int ovsdb_transact(struct ovsdb *db, struct ovsdb_request *request,
		   struct ovsdb_reply *ret_reply, struct cni_error *err);

/* Sets code 101 of a reply with which ovsdb_transact() has returned OVSDB_REFUSED: "@what:
 * Open vSwitch's database says ...". */
int ovsdb_refused_error(const struct ovsdb_reply *reply, const char *what,
			struct cni_error *err);

#endif
