/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kubeconfig, in YAML or JSON. */
#include "fuzz.h"

#include "deploy/agent/api/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kubeconfig kubeconfig = KUBECONFIG_NONE;
	struct cni_error err = {};
	int ret = kubeconfig_parse((const char *)data, size, "/etc", &kubeconfig, &err);

	fuzz_promise_error(ret, &err);
	if (ret < 0) {
		PROMISE(!kubeconfig.server && kubeconfig.fds[0] == -1);
		return 0;
	}
	PROMISE(strncmp(kubeconfig.server, "https://", 8) == 0);
	PROMISE(kubeconfig.files[KUBECONFIG_CA]);
	PROMISE(kubeconfig.files[KUBECONFIG_TOKEN] || kubeconfig.files[KUBECONFIG_CERT]);
	PROMISE(!kubeconfig.files[KUBECONFIG_CERT] == !kubeconfig.files[KUBECONFIG_KEY]);
	kubeconfig_close(&kubeconfig);
	return 0;
}
