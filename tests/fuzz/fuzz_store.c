/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store in which somebody else wrote, and an ADD, CHECK and DEL of ours on it. The input
 * is a list of directory entries: a line "@NAME" and the file's content; "@own/NAME" is one
 * of our own files. Before NAME may stand '>' (a symbolic link to a file outside), '|' (a
 * FIFO), '/' (a directory).
 */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "../../conf/attachment.h"
#include "../../ipam/ipam.h"
#include "../../ipam/store.h"

#define NETWORK	    "net"
#define OUTSIDE	    "not ours"
#define ENTRIES_MAX 32

static const char conf_text[] =
	"{\"cniVersion\": \"1.1.0\", \"name\": \"" NETWORK "\", \"ipam\": {"
	"\"type\": \"host-local\", \"dataDir\": \"%s/store\", \"ranges\": ["
	"[{\"subnet\": \"10.1.2.0/29\"}, {\"subnet\": \"10.1.9.0/30\"}],"
	"[{\"subnet\": \"fd00::/64\", \"rangeEnd\": \"fd00::4\"}]]}}";

static char base[64];

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_base(void)
{
	nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_base(void)
{
	const char *dir = getenv("TMPDIR");

	if (base[0])
		return;
	snprintf(base, sizeof(base), "%.40s/fuzz-store.XXXXXX", dir ? dir : "/tmp");
	PROMISE(mkdtemp(base));
	atexit(remove_base);
}

static const char *in_base(const char *name, char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/%s", base, name);
	return buf;
}
#define IN_BASE(name) in_base((name), (char[PATH_MAX]){})

static void put_file(int dir_fd, const char *name, const void *data, size_t size)
{
	_cleanup_(close_p) int fd = openat(dir_fd, name,
					   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0)
		PROMISE(write(fd, data, size) == (ssize_t)size);
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
	if (n > 0 && !strchr(name + 1, '/'))
		put_entry(own ? own_fd : store_fd, name, line + 1,
			  content_end > line ? (size_t)(content_end - line - 1) : 0);
	return len;
}

static void make_store(const char *data, size_t size)
{
	_cleanup_(close_p) int store_fd = -1, own_fd = -1;

	remove_base();
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
}

static void promise_outside(void)
{
	_cleanup_(close_p) int fd = open(IN_BASE("outside"), O_RDONLY | O_CLOEXEC);
	char text[64];

	PROMISE(fd >= 0 && read(fd, text, sizeof(text)) == strlen(OUTSIDE));
	PROMISE(memcmp(text, OUTSIDE, strlen(OUTSIDE)) == 0);
}

static void read_attachment(enum cni_verb verb, struct attachment *att)
{
	struct cni_env env = {
		.verb = verb,
		.container_id = "pod-1",
		.netns = "/run/netns/pod-1",
		.ifname = "eth0",
		.path = "/opt/cni/bin",
		.ipam_only = true,
	};
	enum cni_version version;
	struct cni_error err = {};
	char text[1024];

	snprintf(text, sizeof(text), conf_text, base);
	PROMISE(attachment_read(text, strlen(text), &env, att, &version, &err) == 0);
}

static void look(const struct attachment *att)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	static const char *const names[] = {"10.1.2.2", "10.1.2.3", "fd00::2"};
	struct cni_error err = {};
	int r = store_open(att->conf.ipam.data_dir, NETWORK, STORE_EXISTING, 0, &store,
			   &err);

	fuzz_promise_error(r, &err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
		struct owner_text text = {};
		struct ip_addr ip;

		PROMISE(ip_parse(names[i], &ip) == 0);
		if (store_owner_of(&store, &ip, &text) < 0)
			continue;
		PROMISE(text.len <= sizeof(text.text));
		for (const char *c = OWNER_TEXT(&text); *c; c++)
			PROMISE(*c >= ' ' && *c < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(attachment_clear) struct attachment att = {};
	struct cni_error err = {}, del_err = {}, check_err = {};
	int r;

	make_base();
	make_store((const char *)data, size);
	read_attachment(CNI_ADD, &att);
	look(&att);
	r = ipam_reserve(&att, &err);
	fuzz_promise_error(r, &err);
	if (r == 0) {
		PROMISE(att.ipam.ips.n == 2);
		PROMISE(ipam_check(&att, &check_err) == 0);
		PROMISE(ipam_release(&att, &del_err) == 0);
		PROMISE(ipam_check(&att, &check_err) < 0);
	} else {
		PROMISE(!att.ipam.ips.items);
		r = ipam_release(&att, &del_err);
		fuzz_promise_error(r, &del_err);
	}
	promise_outside();
	return 0;
}
