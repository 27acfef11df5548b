/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store in which somebody else wrote, a show of it, and an ADD, CHECK and DEL of ours on it. The input
 * is a list of directory entries: a line "@NAME" and the file's content; "@own/NAME" is one
 * of our own files. Before NAME may stand '>' (a symbolic link to a file outside), '|' (a
 * FIFO), '/' (a directory). "@own/!index" is an index that is believed, its slots the
 * content; "@own/!pod-1" (any name) is the record of that container's eth0, its lines
 * without the last.
 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "conf/base/notices.h"
#include "conf/identity.h"
#include "conf/names.h"
#include "conf/request.h"
#include "ipam/store/index.h"
#include "ipam/ipam.h"
#include "ipam/view.h"

#define NETWORK	    "net"
#define OUTSIDE	    "not ours"
#define ENTRIES_MAX 32
#define STAMP	    5 /* seconds: what the believed index and its directory agree on */
#define BOOT	    "boot-1"

static const char conf_text[] =
	"{\"cniVersion\": \"1.1.0\", \"name\": \"" NETWORK "\", \"ipam\": {"
	"\"type\": \"host-local\", \"dataDir\": \"%s/store\", \"ranges\": ["
	"[{\"subnet\": \"10.1.2.0/29\"}, {\"subnet\": \"10.1.9.0/30\"}],"
	"[{\"subnet\": \"fd00::/64\", \"rangeEnd\": \"fd00::4\"}]]}}";

static void put_file(int dir_fd, const char *name, const void *data, size_t size)
{
	_cleanup_(close_p) int fd = openat(dir_fd, name,
					   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0)
		PROMISE(write(fd, data, size) == (ssize_t)size);
}

/* An index of which nothing but the slots is somebody else's. */
static void put_index(int store_fd, int own_fd, const void *data, size_t size)
{
	static uint8_t file[(TABLE_SLOTS_MIN + 1) * sizeof(struct table_header)];
	struct table_header head = {
		.magic = TABLE_MAGIC,
		.version = TABLE_VERSION,
		.slots = TABLE_SLOTS_MIN,
		.used = (uint32_t)(size / sizeof(head)),
		.boots = 1,
		.stamp = STAMP,
		.boot = hash_text(BOOT),
	};
	struct stat st;

	PROMISE(fstat(store_fd, &st) == 0);
	head.directory = st.st_ino;
	head.sum = hash_bytes(&head, offsetof(struct table_header, sum));
	memset(file, 0, sizeof(file));
	memcpy(file, &head, sizeof(head));
	if (size > sizeof(file) - sizeof(head))
		size = sizeof(file) - sizeof(head);
	memcpy(file + sizeof(head), data, size);
	put_file(own_fd, INDEX_FILE, file, sizeof(file));
}

static void put_record(int own_fd, const char *container, const char *data, size_t size)
{
	_cleanup_(free_p) char *text = malloc(size + 64);
	char name[RECORD_NAME_MAX];
	size_t len = size;

	PROMISE(text != NULL);
	memcpy(text, data, size);
	if (size == 0 || text[size - 1] != '\n')
		text[len++] = '\n';
	len += (size_t)snprintf(text + len, 32, "end %016" PRIx64 "\n",
				hash_bytes(text, len));
	if (strlen(container) <= CNI_NAME_MAX)
		put_file(own_fd, record_name(holder_hash(container, "eth0"), name), text,
			 len);
}

static void put_entry(int dir_fd, const char *name, const void *data, size_t size)
{
	/* Errors are the input's: a name twice, "", "..", too long. */
	switch (*name) {
	case '>':
		if (symlinkat(IN_BASE("outside"), dir_fd, name + 1) < 0)
			return;
		break;
	case '|':
		if (mkfifoat(dir_fd, name + 1, 0644) < 0)
			return;
		break;
	case '/':
		if (mkdirat(dir_fd, name + 1, 0755) < 0)
			return;
		break;
	default:
		put_file(dir_fd, name, data, size);
	}
}

/* One entry from the front of @data; how long it is. */
static size_t put_next(int store_fd, int own_fd, const char *data, size_t size)
{
	const char *end = memmem(data + 1, size - 1, "\n@", 2);
	size_t len = end ? (size_t)(end + 1 - data) : size;
	const char *line = memchr(data, '\n', len);
	bool own = len > 5 && memcmp(data, "@own/", 5) == 0;
	const char *from = data + (own ? 5 : 1);
	const char *content_end = end ? end : data + size;
	char name[NAME_MAX + 2];
	int n;

	if (!line || line < from || line - from > NAME_MAX)
		return len;
	n = snprintf(name, sizeof(name), "%.*s", (int)(line - from), from);
	if (n <= 0 || strchr(name + 1, '/'))
		return len;
	size = content_end > line ? (size_t)(content_end - line - 1) : 0;
	if (own && strcmp(name, "!" INDEX_FILE) == 0)
		put_index(store_fd, own_fd, line + 1, size);
	else if (own && name[0] == '!')
		put_record(own_fd, name + 1, line + 1, size);
	else
		put_entry(own ? own_fd : store_fd, name, line + 1, size);
	return len;
}

static void make_store(const char *data, size_t size)
{
	const struct timespec times[2] = {{.tv_sec = STAMP}, {.tv_sec = STAMP}};
	_cleanup_(close_p) int store_fd = -1, own_fd = -1;

	base_remove();
	PROMISE(mkdir(base, 0700) == 0 && mkdir(IN_BASE("store"), 0755) == 0);
	PROMISE(mkdir(IN_BASE("store/" NETWORK), 0755) == 0);
	PROMISE(mkdir(IN_BASE("store/.bridge-cni"), 0755) == 0);
	PROMISE(mkdir(IN_BASE("store/.bridge-cni/" NETWORK), 0755) == 0);
	put_file(AT_FDCWD, IN_BASE("outside"), OUTSIDE, strlen(OUTSIDE));
	store_fd = open(IN_BASE("store/" NETWORK), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_fd = open(IN_BASE("store/.bridge-cni/" NETWORK),
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	PROMISE(store_fd >= 0 && own_fd >= 0);
	for (int i = 0; i < ENTRIES_MAX && size > 0; i++) {
		size_t len = put_next(store_fd, own_fd, data, size);

		data += len;
		size -= len;
	}
	/* What the first operation would make: then the stamp is no longer the index's. */
	put_file(store_fd, STORE_LOCK_FILE, "", 0);
	PROMISE(futimens(store_fd, times) == 0);
}

static void promise_outside(void)
{
	_cleanup_(close_p) int fd = open(IN_BASE("outside"), O_RDONLY | O_CLOEXEC);
	char text[64];

	PROMISE(fd >= 0 && read(fd, text, sizeof(text)) == strlen(OUTSIDE));
	PROMISE(memcmp(text, OUTSIDE, strlen(OUTSIDE)) == 0);
}

/* What a kernel would say. */
static uint64_t netns_cookie(const struct ipam_kernel *kernel)
{
	(void)kernel;
	return 4711;
}

static bool has_interface(const struct ipam_kernel *kernel, const struct record *record)
{
	(void)kernel;
	return strcmp(record->container_id, "pod-2") == 0;
}

static bool lost_netns(const struct ipam_kernel *kernel, const struct record *record)
{
	(void)kernel;
	return strcmp(record->netns, "/run/netns/pod-3") != 0;
}

static const struct ipam_kernel kernel = {
	.boot_id = BOOT,
	.netns_cookie = netns_cookie,
	.node_cookie = netns_cookie,
	.has_interface = has_interface,
	.has_renamed = has_interface,
	.lost_netns = lost_netns,
};

static void read_request(enum cni_verb verb, struct request *request)
{
	struct cni_env env = {
		.verb = verb,
		.container_id = "pod-1",
		.netns = "/run/netns/pod-1",
		.ifname = "eth0",
		.path = "/opt/cni/bin",
		.program = PROGRAM_HOST_LOCAL,
	};
	enum cni_version version;
	struct cni_error err = {};
	char text[1024];

	snprintf(text, sizeof(text), conf_text, base);
	PROMISE(request_read(text, strlen(text), &env, request, &version, NULL, &err) ==
		0);
}

static void look(const struct ipam_env *env)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	static const char *const names[] = {"10.1.2.2", "10.1.2.3", "fd00::2"};
	struct cni_error err = {};
	int ret = store_open(env->data_dir, NETWORK, STORE_EXISTING, 0, &store, &err);

	fuzz_promise_error(ret, &err);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(names); i++) {
		struct holder_text text = {};
		struct ip_addr ip;

		PROMISE(ip_parse(names[i], &ip) == 0);
		if (store_holder_of(&store, &ip, &text) < 0)
			continue;
		PROMISE(text.len <= sizeof(text.text));
		for (const char *c = HOLDER_TEXT(&text); *c; c++)
			PROMISE(*c >= ' ' && *c < 0x7f);
	}
}

static int see_record(const struct record *record, void *data, struct cni_error *err)
{
	(void)data, (void)err;
	PROMISE(record->network[0] && record->container_id[0] && record->ifname[0]);
	return 0;
}

/* The questions that are asked of a store as a whole. */
static void ask(const struct ipam_env *env, const struct request *request)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list dead = {}, holders = {};
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list owners = {};
	_cleanup_(record_clear) struct record record = {};
	static const struct prefix_list prefixes = {};
	struct ip_span_list spans = {};
	struct cni_error errs[6] = {}, err = {};
	enum ipam_liveness life;
	int ret;

	fuzz_promise_error(ipam_stale(env, &dead, &errs[0]), &errs[0]);
	fuzz_promise_error(ipam_holders(env, &holders, &errs[1]), &errs[1]);
	fuzz_promise_error(ipam_reserved_outside(env, &prefixes, true, &spans, &errs[2]),
			   &errs[2]);
	free(spans.items);
	fuzz_promise_error(ipam_record_each(env, see_record, NULL, &errs[3]), &errs[3]);
	fuzz_promise_error(ipam_room(env, &request->network, NULL, &errs[4]), &errs[4]);
	fuzz_promise_error(ipam_owners(env, &owners, &errs[5]), &errs[5]);
	for (size_t i = 0; i < owners.n; i++)
		PROMISE(ifname_valid(owners.items[i].ifname));
	ret = ipam_record_read(env, &request->pod, &record, &err);
	PROMISE((ret < 0) == (err.code != 0));
	err = (struct cni_error){};
	ret = ipam_liveness(env, &request->pod, &life, &err);
	fuzz_promise_error(ret, &err);
}

/* `bridge-cni show` reads the store without its lock. */
static void show(const struct ipam_env *env)
{
	_cleanup_(ipam_view_clear) struct ipam_view view = {};
	struct ipam_env looking = *env;
	struct cni_error err = {};
	size_t held = 0;

	looking.looks = true;
	fuzz_promise_error(ipam_view(&looking, &view, &err), &err);
	for (size_t i = 1; i < view.reserved.n; i++)
		PROMISE(ip_cmp(&view.reserved.items[i - 1], &view.reserved.items[i]) < 0);
	for (size_t i = 0; i < view.records.n; i++) {
		PROMISE(view.records.items[i].record.network[0]);
		PROMISE(view.records.items[i].held <= view.records.items[i].record.n ||
			view.records.items[i].uncovered);
		held += view.records.items[i].held;
	}
	PROMISE(held + view.others_n <= view.reserved.n);
	PROMISE(view.others.n == view.others_n || view.others.n == IPAM_VIEW_NAMED);
	for (size_t i = 0; i < view.others.n; i++)
		PROMISE(view.others.items[i].container_id && view.others.items[i].ifname);
}

/* An ADD and its CHECK and DEL, or the DEL of one that was refused. */
static void attach(const struct ipam_env *env, const struct request *request)
{
	const struct network *network = &request->network;
	const struct pod *pod = &request->pod;
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(free_p) char *resolv_text = NULL;
	struct cni_error err = {}, del_err = {}, check_err = {};
	bool was_last;
	int ret;

	ret = ipam_reserve(env, network, pod, &result, &resolv_text, &err);
	fuzz_promise_error(ret, &err);
	if (ret == 0) {
		PROMISE(result.ips.n == 2);
		PROMISE(ipam_check(env, pod, network, &result, &check_err) == 0);
		PROMISE(ipam_release(env, pod, &was_last, &del_err) == 0);
		PROMISE(ipam_check(env, pod, network, &result, &check_err) < 0);
	} else {
		PROMISE(!result.ips.items);
		ret = ipam_release(env, pod, &was_last, &del_err);
		fuzz_promise_error(ret, &del_err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(notices_clear) struct notices notices = {};
	struct ipam_env env = {.kernel = &kernel, .notices = &notices};

	base_make("store");
	make_store((const char *)data, size);
	read_request(CNI_ADD, &request);
	env.data_dir = request.network.ipam.data_dir;
	env.network = request.network.name;
	env.bridge = request.network.bridge;
	look(&env);
	ask(&env, &request);
	show(&env);
	attach(&env, &request);
	promise_outside();
	return 0;
}
