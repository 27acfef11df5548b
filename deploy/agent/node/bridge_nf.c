/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the parameters, writes those that differ, has the kernel load their module. */
#include "bridge_nf.h"

#include <errno.h>
#include <string.h>

#include "br_netfilter.h"
#include "conf/base/clock.h"
#include "conf/base/text.h"
#include "plugin/netlink/link.h"
#include "plugin/node/sysctl.h"

#define TELL_MS	   60000 /* between lines about changes that somebody makes */
#define OTHERS_MAX 8 /* bridges that are named */

static const char *const names[] = {"bridge-nf-call-iptables",
				    "bridge-nf-call-ip6tables"};

/* True: the parameter had another value and has the right one now. */
static bool put_right(const char *name, int value, bool *absent, struct cni_error *err)
{
	int now, ret = sysctl_get(&now, err, "bridge/%s", name);

	if (ret == 0 && now == value)
		return false;
	if (ret == 0)
		ret = sysctl_ensure(value, err, "bridge/%s", name);
	*absent = *absent || ret == SYSCTL_ABSENT;
	return ret == 0;
}

static void tell_set(struct bridge_nf *nf, bool routed)
{
	const char *value = routed ? "0" : "1";
	int64_t now = now_ms();

	if (!nf->settled || nf->routed != routed) {
		log_write(nf->log, LOG_LEVEL_INFO, "kernel parameters set", "names",
			  "net.bridge.bridge-nf-call-{iptables,ip6tables}", "value",
			  value, NULL);
		return;
	}
	nf->mended++;
	if (nf->told_at && now - nf->told_at < TELL_MS)
		return;
	nf->told_at = now;
	log_write(nf->log, LOG_LEVEL_WARN,
		  "somebody has changed kernel parameters, which are put back", "names",
		  "net.bridge.bridge-nf-call-{iptables,ip6tables}", "value", value, NULL);
}

/* Where the kernel is asked in vain, it isn't asked again: the module isn't installed, or
 * loading is forbidden. */
static void load(struct bridge_nf *nf)
{
	struct cni_error err = {};

	nf->tried = true;
	if (br_netfilter_load(nf->nft, &err) < 0)
		log_error(nf->log, "the kernel can't be asked to load br_netfilter",
			  &err);
}

/* True: all are right, or absent. */
static bool put_all_right(struct bridge_nf *nf, bool routed, bool *ret_absent,
			  struct cni_error *err)
{
	bool set = false;

	*ret_absent = false;
	for (size_t i = 0; i < ARRAY_SIZE(names) && !err->code; i++)
		set |= put_right(names[i], routed ? 0 : 1, ret_absent, err);
	if (set)
		tell_set(nf, routed);
	return !err->code;
}

static void tell_wrong(struct bridge_nf *nf, bool routed, struct cni_error *err)
{
	log_error_once(
		nf->log, &nf->error,
		routed ? "kernel parameters of the bridge are wrong"
		       : "kernel parameters of the bridge are wrong: a Service whose "
			 "pod is on the client's own node sees the node's address in "
			 "place of the client's",
		err);
}

bool bridge_nf_keep(struct bridge_nf *nf, bool routed)
{
	struct cni_error err = {};
	bool absent;

	if (put_all_right(nf, routed, &absent, &err) && absent && !routed && !nf->tried) {
		load(nf);
		put_all_right(nf, routed, &absent, &err);
		if (!absent)
			log_write(nf->log, LOG_LEVEL_INFO,
				  "the kernel has loaded the module br_netfilter", NULL);
	}
	nf->absent = absent && !routed;
	nf->tried = nf->absent;
	if (nf->absent && !err.code)
		error_set(&err, CNI_ERR_KERNEL, ENOENT,
			  "net.bridge.bridge-nf-call-iptables isn't there, as the module "
			  "br_netfilter isn't loaded, and the kernel doesn't load it by "
			  "itself; on the node, run `modprobe br_netfilter`, and have a "
			  "line \"br_netfilter\" in a file of /etc/modules-load.d");
	nf->wrong = err.code;
	if (nf->wrong) {
		tell_wrong(nf, routed, &err);
		return false;
	}
	nf->error = 0;
	nf->settled = true;
	nf->routed = routed;
	return true;
}

/* Has the bridge ports, and are they all isolated, or not all? */
static bool may_need(const struct link_list *links, const struct link *bridge,
		     bool isolated)
{
	size_t n = 0, n_isolated = 0;

	for (size_t i = 0; i < links->n; i++) {
		if (links->items[i].master != bridge->index)
			continue;
		n++;
		n_isolated += links->items[i].port.isolated;
	}
	return n && (n == n_isolated) == isolated;
}

void bridge_nf_tell_others(struct bridge_nf *nf)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	struct text found = {};
	size_t n = 0;
	uint64_t hash;

	if (!nf->settled || link_list_get(nf->rtnl, &links, NULL) < 0)
		return;
	for (size_t i = 0; i < links.n; i++) {
		const struct link *link = &links.items[i];

		if (!link_is(link, "bridge") ||
		    strcmp(link->name, nf->network->bridge) == 0 ||
		    !may_need(&links, link, !nf->routed))
			continue;
		if (n < OTHERS_MAX)
			text_add(&found, "%s%s", n ? " " : "", link->name);
		n++;
	}
	if (n > OTHERS_MAX)
		text_add(&found, " and %zu more", n - OTHERS_MAX);
	hash = found.text && !found.failed ? hash_text(found.text) : 0;
	if (hash && hash != nf->others_hash)
		log_write(nf->log, LOG_LEVEL_WARN,
			  "net.bridge.bridge-nf-call-iptables holds for other bridges, "
			  "too, which may need another value",
			  "value", nf->routed ? "0" : "1", "bridges", found.text, NULL);
	nf->others_hash = hash;
	free(found.text);
}
