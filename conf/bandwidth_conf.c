/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads how fast a pod may receive and send: from the configuration's own keys, or else
 * from runtimeConfig.bandwidth, by which the runtime asks. Names, units and limits are
 * those of the reference plugin bandwidth.
 */
#include "bandwidth_conf.h"

#include <stdbool.h>

#include "cni_result.h"
#include "conf/json/json_table.h"

#define RATE_MIN  8 /* bits per second: the kernel counts bytes */
#define RATE_MAX  1000000000000000 /* 1P, the most that Kubernetes' annotations take */
#define BURST_MAX (8 * (uint64_t)UINT32_MAX - 1) /* bits */

/*
 * Kubernetes has annotations for rates only, and its runtimes fill in a burst that is out
 * of the way: INT32_MAX (dockershim), UINT32_MAX (containerd), BURST_MAX (CRI-O). Taken
 * at their word a pod would not be limited for its first half or four gigabytes.
 */
#define RUNTIME_BURST_NONE INT32_MAX
#define DEFAULT_BURST_MS   100
#define DEFAULT_BURST_MIN  (8 * 65536) /* bits: a packet as TCP hands it down */

struct keys {
	struct bandwidth bandwidth;
	bool given; /* one of the keys is there, even if it is 0 */
	struct string_list unshaped, shaped;
};

static int subnets_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const struct string_list *subnets = value;
	int ret;

	if (subnets->n == 0)
		return 0;
	ret = json_error(path, NULL, err,
			 "not supported: the rates are for all that the pod receives and "
			 "sends; remove the key");
	error_recode(err, CNI_ERR_UNSUPPORTED_FIELD);
	return ret;
}

static const struct json_type rate_type = {
	.kind = JSON_U64,
	.min = RATE_MIN,
	.max = RATE_MAX,
	.or_zero = true,
};
static const struct json_type burst_type = {.kind = JSON_U64, .max = BURST_MAX};
static const struct json_type subnets_type = {
	.kind = JSON_LIST,
	.max = UINT32_MAX,
	.item = &text_type,
	.item_size = sizeof(const char *),
	.check = subnets_check,
};

static const struct json_field fields[] = {
	FIELD_SET(struct keys, bandwidth.ingress.rate, given, "ingressRate", &rate_type),
	FIELD_SET(struct keys, bandwidth.ingress.burst, given, "ingressBurst",
		  &burst_type),
	FIELD_SET(struct keys, bandwidth.egress.rate, given, "egressRate", &rate_type),
	FIELD_SET(struct keys, bandwidth.egress.burst, given, "egressBurst", &burst_type),
	FIELD(struct keys, unshaped, "unshapedSubnets", &subnets_type),
	FIELD(struct keys, shaped, "shapedSubnets", &subnets_type),
};
const struct json_type bandwidth_root = OBJECT(fields);

static const struct json_field runtime_fields[] = {
	{.key = "bandwidth", .type = &bandwidth_root},
};
static const struct json_type runtime_type = OBJECT(runtime_fields);
static const struct json_field root_fields[] = {
	{.key = "runtimeConfig", .type = &runtime_type},
};
const struct json_type bandwidth_runtime_root = OBJECT(root_fields);

static const struct json_path runtime_path = {.key = "runtimeConfig"};
static const struct json_path bandwidth_path = {
	.parent = &runtime_path,
	.key = "bandwidth",
};

static void settle_burst(struct rate_limit *limit)
{
	uint64_t burst = limit->rate / 1000 * DEFAULT_BURST_MS;

	if (limit->burst < RUNTIME_BURST_NONE)
		return;
	if (burst < DEFAULT_BURST_MIN)
		burst = DEFAULT_BURST_MIN;
	if (burst < limit->burst)
		limit->burst = burst;
}

static int check_together(const struct rate_limit *limit, const struct json_path *path,
			  const char *rate, const char *burst, struct cni_error *err)
{
	if (!limit->rate == !limit->burst)
		return 0;
	return json_error(path, limit->rate ? burst : rate, err,
			  "missing, expected it together with %s",
			  limit->rate ? rate : burst);
}

int bandwidth_read(const struct json_doc *doc, struct bandwidth *ret_bandwidth,
		   struct cni_error *err)
{
	struct keys configured = {}, runtime = {};
	const struct keys *keys = &configured;
	const struct json_path *path = NULL;
	int ret;

	ret = json_read(doc, &bandwidth_root, &configured, err);
	if (ret == 0)
		ret = json_read(doc, &bandwidth_runtime_root, &runtime, err);
	if (ret < 0)
		return ret;
	if (!configured.given) {
		keys = &runtime;
		path = &bandwidth_path;
	}
	ret = check_together(&keys->bandwidth.ingress, path, "ingressRate",
			     "ingressBurst", err);
	if (ret == 0)
		ret = check_together(&keys->bandwidth.egress, path, "egressRate",
				     "egressBurst", err);
	if (ret < 0)
		return ret;
	*ret_bandwidth = keys->bandwidth;
	if (keys == &runtime) {
		settle_burst(&ret_bandwidth->ingress);
		settle_burst(&ret_bandwidth->egress);
	}
	return 0;
}
