/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads master, mode and the other keys of macvlan and ipvlan, and names their modes. */
#include "macvlan_conf.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <string.h>

#include "conf/base/util.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "names.h"
#include "requested_mac.h"

/* The first of a switch is what pods get where the configuration says nothing. */
static const struct mode {
	enum switch_kind kind;
	const char *word;
	uint32_t mode;
} modes[] = {
	{SWITCH_MACVLAN, "bridge", MACVLAN_MODE_BRIDGE},
	{SWITCH_MACVLAN, "private", MACVLAN_MODE_PRIVATE},
	{SWITCH_MACVLAN, "vepa", MACVLAN_MODE_VEPA},
	{SWITCH_MACVLAN, "passthru", MACVLAN_MODE_PASSTHRU},
	{SWITCH_IPVLAN, "l2", IPVLAN_MODE_L2},
	{SWITCH_IPVLAN, "l3", IPVLAN_MODE_L3},
	{SWITCH_IPVLAN, "l3s", IPVLAN_MODE_L3S},
};

bool macvlan_is_unseen(enum switch_kind kind, const struct macvlan_conf *conf)
{
	return kind == SWITCH_IPVLAN ||
	       (kind == SWITCH_MACVLAN &&
		(conf->mode == MACVLAN_MODE_PASSTHRU || conf->in_container));
}

const char *macvlan_mode_word(enum switch_kind kind, uint32_t mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i].kind == kind && modes[i].mode == mode)
			return modes[i].word;
	return NULL;
}

bool macvlan_mode_find(enum switch_kind kind, const char *word, uint32_t *ret_mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (modes[i].kind != kind || (*word && strcmp(modes[i].word, word) != 0))
			continue;
		*ret_mode = modes[i].mode;
		return true;
	}
	return false;
}

static int master_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *master = *(const char **)value;

	if (!*master || ifname_valid(master))
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" is not an interface name, expected that of the "
			  "interface that pods are to share",
			  master);
}

static const struct json_type master_type = {.kind = JSON_TEXT, .check = master_check};

static const struct json_field fields[] = {
	FIELD(struct macvlan_conf, master, "master", &master_type),
	FIELD(struct macvlan_conf, mode_word, "mode", &text_type),
	FIELD(struct macvlan_conf, mac_text, "mac", &requested_mac_type),
	FIELD(struct macvlan_conf, in_container, "linkInContainer", &bool_type),
	FIELD(struct macvlan_conf, bc_queue_len, "bcqueuelen", &u32_type),
};
const struct json_type macvlan_root = OBJECT(fields);

int macvlan_conf_read(const struct json_doc *doc, enum switch_kind kind,
		      struct macvlan_conf *ret_conf, struct cni_error *err)
{
	struct macvlan_conf conf = {};
	int ret = json_read(doc, &macvlan_root, &conf, err);

	if (ret < 0)
		return ret;
	if (!macvlan_mode_find(kind, conf.mode_word ? conf.mode_word : "", &conf.mode))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "mode: \"%s\" is no mode of the switch \"%s\", expected "
				 "%s",
				 conf.mode_word, switch_word(kind),
				 kind == SWITCH_IPVLAN
					 ? "\"l2\", \"l3\" or \"l3s\""
					 : "\"bridge\", \"private\", \"vepa\" or "
					   "\"passthru\"");
	*ret_conf = conf;
	return 0;
}

void macvlan_keys_tell(const struct json_doc *doc, enum switch_kind kind,
		       struct notices *notices)
{
	for (size_t i = 0; switch_has_bridge(kind) && i < ARRAY_SIZE(fields); i++)
		if (json_has_at(doc, (const char *const[]){fields[i].key, NULL}))
			switch_other_key_tell(fields[i].key, SWITCH_MACVLAN, kind,
					      notices);
}
