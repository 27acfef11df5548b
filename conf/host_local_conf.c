/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the configuration of the in-process IPAM: the key ipam of the type host-local,
 * and the parts of runtimeConfig and args that ask something of it. ranges.c reads
 * ranges.
 */
#include "host_local_conf.h"

#include "conf/json/json_table.h"
#include "ranges.h"

/* A path that is opened as it is, whatever the working directory; "" counts as absent. */
static int path_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char **text = value;

	if (!**text)
		*text = NULL;
	else if (**text != '/')
		return json_error(path, NULL, err,
				  "\"%s\" is not an absolute path, expected it to start "
				  "with '/'",
				  *text);
	return 0;
}

static const struct json_type path_type = {.kind = JSON_TEXT, .check = path_check};

/* The keys of ipam, where its type is host-local, and of runtimeConfig and args, as far
 * as they are for host-local. */
struct host_local {
	struct range_sources ranges;
	struct route_list routes;
	const char *data_dir;
	const char *resolv_conf;
	struct ip_request_list runtime_ips, args_ips;
};

static const struct json_field host_local_identity_fields[] = {
	FIELD(struct host_local, data_dir, "dataDir", &path_type),
};
static const struct json_type host_local_identity = OBJECT(host_local_identity_fields);
static const struct json_field host_local_identity_root_fields[] = {
	{.key = "ipam", .type = &host_local_identity},
};
static const struct json_type host_local_identity_root =
	OBJECT(host_local_identity_root_fields);

#define SINGLE offsetof(struct host_local, ranges.single)
static const struct json_field host_local_fields[] = {
	RANGE_FIELDS(SINGLE, false),
	FIELD(struct host_local, ranges.configured, "ranges", &range_sets_type),
	FIELD(struct host_local, routes, "routes", &conf_routes_type),
	FIELD(struct host_local, data_dir, "dataDir", &path_type),
	FIELD(struct host_local, resolv_conf, "resolvConf", &path_type),
};
static const struct json_type host_local = OBJECT(host_local_fields);

static const struct json_field runtime_fields[] = {
	FIELD(struct host_local, runtime_ips, "ips", &ip_requests_type),
	FIELD(struct host_local, ranges.runtime, "ipRanges", &range_sets_type),
};
static const struct json_type runtime_type = OBJECT(runtime_fields);

static const struct json_field args_cni_fields[] = {
	FIELD(struct host_local, args_ips, "ips", &ip_requests_type),
};
static const struct json_type args_cni_type = OBJECT(args_cni_fields);
static const struct json_field args_fields[] = {{.key = "cni", .type = &args_cni_type}};
static const struct json_type args_type = OBJECT(args_fields);

static const struct json_field host_local_root_fields[] = {
	{.key = "ipam", .type = &host_local},
	{.key = "runtimeConfig", .type = &runtime_type},
	{.key = "args", .type = &args_type},
};
const struct json_type host_local_root = OBJECT(host_local_root_fields);

static void host_local_clear(struct host_local *local)
{
	json_clear(&host_local_root, local);
}

int host_local_read(const struct json_doc *doc, bool whole, enum cni_version version,
		    struct ipam_conf *ipam, struct ip_request_list *ret_runtime_ips,
		    struct ip_request_list *ret_args_ips, struct cni_error *err)
{
	_cleanup_(host_local_clear) struct host_local local = {};
	int ret;

	ret = json_read(doc, whole ? &host_local_root : &host_local_identity_root, &local,
			err);
	if (ret == 0 && whole)
		ret = range_sets_finish(&local.ranges, version, ipam, err);
	if (ret < 0)
		return ret;
	if (local.data_dir)
		ipam->data_dir = local.data_dir;
	ipam->resolv_conf = local.resolv_conf;
	ipam->routes = local.routes;
	local.routes = (struct route_list){};
	*ret_runtime_ips = local.runtime_ips;
	local.runtime_ips = (struct ip_request_list){};
	*ret_args_ips = local.args_ips;
	local.args_ips = (struct ip_request_list){};
	return 0;
}

void host_local_conf_clear(struct ipam_conf *ipam)
{
	json_clear(&range_sets_type, &ipam->sets);
	json_clear(&conf_routes_type, &ipam->routes);
}
