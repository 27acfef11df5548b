/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each key has a line of its own in the log, up to a limit. */
#include "conflist_edit.h"

#include <string.h>

#include "conf/json/json_diff.h"
#include "conf/json/json_doc.h"

#define LINES_MAX 8 /* of one edit, in the log */

#define BY_OPTION(option, variable) \
	"set --" option ", in the ConfigMap BRIDGE_CNI_" variable

/* Where a key is to be set; one that isn't here can't be. */
static const struct {
	const char *path, *instead;
	bool by_nodes; /* it follows from the cluster's nodes */
} places[] = {
	{"cniVersion", BY_OPTION("cni-version", "CNI_VERSION"), false},
	{"name", BY_OPTION("network", "NETWORK"), false},
	{"plugins[0].bridge", BY_OPTION("bridge", "BRIDGE"), false},
	{"plugins[0].mtu", BY_OPTION("mtu", "MTU"), false},
	{"plugins[0].spoofCheck", BY_OPTION("spoof-check", "SPOOF_CHECK"), false},
	{"plugins[0].podLink", BY_OPTION("pod-link", "POD_LINK"), false},
	{"plugins[0].macspoofchk", BY_OPTION("mac-spoof-check", "MAC_SPOOF_CHECK"),
	 false},
	{"plugins[0].portIsolation", BY_OPTION("port-isolation", "PORT_ISOLATION"),
	 false},
	{"plugins[0].capabilities.portMappings", BY_OPTION("host-ports", "HOST_PORTS"),
	 false},
	{"plugins[0].capabilities.bandwidth", BY_OPTION("bandwidth", "BANDWIDTH"), false},
	{"plugins[0].draining", BY_OPTION("uninstall", "UNINSTALL"), false},
	{"plugins[0].ipam.dataDir", BY_OPTION("data-dir", "DATA_DIR"), false},
	{"plugins[0].nonMasqueradeCIDRs", BY_OPTION("cluster-cidr", "CLUSTER_CIDR"),
	 true},
	{"plugins[0].ipam.ranges", "it follows from this node's podCIDRs", true},
};

struct edit {
	const struct log *log;
	enum conflist_edit kind;
	const char *name;
	unsigned int told;
};

/* Returns the index of the path, or of what it is a part of; -1: there is none. */
static int place_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t len = strlen(places[i].path);

		if (strncmp(path, places[i].path, len) == 0 &&
		    (!path[len] || path[len] == '.' || path[len] == '['))
			return (int)i;
	}
	return -1;
}

static enum log_level level_of(enum conflist_edit kind)
{
	return kind == CONFLIST_EDIT ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

static const char *message_of(enum conflist_edit kind)
{
	return kind == CONFLIST_EDIT
		       ? "the configuration file was edited, and is put back"
		       : "the former configuration file said something else, and is "
			 "replaced";
}

static bool tell_key(const char *path, const char *present, const char *list, void *data)
{
	struct edit *edit = data;
	int place = place_of(path);

	if (place >= 0 && places[place].by_nodes && edit->kind == CONFLIST_EDIT_FORMER)
		return true;
	edit->told++;
	if (edit->told > LINES_MAX) {
		log_write(edit->log, level_of(edit->kind), message_of(edit->kind), "file",
			  edit->name, "key", "and more", NULL);
		return false;
	}
	log_write(edit->log, level_of(edit->kind), message_of(edit->kind), "file",
		  edit->name, "key", path, "was", present ? present : "absent", "is",
		  list ? list : "absent", "instead",
		  place >= 0 ? places[place].instead : "it can't be set yet", NULL);
	return true;
}

void conflist_edit_tell(const struct log *log, enum conflist_edit kind, const char *name,
			const char *present, const char *list)
{
	_cleanup_(json_doc_freep) struct json_doc *theirs = NULL, *ours = NULL;
	struct edit edit = {.log = log, .kind = kind, .name = name};
	struct cni_error err = {};

	if (json_parse(present, strlen(present), &theirs, &err) < 0) {
		log_write(log, level_of(kind), message_of(kind), "file", name, "was",
			  err.msg, NULL);
		return;
	}
	if (json_parse(list, strlen(list), &ours, NULL) < 0)
		return;
	json_diff(theirs, ours, tell_key, &edit);
	if (!edit.told && kind == CONFLIST_EDIT)
		log_write(log, level_of(kind), message_of(kind), "file", name, "key",
			  "none: only the layout differs", NULL);
}
