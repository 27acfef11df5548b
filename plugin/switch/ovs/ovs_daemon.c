/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks ovs-vswitchd by the counters of its database. */
#include "ovs_daemon.h"

#include <errno.h>
#include <string.h>

#include "conf/base/clock.h"

int64_t ovs_daemon_deadline(void)
{
	return now_ms() + OVS_DAEMON_SECONDS * 1000;
}

void ovs_daemon_put_call(struct ovsdb_request *request)
{
	ovsdb_begin(request, "mutate", "Open_vSwitch");
	ovsdb_where_all(request);
	ovsdb_increment(request, "next_cfg");
	ovsdb_end(request);
}

static void put_select(struct ovsdb_request *request)
{
	static const char *const columns[] = {"next_cfg", "cur_cfg", NULL};

	ovsdb_begin(request, "select", "Open_vSwitch");
	ovsdb_where_all(request);
	ovsdb_columns(request, columns);
	ovsdb_end(request);
}

/* Carries out the transaction, the last operation of which is put_select(). Returns
 * OVSDB_REFUSED where it has waited in vain. */
static int progress_ask(struct ovsdb *db, struct ovsdb_request *request,
			struct ovs_progress *ret_progress, struct cni_error *err)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	size_t last = request->operations - 1;
	const struct json_value *row;
	int ret = ovsdb_transact(db, request, &reply, err);

	if (ret == OVSDB_REFUSED)
		return ovsdb_timed_out(&reply)
			       ? OVSDB_REFUSED
			       : ovsdb_refused_error(&reply, "a question", err);
	if (ret < 0)
		return ret;
	row = ovsdb_row(&reply, last, 0);
	if (!ovsdb_integer(row, "next_cfg", &ret_progress->next_cfg) ||
	    !ovsdb_integer(row, "cur_cfg", &ret_progress->cur_cfg))
		return error_set(err, CNI_ERR_TRY_AGAIN, ENOENT,
				 "Open vSwitch's database is empty: ovs-vswitchd has not "
				 "begun yet");
	return 0;
}

int ovs_daemon_progress(struct ovsdb *db, struct ovs_progress *ret_progress,
			struct cni_error *err)
{
	struct ovsdb_request request = {};

	put_select(&request);
	return progress_ask(db, &request, ret_progress, err);
}

/* Waits until cur_cfg is another one than @progress has, and puts that there. */
static int change_await(struct ovsdb *db, struct ovs_progress *progress,
			int64_t deadline_ms, struct cni_error *err)
{
	struct ovsdb_request request = {};
	int64_t left = deadline_ms - now_ms();
	int ret;

	ovsdb_begin_wait_number(&request, "Open_vSwitch", "cur_cfg", progress->cur_cfg,
				left > 0 ? left : 0);
	ovsdb_where_all(&request);
	ovsdb_end(&request);
	put_select(&request);
	ret = progress_ask(db, &request, progress, err);
	if (ret != OVSDB_REFUSED)
		return ret;
	return error_set(err, CNI_ERR_TRY_AGAIN, ETIMEDOUT,
			 "ovs-vswitchd does not answer within %d seconds; does it run?",
			 OVS_DAEMON_SECONDS);
}

int ovs_daemon_await(struct ovsdb *db, const struct ovs_progress *progress,
		     int64_t deadline_ms, struct cni_error *err)
{
	struct ovs_progress now = *progress;
	int ret = 0;

	/* Others call for more meanwhile, which need not be waited for. */
	while (ret == 0 && now.cur_cfg < progress->next_cfg)
		ret = change_await(db, &now, deadline_ms, err);
	return ret;
}

int ovs_daemon_ask(struct ovsdb *db, struct cni_error *err)
{
	int64_t deadline_ms = ovs_daemon_deadline();
	struct ovsdb_request request = {};
	struct ovs_progress progress;
	int ret;

	ovs_daemon_put_call(&request);
	put_select(&request);
	ret = progress_ask(db, &request, &progress, err);
	return ret < 0 ? ret : ovs_daemon_await(db, &progress, deadline_ms, err);
}
