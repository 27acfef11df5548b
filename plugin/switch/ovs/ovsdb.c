/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends one request at a time, and reads until its answer. */
#include "ovsdb.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "conf/base/clock.h"
#include "conf/json/json_doc.h"

#define READ_MAX 16384 /* bytes at a time */

static int unreachable(const struct ovsdb *db, int errnum, const char *what,
		       struct cni_error *err)
{
	int ret = error_errno(err, CNI_ERR_TRY_AGAIN, errnum, "%s %s", what, db->path);

	error_details(err, "ovsdb-server of Open vSwitch has to listen there; the key "
			   "socket_file names another socket");
	return ret;
}

/* The socket is there, but is not answered. */
static int unanswered(const struct ovsdb *db, struct cni_error *err)
{
	if (db->is_silent)
		*db->is_silent = true;
	return unreachable(db, ETIMEDOUT, "Open vSwitch's database does not answer at",
			   err);
}

static int lost(const struct ovsdb *db, int errnum, struct cni_error *err)
{
	return unreachable(db, errnum,
			   "the connection to Open vSwitch's database was lost at", err);
}

int ovsdb_open(const char *path, bool *is_silent, struct ovsdb *ret_db,
	       struct cni_error *err)
{
	/* Where too many wait to be accepted, connect() waits as long as a send may. */
	static const struct timeval patience = {.tv_sec = OVSDB_ANSWER_MS / 1000};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	_cleanup_(close_p) int fd = -1;
	struct ovsdb db = {.path = path, .fd = -1, .is_silent = is_silent};

	if (strlen(path) >= sizeof(to.sun_path))
		return error_set(err, CNI_ERR_CONFIG, ENAMETOOLONG,
				 "socket_file: expected a path of at most %zu bytes, got "
				 "%s",
				 sizeof(to.sun_path) - 1, path);
	if (is_silent && *is_silent)
		return unanswered(&db, err);
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "making a socket for Open vSwitch's database");
	while (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno == EAGAIN)
			return unanswered(&db, err);
		if (errno != EINTR)
			return unreachable(&db, errno,
					   "no connection to Open vSwitch's database at",
					   err);
	}
	db.fd = TAKE_FD(fd);
	*ret_db = db;
	return 0;
}

void ovsdb_close(struct ovsdb *db)
{
	close_p(&db->fd);
	db->fd = -1;
	ovsdb_stream_clear(&db->stream);
}

/* Waits until the socket is ready. -ETIMEDOUT: the time is over. */
static int await(const struct ovsdb *db, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = db->fd, .events = events};
	int ret;

	do {
		int64_t left = deadline_ms - now_ms();

		ret = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return -ETIMEDOUT;
	return ret < 0 ? -errno : 0;
}

static int send_all(struct ovsdb *db, const char *text, int64_t deadline_ms,
		    struct cni_error *err)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = send(db->fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret;

		if (n >= 0) {
			text += n;
			left -= n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return lost(db, errno, err);
		ret = await(db, POLLOUT, deadline_ms);
		if (ret == -ETIMEDOUT)
			return unanswered(db, err);
		if (ret < 0)
			return lost(db, -ret, err);
	}
	return 0;
}

/* Receives some bytes. */
static int receive(struct ovsdb *db, int64_t deadline_ms, struct cni_error *err)
{
	char bytes[READ_MAX];
	ssize_t n = 0;
	int ret = await(db, POLLIN, deadline_ms);

	if (ret == -ETIMEDOUT)
		return unanswered(db, err);
	if (ret == 0)
		n = recv(db->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (ret < 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return lost(db, ret < 0 ? -ret : errno, err);
	if (n < 0)
		return 0;
	if (n == 0)
		return lost(db, ECONNRESET, err);
	ret = ovsdb_stream_push(&db->stream, bytes, n);
	if (ret == -ENOMEM)
		return error_oom(err);
	return ret == 0 ? 0
			: error_set(err, CNI_ERR_KERNEL, -ret,
				    "Open vSwitch's database at %s sends a message of "
				    "more than %d bytes",
				    db->path, OVSDB_MESSAGE_MAX);
}

/* Reads the next message. */
static int next_message(struct ovsdb *db, int64_t deadline_ms,
			struct ovsdb_message *ret_message, struct cni_error *err)
{
	size_t len;
	int ret;

	while ((ret = ovsdb_stream_find(&db->stream, &len)) == -EAGAIN) {
		ret = receive(db, deadline_ms, err);
		if (ret < 0)
			return ret;
	}
	if (ret < 0)
		return error_set(err, CNI_ERR_KERNEL, -ret,
				 "what answers at %s is no database of Open vSwitch",
				 db->path);
	ret = ovsdb_message_read(db->stream.bytes.text, len, db->last_id, ret_message,
				 err);
	ovsdb_stream_take(&db->stream, len);
	return ret;
}

static int echo(struct ovsdb *db, const struct ovsdb_message *message,
		int64_t deadline_ms, struct cni_error *err)
{
	_cleanup_(free_p) char *text = ovsdb_echo_answer(message);

	return text ? send_all(db, text, deadline_ms, err) : error_oom(err);
}

/* Reads up to the answer to the last request. */
static int answer_await(struct ovsdb *db, size_t operations, int64_t deadline_ms,
			struct ovsdb_reply *ret_reply, struct cni_error *err)
{
	for (unsigned int i = 0; i < OVSDB_OTHERS_MAX; i++) {
		_cleanup_(ovsdb_message_clear) struct ovsdb_message message = {};
		int ret = next_message(db, deadline_ms, &message, err);

		if (ret == 0 && message.kind == OVSDB_ANSWER)
			return ovsdb_reply_read(&message, operations, ret_reply, err);
		if (ret == 0 && message.kind == OVSDB_ECHO)
			ret = echo(db, &message, deadline_ms, err);
		if (ret < 0)
			return ret;
	}
	return error_set(err, CNI_ERR_KERNEL, EPROTO,
			 "Open vSwitch's database at %s sends messages that nobody asked "
			 "for instead of an answer",
			 db->path);
}

int ovsdb_transact(struct ovsdb *db, struct ovsdb_request *request,
		   struct ovsdb_reply *ret_reply, struct cni_error *err)
{
	int64_t deadline_ms = now_ms() + OVSDB_ANSWER_MS + request->wait_ms;
	size_t operations = request->operations;
	_cleanup_(free_p) char *text = ovsdb_request_text(request, ++db->last_id);
	int ret;

	if (!text)
		return error_oom(err);
	ret = send_all(db, text, deadline_ms, err);
	if (ret == 0)
		ret = answer_await(db, operations, deadline_ms, ret_reply, err);
	if (ret < 0)
		return ret;
	return ret_reply->error ? OVSDB_REFUSED : 0;
}

int ovsdb_refused_error(const struct ovsdb_reply *reply, const char *what,
			struct cni_error *err)
{
	const char *details = reply->details ? reply->details : "";

	return error_set(err, CNI_ERR_KERNEL, EPROTO,
			 "%s: Open vSwitch's database says %s%s%s", what, reply->error,
			 *details ? ": " : "", details);
}
