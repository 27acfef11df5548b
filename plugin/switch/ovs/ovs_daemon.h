/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far ovs-vswitchd has come with the database. next_cfg counts the configurations that
 * somebody wants to see in use; ovs-vswitchd writes into cur_cfg which of them it has taken
 * over. See ovs-vswitchd.conf.db(5), table Open_vSwitch.
 *
 * All functions fail as ovsdb.h says, and with code 11 where ovs-vswitchd hasn't begun yet.
 */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVS_DAEMON_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVS_DAEMON_H

#include "ovsdb.h"

#define OVS_DAEMON_SECONDS 5 /* ovs-vswitchd may take to answer, or to make a port */

/* When ovs-vswitchd is waited for no longer, by now_ms(), if it begins now. */
int64_t ovs_daemon_deadline(void);

/* Adds an operation to a transaction that changes something, by which others can see when
 * ovs-vswitchd has taken the change over. */
void ovs_daemon_put_call(struct ovsdb_request *request);

struct ovs_progress {
	int64_t next_cfg, cur_cfg;
};
static inline bool ovs_progress_is_done(const struct ovs_progress *progress)
{
	return progress->cur_cfg >= progress->next_cfg;
}

/* Asks which changes were called for so far, and which of them are taken over. */
int ovs_daemon_progress(struct ovsdb *db, struct ovs_progress *ret_progress,
			struct cni_error *err);

/* Waits until ovs-vswitchd has taken over what @progress says was called for. Code 11: it
 * hasn't by @deadline_ms. */
int ovs_daemon_await(struct ovsdb *db, const struct ovs_progress *progress,
		     int64_t deadline_ms, struct cni_error *err);

/* Asks ovs-vswitchd for a sign of life, by the database. Code 11: there is none within
 * OVS_DAEMON_SECONDS. */
int ovs_daemon_ask(struct ovsdb *db, struct cni_error *err);

#endif
