/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnftables by dlopen(): its four libraries cost more than the rest of an ADD. */
#include "nft.h"

#include <dlfcn.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

#define LIBRARY "libnftables.so.1"

struct api {
	void *library;
	__typeof__(&nft_ctx_new) ctx_new;
	__typeof__(&nft_ctx_free) ctx_free;
	__typeof__(&nft_ctx_buffer_error) buffer_error;
	__typeof__(&nft_ctx_buffer_output) buffer_output;
	__typeof__(&nft_ctx_get_error_buffer) get_error_buffer;
	__typeof__(&nft_run_cmd_from_buffer) run;
};

static int api_load(struct api *ret_api, struct cni_error *err)
{
	struct api api = {.library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)};
	const struct {
		const char *name;
		void *address;
	} symbols[] = {
		{"nft_ctx_new", &api.ctx_new},
		{"nft_ctx_free", &api.ctx_free},
		{"nft_ctx_buffer_error", &api.buffer_error},
		{"nft_ctx_buffer_output", &api.buffer_output},
		{"nft_ctx_get_error_buffer", &api.get_error_buffer},
		{"nft_run_cmd_from_buffer", &api.run},
	};

	if (!api.library)
		return error_set(err, CNI_ERR_RULES, ENOENT,
				 "rules need libnftables, which can't be loaded: %s "
				 "(Debian and Ubuntu: apt install libnftables1; of a "
				 "bundle, all of bridge-cni.lib is needed)",
				 dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(api.library, symbols[i].name);

		if (!symbol)
			return error_set(err, CNI_ERR_RULES, ENOSYS,
					 LIBRARY " has no function %s", symbols[i].name);
		memcpy(symbols[i].address, &symbol, sizeof(symbol));
	}
	*ret_api = api;
	return 0;
}

/* The library's first complaint, without the source line and marks that follow it. */
static int refusal_set(const char *complaint, struct cni_error *err)
{
	int ret = error_set(err, CNI_ERR_RULES, EIO, "nftables refused the rules: %.*s",
			    (int)strcspn(complaint, "\n"), complaint);

	error_details(err, "%s", complaint);
	return ret;
}

int nft_apply(const char *text, struct cni_error *err)
{
	struct api api = {};
	struct nft_ctx *ctx;
	int ret;

	/* Loaded for good: unloading would only cost time. */
	ret = api_load(&api, err);
	if (ret < 0)
		return ret;
	ctx = api.ctx_new(NFT_CTX_DEFAULT);
	if (!ctx)
		return error_oom(err);
	if (api.buffer_error(ctx) || api.buffer_output(ctx))
		ret = error_oom(err);
	else if (api.run(ctx, text) != 0)
		ret = refusal_set(api.get_error_buffer(ctx), err);
	api.ctx_free(ctx);
	return ret;
}
