/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI_* environment: which operation, on which container, and CNI_ARGS. Strings are
 * borrowed from the environment.
 */
#ifndef BRIDGE_CNI_CONF_ENV_H
#define BRIDGE_CNI_CONF_ENV_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

enum cni_verb {
	CNI_ADD,
	CNI_DEL,
	CNI_CHECK,
	CNI_STATUS,
	CNI_GC,
	CNI_VERSION,
	/* Asked for on the command line, of a whole network. */
	CNI_REPAIR,
	CNI_CLEANUP,
	CNI_SHOW,
	/* Asked for on the command line, of a file: read as ADD reads it. */
	CNI_VALIDATE,
	CNI_DOCTOR, /* of the node, with its networks */
};

/* Returns the word that CNI_COMMAND, or the command line, has for a verb: "ADD". */
const char *cni_verb_name(enum cni_verb verb);

/* The plugins that the executable is, by the name that it is called by. */
enum cni_program {
	PROGRAM_BRIDGE, /* by every name that is none of the others */
	PROGRAM_HOST_LOCAL, /* another plugin's IPAM */
	PROGRAM_LOOPBACK,
	PROGRAMS, /* how many there are */
};

#define CNI_NAMES (PROGRAMS + 3)

/* The names of other plugins that the executable may have, by links: those of the programs
 * in their order, and then those that name a switch as the type of a plugin, and are
 * PROGRAM_BRIDGE. NULL ends them. */
extern const char *const cni_names[CNI_NAMES + 1];

/* Returns the program that is called by @path: argv[0], or NULL. */
enum cni_program cni_program_called(const char *path);

#define CNI_ARGS_TEXT_MAX  4096 /* CNI_ARGS as a whole, bytes */
#define CNI_ARGS_VALUE_MAX 256 /* a value in it, with the NUL */

/* CNI_ARGS: "K=V;K=V". "" (family 0, not set) where a key is absent. */
struct cni_args {
	struct ip_addr ip; /* IP=, with or without a prefix length, which is dropped */
	struct mac_addr mac; /* MAC= */
	char pod_namespace[CNI_ARGS_VALUE_MAX]; /* K8S_POD_NAMESPACE */
	char pod_name[CNI_ARGS_VALUE_MAX]; /* K8S_POD_NAME */
	/* OvnPort has a value. It is an unknown key, and what asks for it relies on it. */
	bool has_ovn_port;
};

struct cni_env {
	enum cni_verb verb;
	const char *container_id; /* "" where the verb has none */
	const char *netns; /* path; "" when missing (DEL) */
	const char *ifname;
	const char *path; /* CNI_PATH */
	enum cni_program program;
	bool netns_override; /* CNI_NETNS_OVERRIDE is 1 or true (any case) */
	struct cni_args args;
};

/*
 * Reads the environment of @program through @get, which is getenv() or a test's function.
 * Code 4.
 *
 * ADD and CHECK need container ID, namespace, interface name and path; DEL needs ID and
 * interface name. GC and STATUS look at the command and the path alone, which may be
 * missing; VERSION at the command alone.
 *
 * All missing variables are named together in the order COMMAND, CONTAINERID, NETNS,
 * IFNAME, ARGS, PATH: "required env variables [CNI_A,CNI_B] missing". Then the syntax of
 * each is checked, then CNI_ARGS: an unknown key is an error unless IgnoreUnknown is 1 or
 * true. Arguments that can't be read count as none in a DEL, so that they don't stop a
 * removal, and for loopback, which uses none.
 */
int cni_env_read(char *(*get)(const char *name), enum cni_program program,
		 struct cni_env *ret_env, struct cni_error *err);

/* CNI_ARGS alone, for tests and fuzzing. */
int cni_args_parse(const char *text, struct cni_args *ret_args, struct cni_error *err);

#endif
