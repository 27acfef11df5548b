/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A resolv.conf. The input is the file. */
#include "fuzz.h"

#include <sys/mman.h>

#include "ipam/resolv_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(close_p) int fd = memfd_create("resolv.conf", MFD_CLOEXEC);
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};
	char path[64];
	int ret;

	PROMISE(fd >= 0);
	PROMISE(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = resolv_conf_read(path, &result.dns, &text, &err);
	fuzz_promise_error(ret, &err);
	if (ret < 0)
		PROMISE(!text && !dns_is_set(&result.dns));
	else
		fuzz_promise_result(&result);
	return 0;
}
