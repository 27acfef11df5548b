/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the keys "mac" of runtimeConfig and args.cni. */
#include "requested_mac.h"

#include "conf/json/json_table.h"

struct requested {
	const char *runtime_mac;
	const char *args_mac;
};

static int mac_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *text = *(const char **)value;
	struct mac_addr mac;

	if (!*text)
		return 0;
	if (mac_parse(text, &mac) < 0)
		return json_error(
			path, NULL, err,
			"\"%s\" is not a MAC address, expected six pairs of hex "
			"digits with ':' between them",
			text);
	if (!mac_is_unicast(&mac))
		return json_error(
			path, NULL, err,
			"%s is a multicast address or all zero, expected one that "
			"an interface can have",
			text);
	return 0;
}

const struct json_type requested_mac_type = {.kind = JSON_TEXT, .check = mac_check};

static const struct json_field runtime_fields[] = {
	FIELD(struct requested, runtime_mac, "mac", &requested_mac_type),
};
static const struct json_type runtime_type = OBJECT(runtime_fields);

static const struct json_field args_cni_fields[] = {
	FIELD(struct requested, args_mac, "mac", &requested_mac_type),
};
static const struct json_type args_cni_type = OBJECT(args_cni_fields);
static const struct json_field args_fields[] = {
	{.key = "cni", .type = &args_cni_type},
};
static const struct json_type args_type = OBJECT(args_fields);

static const struct json_field root_fields[] = {
	{.key = "runtimeConfig", .type = &runtime_type},
	{.key = "args", .type = &args_type},
};
const struct json_type requested_mac_root = OBJECT(root_fields);

int requested_mac_read(const struct json_doc *doc, bool by_args, struct mac_addr *ret_mac,
		       struct cni_error *err)
{
	struct requested requested = {};
	const char *text;
	int ret;

	ret = json_read(doc, &requested_mac_root, &requested, err);
	if (ret < 0)
		return ret;
	text = by_args ? requested.args_mac : NULL;
	if (requested.runtime_mac && *requested.runtime_mac)
		text = requested.runtime_mac;
	if (text && *text)
		mac_parse(text, ret_mac);
	return 0;
}
