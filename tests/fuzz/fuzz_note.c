/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An owner's note in the store, by which cleanup finds a network whose configuration is
 * gone. The input is the file; once as it is, once behind a beginning that names this
 * network, bridge and store, without which few are taken.
 */
#include "base.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "conf/names.h"
#include "conf/network_note.h"
#include "conf/request.h"
#include "ipam/ipam.h"

#define NETWORK "net"
#define BRIDGE	"cni0"
#define STORE	"store"
#define NOTE	STORE "/.bridge-cni/" NETWORK "/.network-" BRIDGE

static const struct cni_env cleanup = {
	.verb = CNI_CLEANUP,
	.container_id = "",
	.netns = "",
	.ifname = "",
	.path = "",
};

static void put(const char *text, size_t len)
{
	_cleanup_(close_p) int fd = open(IN_BASE(NOTE),
					 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	PROMISE(fd >= 0 && write(fd, text, len) == (ssize_t)len);
}

/* Gives the owner's note, which the caller frees. NULL: it has none that is its own. */
static char *note_of(const struct ipam_env *env)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list owners = {};
	struct cni_error err = {};

	PROMISE(ipam_owners(env, &owners, &err) == 0);
	PROMISE(owners.n == 1 && !owners.has_records);
	PROMISE(strcmp(owners.items[0].ifname, BRIDGE) == 0 &&
		!owners.items[0].is_gateway);
	return TAKE_PTR(owners.items[0].note);
}

/* A note that is accepted is the owner's own, and a note made of it is the same again. */
static void promise_note(const struct ipam_env *env, const char *note)
{
	_cleanup_(request_clear) struct request request = {};
	const struct network *network = &request.network;
	_cleanup_(free_p) char *again = NULL, *third = NULL;
	enum cni_version version;

	PROMISE(request_read(note, strlen(note), &cleanup, &request, &version, NULL,
			     NULL) == 0);
	PROMISE(strcmp(network->name, NETWORK) == 0);
	PROMISE(strcmp(network->bridge, BRIDGE) == 0);
	ipam_note_owner(env, network);
	again = note_of(env);
	PROMISE(again);
	ipam_note_owner(env, network);
	third = note_of(env);
	PROMISE(third && strcmp(again, third) == 0);
}

static void try(const struct ipam_env *env, const char *text, size_t len)
{
	_cleanup_(free_p) char *note = NULL, *made = NULL, *other = NULL;
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list none = {};
	enum cni_version version;
	struct cni_error err = {};

	put(text, len);
	note = note_of(env);
	if (note) {
		/* The text may have a NUL, behind which nothing counts. */
		PROMISE(strncmp(note, text, len) == 0);
		promise_note(env, note);
	}
	/* Whatever stood there, ADD's note replaces it. */
	made = network_note_make(NETWORK, BRIDGE, env->data_dir);
	PROMISE(made && request_read(made, strlen(made), &cleanup, &request, &version,
				     NULL, &err) == 0);
	ipam_note_owner(env, &request.network);
	other = note_of(env);
	PROMISE(other);
	PROMISE(ipam_forget_owner(env) && !ipam_forget_owner(env));
	PROMISE(ipam_owners(env, &none, &err) == 0 && none.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(free_p) char *text = NULL;
	struct ipam_env env = {.network = NETWORK, .bridge = BRIDGE};
	char data_dir[PATH_MAX];
	int len;

	if (!base[0]) {
		base_make("note");
		PROMISE(mkdir(IN_BASE(STORE), 0755) == 0);
		PROMISE(mkdir(IN_BASE(STORE "/.bridge-cni"), 0755) == 0);
		PROMISE(mkdir(IN_BASE(STORE "/.bridge-cni/" NETWORK), 0755) == 0);
	}
	env.data_dir = in_base(STORE, data_dir);
	try(&env, (const char *)data, size);
	len = asprintf(&text,
		       "{\"cniVersion\": \"1.0.0\", \"name\": \"" NETWORK "\", "
		       "\"bridge\": \"" BRIDGE "\", \"ipam\": {\"type\": \"host-local\", "
		       "\"dataDir\": \"%s\"%.*s",
		       data_dir, (int)size, (const char *)data);
	PROMISE(len > 0);
	try(&env, text, (size_t)len);
	return 0;
}
