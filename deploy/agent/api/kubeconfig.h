/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kubeconfig (kubectl's configuration, v1), in YAML or JSON: where the API server is, and how
 * agent and server know each other. What it has of certificates, keys and tokens itself is in
 * files of this process's memory alone, so that all of them are read as files.
 */
#ifndef BRIDGE_CNI_AGENT_API_KUBECONFIG_H
#define BRIDGE_CNI_AGENT_API_KUBECONFIG_H

#include "conf/base/error.h"

#define KUBECONFIG_FILES 4

struct kubeconfig {
	char *server; /* "https://HOST:PORT" */
	char *files[KUBECONFIG_FILES]; /* paths; NULL: there is no such file */
	int fds[KUBECONFIG_FILES]; /* behind these paths; -1: the path is the user's */
};

/* Indices of files. */
enum kubeconfig_file {
	KUBECONFIG_CA,
	KUBECONFIG_TOKEN,
	KUBECONFIG_CERT,
	KUBECONFIG_KEY,
};

/*
 * Reads what current-context chooses. Relative paths are relative to the file's directory.
 * There is a CA, and a token or a certificate with its key, or both. Refused are a server
 * without TLS, and what has no meaning here: programs that give credentials (exec),
 * passwords, proxies, another server name, TLS without verification. Codes 5: the file can't
 * be read; 6: it is neither YAML of the kind that yaml_json.h reads nor JSON; 7: it lacks
 * something; 100.
 */
int kubeconfig_open(const char *path, struct kubeconfig *ret_kubeconfig,
		    struct cni_error *err);
/* The same of a text, @dir being its file's directory. */
int kubeconfig_parse(const char *text, size_t len, const char *dir,
		     struct kubeconfig *ret_kubeconfig, struct cni_error *err);
void kubeconfig_close(struct kubeconfig *kubeconfig);

/* The first value of a struct kubeconfig, which holds nothing. */
#define KUBECONFIG_NONE                   \
	(struct kubeconfig)               \
	{                                 \
		.fds = { -1, -1, -1, -1 } \
	}

#endif
