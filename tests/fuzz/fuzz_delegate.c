/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a delegated IPAM printed, read as a result and as an error. The input is its
 * standard output. */
#include "fuzz.h"

#include "conf/answer.h"

static void read_result(const char *text, size_t len)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(cni_result_clear) struct cni_result result = {};
	struct cni_error err = {};
	int ret = answer_read_result(text, len, &doc, &result, &err);

	fuzz_promise_error(ret, &err);
	if (ret < 0) {
		PROMISE(!doc && !result.ips.items && !result.routes.items);
		PROMISE(err.code == CNI_ERR_JSON || err.code == CNI_ERR_CONFIG);
		return;
	}
	for (size_t i = 0; i < result.ips.n; i++) {
		const struct ip_config *ip = &result.ips.items[i];

		PROMISE(ip->interface < (int)result.interfaces.n);
		PROMISE(ip->gateway.family == 0 ||
			ip->gateway.family == ip->address.addr.family);
	}
	for (size_t i = 0; i < result.routes.n; i++)
		PROMISE(result.routes.items[i].gw.family == 0 ||
			result.routes.items[i].gw.family ==
				result.routes.items[i].dst.addr.family);
	fuzz_promise_result(&result);
}

static void read_error(const char *text, size_t len)
{
	struct cni_error own = {}, err = {};
	int ret = answer_read_error(text, len, &own, &err);

	fuzz_promise_error(ret, &err);
	PROMISE((ret == 0) == (own.code != 0));
	if (ret < 0)
		return;
	PROMISE(own.code > 0 && own.msg[0]);
	fuzz_promise_json(error_text(&own, CNI_1_1_0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_result((const char *)data, size);
	read_error((const char *)data, size);
	return 0;
}
