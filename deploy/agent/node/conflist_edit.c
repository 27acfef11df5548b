/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each key has a line of its own in the log, up to a limit. */
#include "conflist_edit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "conf/json/json_diff.h"
#include "conf/json/json_doc.h"

#define LINES_MAX 8 /* of one edit, in the log */

#define TEMPLATE_MAP "the ConfigMap bridge-cni-template" /* deploy/README.md names it */
#define BY_OPTION(option, variable) \
	"set --" option ", in the ConfigMap BRIDGE_CNI_" variable

/* Where a key is to be set: one that isn't here, in a template; and all others, too,
 * where there is a template. */
static const struct {
	const char *path, *to_change;
	enum {
		ASKED, /* option or template say it */
		OPTION_ALONE, /* a template can't say it */
		ASKED_BESIDE_NODES, /* they add to what the cluster's nodes say */
		NODES, /* it follows from these alone */
	} origin;
} places[] = {
	{"cniVersion", BY_OPTION("cni-version", "CNI_VERSION"), ASKED},
	{"name", BY_OPTION("network", "NETWORK"), ASKED},
	{"plugins[0].bridge", BY_OPTION("bridge", "BRIDGE"), ASKED},
	{"plugins[0].mtu", BY_OPTION("mtu", "MTU"), ASKED},
	{"plugins[0].spoofCheck", BY_OPTION("spoof-check", "SPOOF_CHECK"), ASKED},
	{"plugins[0].podLink", BY_OPTION("pod-link", "POD_LINK"), ASKED},
	{"plugins[0].macspoofchk", BY_OPTION("mac-spoof-check", "MAC_SPOOF_CHECK"),
	 ASKED},
	{"plugins[0].portIsolation", BY_OPTION("port-isolation", "PORT_ISOLATION"),
	 ASKED},
	{"plugins[0].capabilities.portMappings", BY_OPTION("host-ports", "HOST_PORTS"),
	 ASKED},
	{"plugins[0].capabilities.bandwidth", BY_OPTION("bandwidth", "BANDWIDTH"), ASKED},
	{"plugins[0].draining", BY_OPTION("uninstall", "UNINSTALL"), OPTION_ALONE},
	{"plugins[0].waitForAgent", BY_OPTION("tunnel", "TUNNEL"), OPTION_ALONE},
	{"plugins[0].ipam.dataDir", BY_OPTION("data-dir", "DATA_DIR"), ASKED},
	{"plugins[0].nonMasqueradeCIDRs", BY_OPTION("cluster-cidr", "CLUSTER_CIDR"),
	 ASKED_BESIDE_NODES},
	{"plugins[0].ipam.ranges", "it follows from this node's podCIDRs", NODES},
};

struct edit {
	const struct log *log;
	enum conflist_edit kind;
	const char *name;
	const char *template; /* NULL: there is none */
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

static const char *to_change(const struct edit *edit, int place, char *buf, size_t size)
{
	bool alone = place >= 0 && (places[place].origin == OPTION_ALONE ||
				    places[place].origin == NODES);

	if (alone || (place >= 0 && !edit->template))
		return places[place].to_change;
	if (edit->template)
		snprintf(buf, size, "write it into %s, in " TEMPLATE_MAP, edit->template);
	else
		snprintf(
			buf, size,
			"write it into a template: --conflist-template, in " TEMPLATE_MAP);
	return buf;
}

static bool tell_key(const char *path, const char *present, const char *list, void *data)
{
	struct edit *edit = data;
	int place = place_of(path);
	char buf[PATH_MAX];

	if (place >= 0 && places[place].origin >= ASKED_BESIDE_NODES &&
	    edit->kind == CONFLIST_EDIT_FORMER)
		return true;
	edit->told++;
	if (edit->told > LINES_MAX) {
		log_write(edit->log, level_of(edit->kind), message_of(edit->kind), "file",
			  edit->name, "key", "and more", NULL);
		return false;
	}
	log_write(edit->log, level_of(edit->kind), message_of(edit->kind), "file",
		  edit->name, "key", path, "was", present ? present : "absent", "is",
		  list ? list : "absent", "to_change",
		  to_change(edit, place, buf, sizeof(buf)), NULL);
	return true;
}

void conflist_edit_tell(const struct log *log, enum conflist_edit kind, const char *name,
			const char *present, const char *list, const char *template)
{
	_cleanup_(json_doc_freep) struct json_doc *theirs = NULL, *ours = NULL;
	struct edit edit = {.log = log, .kind = kind, .name = name, .template = template};
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
