/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client of Open vSwitch's database, with a server that says what a test wants it to
 * say. */
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "conf/base/clock.h"
#include "plugin/switch/ovs/ovs_port.h"

#define UUID "0f2dd0e1-3cf3-4c5f-8d41-b0b19a3a4f3d"

struct server {
	pid_t pid;
	char path[PATH_MAX];
};

/* Reads up to a request's last bytes, "}\n". */
static void request_await(int fd)
{
	char text[65536];
	size_t len = 0;

	while (len < 2 || memcmp(text + len - 2, "}\n", 2) != 0) {
		ssize_t n = read(fd, text + len, sizeof(text) - len);

		if (n <= 0)
			_exit(2);
		len += n;
	}
}

static void text_await(int fd, const char *text)
{
	char bytes[256] = {};

	for (size_t len = 0; len < strlen(text); len++)
		if (read(fd, bytes + len, 1) != 1 || bytes[len] != text[len])
			_exit(3);
}

/* Sends the text byte by byte. A client that refuses it may close before its last byte. */
static void text_send(int fd, const char *text)
{
	for (; *text; text++)
		if (send(fd, text, 1, MSG_NOSIGNAL) != 1) {
			if (errno != EPIPE)
				_exit(4);
			return;
		}
}

/* Sends the text again and again until the client has closed: many of it in each message,
 * as the client's limit of time isn't what ends this. */
static void endless_send(int fd, const char *text)
{
	char many[65536];
	size_t len = 0;

	for (size_t part = strlen(text); len + part <= sizeof(many); len += part)
		memcpy(many + len, text, part);
	while (send(fd, many, len, MSG_NOSIGNAL) > 0)
		;
	_exit(0);
}

/* Plays a script: "<" waits for a request, "<text" for that text, ">text" sends it byte by
 * byte, "!" sends without an end, "." closes the connection; at the end it says nothing
 * more. */
static void play(int fd, const char *const *script)
{
	for (; *script; script++) {
		const char *text = *script + 1;

		if (**script == '<' && *text)
			text_await(fd, text);
		else if (**script == '<')
			request_await(fd);
		else if (**script == '.')
			_exit(0);
		else if (**script == '>')
			text_send(fd, text);
		else if (**script == '!')
			endless_send(fd, text);
	}
	pause();
}

static struct server serve(const char *dir, const char *const *script)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct server server = {};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(server.path, sizeof(server.path), "%s/db.sock", dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", server.path);
	unlink(server.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0)
		play(accept(fd, NULL, NULL), script);
	close(fd);
	return server;
}

/* @status: with which the server ended by itself; -1: it still waits for somebody. */
static void server_end(const struct server *server, int status)
{
	int found;

	if (status < 0)
		kill(server->pid, SIGKILL);
	assert_int_equal(waitpid(server->pid, &found, 0), server->pid);
	if (status < 0)
		assert_true(WIFSIGNALED(found));
	else
		assert_int_equal(WEXITSTATUS(found), status);
}

/* Asks about the bridge br0. */
static int ask(const struct server *server, struct ovs_bridge *ret_bridge,
	       struct cni_error *err)
{
	struct ovsdb db = OVSDB_CLOSED;
	int ret = ovsdb_open(server->path, NULL, &db, err);

	if (ret == 0)
		ret = ovs_bridge_find(&db, "br0", ret_bridge, err);
	ovsdb_close(&db);
	return ret;
}

static void an_answer_may_come_in_any_pieces_behind_an_echo_request(void **state)
{
	struct server server = serve(
		*state,
		(const char *const[]){
			"<",
			"> {\"method\":\"echo\",\"params\":[\"}{\\\"\"],\"id\":\"e\"}\n",
			"<{\"id\":\"e\",\"result\":[\"}{\\\"\"],\"error\":null}",
			">{\"method\":\"update\",\"params\":[],\"id\":null}",
			">{\"id\":7,\"error\":null,\"result\":[]}",
			">{\"id\":1,\"error\":null,\"result\":[{\"rows\":[{"
			"\"datapath_type\":\"netdev\",\"fail_mode\":[\"set\",[]],"
			"\"controller\":[\"uuid\",\"" UUID "\"]}]}]}",
			".", NULL});
	struct ovs_bridge bridge = {};
	struct cni_error err = {};

	assert_int_equal(ask(&server, &bridge, &err), 0);
	assert_true(bridge.is_there && bridge.in_user_space);
	assert_true(!bridge.is_secure && bridge.has_controller);
	ovs_bridge_clear(&bridge);
	server_end(&server, 0);
}

static void refused_with(void **state, const char *answer, int code, const char *part)
{
	struct server server = serve(*state, (const char *const[]){"<", answer, NULL});
	struct ovs_bridge bridge = {};
	struct cni_error err = {};

	assert_true(ask(&server, &bridge, &err) < 0);
	assert_error(&err, code, part);
	assert_null(bridge.reply.doc);
	server_end(&server, -1);
}

static void what_is_no_answer_is_refused(void **state)
{
	refused_with(state, ">HTTP/1.0 400", CNI_ERR_KERNEL,
		     "no database of Open vSwitch");
	refused_with(state, ">[]", CNI_ERR_KERNEL, "no database of Open vSwitch");
	refused_with(state, ">{\"id\":1,}", CNI_ERR_KERNEL, "the answer of Open vSwitch");
	refused_with(state, ">{\"id\":1,\"result\":[],\"error\":null}", CNI_ERR_KERNEL,
		     "has answered 0 of 1 operations");
	refused_with(state,
		     ">{\"id\":1,\"result\":null,\"error\":{\"error\":\"unknown\"}}",
		     CNI_ERR_KERNEL, "has refused the request: {\"error\":\"unknown\"}");
	refused_with(state,
		     ">{\"id\":1,\"result\":[{\"error\":\"constraint "
		     "violation\",\"details\":\"why\"}],\"error\":null}",
		     CNI_ERR_KERNEL, "says constraint violation: why");
}

static void an_endless_answer_is_refused(void **state)
{
	struct server server =
		serve(*state,
		      (const char *const[]){"<", ">{\"", "!xxxxxxxxxxxxxxxxxxxxx", NULL});
	struct ovs_bridge bridge = {};
	struct cni_error err = {};

	assert_true(ask(&server, &bridge, &err) < 0);
	assert_error(&err, CNI_ERR_KERNEL, "a message of more than");
	server_end(&server, 0);
}

static void messages_without_end_are_refused(void **state)
{
	struct server server = serve(
		*state, (const char *const[]){
				"<", "!{\"id\":9,\"result\":[],\"error\":null}", NULL});
	struct ovs_bridge bridge = {};
	struct cni_error err = {};

	assert_true(ask(&server, &bridge, &err) < 0);
	assert_error(&err, CNI_ERR_KERNEL, "nobody asked for");
	server_end(&server, 0);
}

static void a_database_that_is_not_there_is_tried_again(void **state)
{
	struct ovsdb db = OVSDB_CLOSED;
	struct cni_error err = {};

	assert_int_equal(ovsdb_open(SCRATCH_PATH(*state, "db.sock"), NULL, &db, &err),
			 -ENOENT);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "db.sock");
	assert_int_equal(db.fd, -1);
}

static void a_database_that_goes_is_tried_again(void **state)
{
	struct server server = serve(*state,
				     (const char *const[]){"<", ">{\"id", ".", NULL});
	struct ovs_bridge bridge = {};
	struct cni_error err = {};

	assert_true(ask(&server, &bridge, &err) < 0);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "was lost");
	server_end(&server, 0);
}

static void a_database_that_says_nothing_is_waited_for_so_long_and_no_longer(void **state)
{
	struct server server = serve(*state, (const char *const[]){"<", ">{", NULL});
	struct ovs_bridge bridge = {};
	struct cni_error err = {};
	int64_t began = now_ms();

	assert_int_equal(ask(&server, &bridge, &err), -ETIMEDOUT);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "does not answer");
	assert_true(now_ms() - began >= OVSDB_ANSWER_MS);
	server_end(&server, -1);
}

static void a_path_longer_than_a_socket_address_is_refused(void **state)
{
	char path[256];
	struct ovsdb db = OVSDB_CLOSED;
	struct cni_error err = {};

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_true(ovsdb_open(path, NULL, &db, &err) < 0);
	assert_error(&err, CNI_ERR_CONFIG, "socket_file");
}

static int port_add(void **state, const char *answer, struct cni_error *err)
{
	static const struct ovs_port_vlans vlans = {.tag = 100};
	struct server server = serve(*state,
				     (const char *const[]){"<", answer, ".", NULL});
	struct ovsdb db = OVSDB_CLOSED;
	int ret = ovsdb_open(server.path, NULL, &db, err);

	if (ret == 0)
		ret = ovs_port_add(&db,
				   &(struct ovs_port_spec){
					   .bridge = "br0",
					   .name = "veth1",
					   .network = "pods",
					   .container_id = "c1",
					   .ifname = "eth0",
					   .netns = "/run/netns/\"x",
					   .vlans = &vlans,
				   },
				   err);
	ovsdb_close(&db);
	server_end(&server, 0);
	return ret;
}

static void a_name_that_is_taken_and_a_missing_bridge_are_told(void **state)
{
	struct cni_error err = {};

	assert_int_equal(port_add(state,
				  ">{\"id\":1,\"error\":null,\"result\":[{\"error\":"
				  "\"timed out\"},null,null,null]}",
				  &err),
			 OVS_PORT_EXISTS);
	assert_int_equal(port_add(state,
				  ">{\"id\":1,\"error\":null,\"result\":[{},{\"count\":"
				  "0},{},{}]}",
				  &err),
			 OVS_PORT_NO_BRIDGE);
	assert_int_equal(port_add(state,
				  ">{\"id\":1,\"error\":null,\"result\":[{},{\"count\":"
				  "1},{},{}]}",
				  &err),
			 OVS_PORT_DONE);
	assert_int_equal(err.code, 0);
	/* The transaction as a whole may be refused, at its end. */
	assert_true(
		port_add(state,
			 ">{\"id\":1,\"error\":null,\"result\":[{},{\"count\":1},{},{},"
			 "{\"error\":\"referential integrity violation\"}]}",
			 &err) < 0);
	assert_error(&err, CNI_ERR_KERNEL, "referential integrity violation");
}

static int port_await(void **state, const char *answer, uint32_t *ret_ofport,
		      struct cni_error *err)
{
	struct server server = serve(*state,
				     (const char *const[]){"<", answer, ".", NULL});
	struct ovsdb db = OVSDB_CLOSED;
	int ret = ovsdb_open(server.path, NULL, &db, err);

	if (ret == 0)
		ret = ovs_port_await(&db, "veth1", ovs_daemon_deadline(), ret_ofport,
				     err);
	ovsdb_close(&db);
	server_end(&server, 0);
	return ret;
}

static void a_port_that_the_daemon_cannot_make_is_an_error_in_its_words(void **state)
{
	struct cni_error err = {};
	uint32_t ofport = 0;

	assert_true(port_await(state,
			       ">{\"id\":1,\"error\":null,\"result\":[{},{\"rows\":[{"
			       "\"ofport\":-1,\"error\":\"no such device\"}]}]}",
			       &ofport, &err) < 0);
	assert_error(&err, CNI_ERR_KERNEL, "no such device");
	error_clear(&err);
	assert_true(port_await(state,
			       ">{\"id\":1,\"error\":null,\"result\":[{\"error\":\"timed "
			       "out\"},null]}",
			       &ofport, &err) < 0);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "has not made the port within 5 seconds");
	error_clear(&err);
	assert_true(port_await(state,
			       ">{\"id\":1,\"error\":null,\"result\":[{},{\"rows\":[]}]}",
			       &ofport, &err) < 0);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "meanwhile");
	error_clear(&err);
	assert_int_equal(
		port_await(state,
			   ">{\"id\":1,\"error\":null,\"result\":[{},{\"rows\":[{"
			   "\"ofport\":[\"set\",[5]],\"error\":[\"set\",[]]}]}]}",
			   &ofport, &err),
		0);
	assert_int_equal(ofport, 5);
}

#define PROGRESS(next, cur) "{\"rows\":[{\"next_cfg\":" #next ",\"cur_cfg\":" #cur "}]}"
#define ANSWER(id, ...)	    ">{\"id\":" #id ",\"error\":null,\"result\":[" __VA_ARGS__ "]}"

/* Asks the daemon for a sign of life. */
static int daemon_ask(void **state, const char *const *script, struct cni_error *err)
{
	struct server server = serve(*state, script);
	struct ovsdb db = OVSDB_CLOSED;
	int ret = ovsdb_open(server.path, NULL, &db, err);

	if (ret == 0)
		ret = ovs_daemon_ask(&db, err);
	ovsdb_close(&db);
	server_end(&server, 0);
	return ret;
}

static void a_daemon_is_waited_for_until_it_has_come_so_far(void **state)
{
	struct cni_error err = {};

	assert_int_equal(daemon_ask(state,
				    (const char *const[]){
					    "<",
					    ANSWER(1, "{\"count\":1}," PROGRESS(7, 4)),
					    "<", ANSWER(2, "{}," PROGRESS(9, 6)), "<",
					    ANSWER(3, "{}," PROGRESS(9, 7)), ".", NULL},
				    &err),
			 0);
	/* A daemon that has come so far already is not waited for. */
	assert_int_equal(daemon_ask(state,
				    (const char *const[]){
					    "<",
					    ANSWER(1, "{\"count\":1}," PROGRESS(7, 7)),
					    ".", NULL},
				    &err),
			 0);
}

static void a_daemon_that_does_not_come_so_far_is_tried_again(void **state)
{
	struct cni_error err = {};

	assert_true(daemon_ask(state,
			       (const char *const[]){
				       "<", ANSWER(1, "{\"count\":1}," PROGRESS(7, 4)),
				       "<", ANSWER(2, "{\"error\":\"timed out\"},null"),
				       ".", NULL},
			       &err) < 0);
	assert_error(&err, CNI_ERR_TRY_AGAIN,
		     "ovs-vswitchd does not answer within 5 seconds");
	error_clear(&err);
	assert_true(daemon_ask(state,
			       (const char *const[]){
				       "<", ANSWER(1, "{\"count\":0},{\"rows\":[]}"), ".",
				       NULL},
			       &err) < 0);
	assert_error(&err, CNI_ERR_TRY_AGAIN, "has not begun yet");
}

static void a_port_is_found_with_its_vlans_and_its_owner(void **state)
{
	struct server server = serve(
		*state,
		(const char *const[]){
			"<",
			">{\"id\":1,\"error\":null,\"result\":[{\"rows\":[{\"_uuid\":["
			"\"uuid\",\"" UUID "\"],\"vlan_mode\":\"native-untagged\","
			"\"tag\":5,\"trunks\":[\"set\",[0,4095]],\"external_ids\":[\"map\","
			"[[\"owner\",\"bridge-cni\"],[\"network\",\"pods\"],[\"container\","
			"\"c1\"],[\"contIface\",\"eth0\"]]]}]},{\"rows\":[]}]}",
			".", NULL});
	struct ovs_port_vlans vlans = {.tag = 5};
	struct ovsdb db = OVSDB_CLOSED;
	struct ovs_port port = {};
	struct cni_error err = {};

	assert_int_equal(ovsdb_open(server.path, NULL, &db, &err), 0);
	assert_int_equal(ovs_port_find(&db, "veth1", &port, &err), 0);
	assert_string_equal(port.uuid, UUID);
	assert_true(ovs_port_is_of(&port, "pods", "c1", "eth0"));
	assert_false(ovs_port_is_of(&port, "pods", "c2", "eth0"));
	assert_false(ovs_port_is_in(&port, &vlans));
	ovs_vlans_add(&vlans.trunks, 4095, 4095);
	assert_false(ovs_port_is_in(&port, &vlans));
	ovs_vlans_add(&vlans.trunks, 0, 0);
	assert_true(ovs_port_is_in(&port, &vlans));
	vlans.tag = 6;
	assert_false(ovs_port_is_in(&port, &vlans));
	ovs_port_clear(&port);
	ovsdb_close(&db);
	server_end(&server, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(an_answer_may_come_in_any_pieces_behind_an_echo_request),
		SCRATCH_TEST(what_is_no_answer_is_refused),
		SCRATCH_TEST(an_endless_answer_is_refused),
		SCRATCH_TEST(messages_without_end_are_refused),
		SCRATCH_TEST(a_database_that_is_not_there_is_tried_again),
		SCRATCH_TEST(a_database_that_goes_is_tried_again),
		SCRATCH_TEST(
			a_database_that_says_nothing_is_waited_for_so_long_and_no_longer),
		SCRATCH_TEST(a_path_longer_than_a_socket_address_is_refused),
		SCRATCH_TEST(a_name_that_is_taken_and_a_missing_bridge_are_told),
		SCRATCH_TEST(a_port_that_the_daemon_cannot_make_is_an_error_in_its_words),
		SCRATCH_TEST(a_daemon_is_waited_for_until_it_has_come_so_far),
		SCRATCH_TEST(a_daemon_that_does_not_come_so_far_is_tried_again),
		SCRATCH_TEST(a_port_is_found_with_its_vlans_and_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
