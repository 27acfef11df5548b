/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list is made (conflist_text.h), read as the plugin would read it, and written. */
#include "conflist.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/advice.h"
#include "conf/config.h"
#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "conf/net_list.h"
#include "conf/pod.h"
#include "deploy/agent/base/files.h"

static const char *const types[] = {"bridge-cni", NULL};

/* Reads the plugin's configuration as bridge-cni does for an ADD. */
static int plugin_read(const char *plugin, struct network *ret_network,
		       struct json_doc **ret_doc, struct notices *notices,
		       struct cni_error *err)
{
	_cleanup_(pod_clear) struct pod pod = {}; /* no pod asks here: it stays empty */
	int ret = json_parse(plugin, strlen(plugin), ret_doc, err);

	if (ret == 0)
		ret = config_read(*ret_doc, CONFIG_WHOLE, ret_network, &pod, err);
	if (ret == 0)
		ret = log_conf_read(*ret_doc, &ret_network->log, err);
	if (ret == 0 && notices) {
		const struct advice advice = {
			.doc = *ret_doc,
			.network = ret_network,
			.notices = notices,
		};

		advise_keys(&advice);
		advise_effects(&advice);
	}
	return ret;
}

/* Counts from @from to @to, inclusive; UINT64_MAX: there are as many or more. */
static uint64_t addresses_between(const struct ip_addr *from, const struct ip_addr *to)
{
	unsigned int size = ip_size(from->family);
	unsigned __int128 n = 0;

	for (unsigned int i = 0; i < size; i++)
		n = n << 8 | to->bytes[i];
	for (unsigned int i = 0; i < size; i++)
		n -= (unsigned __int128)from->bytes[i] << 8 * (size - 1 - i);
	return n >= UINT64_MAX ? UINT64_MAX : (uint64_t)n + 1;
}

/* Each set of ipam.ranges has one range: the agent wrote it so. */
static void ranges_take(struct conflist *list, const struct ipam_conf *ipam)
{
	for (size_t i = ipam->runtime_sets; i < ipam->sets.n; i++) {
		const struct ip_range *range = &ipam->sets.items[i].ranges[0];
		int family = range->subnet.addr.family == AF_INET6;

		list->subnets[family] = range->subnet;
		list->gateways[family] = (struct ip_prefix){range->gateway,
							    range->subnet.len};
		list->capacity[family] = addresses_between(&range->start, &range->end);
		if (ip_cmp(&range->start, &range->gateway) <= 0 &&
		    ip_cmp(&range->gateway, &range->end) <= 0)
			list->capacity[family]--;
	}
}

/* Makes a list of a file's text, which is taken over, and freed after an error. Keys that
 * have no effect are reported to @notices, which may be NULL. */
static int from_text(char *text, struct notices *notices, struct conflist *ret_list,
		     struct cni_error *err)
{
	_cleanup_(net_list_clear) struct net_list plugins = {};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(network_clear) struct network network = {};
	_cleanup_(free_p) char *owned = text;
	int ret = net_list_read(text, strlen(text), types, &plugins, err);

	if (ret == 0 && plugins.n != 1)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%zu plugins of type bridge-cni, expected one",
				 plugins.n);
	if (ret == 0)
		ret = plugin_read(plugins.items[0].text, &network, &doc, notices, err);
	if (ret == 0)
		ret = network_names_set(&ret_list->names, network.name, network.bridge,
					network.ipam.data_dir, err);
	if (ret < 0)
		return ret;
	ret_list->kept.spoof_check = network.spoof_check;
	ret_list->kept.routed = network.routed;
	if (network.is_gateway)
		network_gateway_ifname(&network, ret_list->gateway_ifname);
	ret_list->fast_path = network.fast_path;
	ret_list->isolate = network.isolate;
	ranges_take(ret_list, &network.ipam);
	ret_list->text = TAKE_PTR(owned);
	ret_list->plugin = TAKE_PTR(plugins.items[0].text);
	return 0;
}

int conflist_make(const struct conflist_spec *spec, struct notices *notices,
		  struct conflist *ret_list, struct cni_error *err)
{
	const struct ip_prefix *cidrs = spec->own->cidrs;
	struct conflist list = {};
	char *text = NULL;
	int ret = conflist_text_make(spec, &text, err);

	if (ret == 0)
		ret = from_text(text, notices, &list, err);
	if (ret < 0) {
		error_wrap(err, "the configuration for podCIDR %s",
			   PREFIX_TEXT(&cidrs[!cidrs[0].addr.family]));
		return ret;
	}
	*ret_list = list;
	return 0;
}

int conflist_drain(struct conflist *list, struct cni_error *err)
{
	_cleanup_(net_list_clear) struct net_list plugins = {};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct conflist drained = {};
	char *text;
	int ret = net_list_read(list->text, strlen(list->text), types, &plugins, err);

	if (ret == 0)
		ret = json_parse(list->text, strlen(list->text), &doc, err);
	if (ret < 0)
		return ret;
	/* Reading the list has found one plugin. It is a list of plugins, or that one. */
	if (plugins.items[0].index < 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL, "no list of plugins");
	text = json_text_with_true(doc, "plugins", (size_t)plugins.items[0].index,
				   DRAINING);
	if (!text)
		return error_oom(err);
	ret = from_text(text, NULL, &drained, err);
	if (ret < 0)
		return ret;
	conflist_clear(list);
	*list = drained;
	return 0;
}

int conflist_install(const char *dir, const char *name, const struct conflist *list,
		     char **ret_former, struct cni_error *err)
{
	_cleanup_(free_p) char *present = NULL;
	char path[PATH_MAX];
	size_t len;
	int ret = path_join(path, dir, name, err);

	*ret_former = NULL;
	if (ret < 0)
		return ret;
	/* A file that can't be read is replaced like one with another text. */
	if (file_read(path, &present, &len, NULL) == 0 &&
	    strcmp(present, list->text) == 0)
		return 0;
	*ret_former = TAKE_PTR(present);
	ret = file_replace(dir, name, list->text, err);
	return ret < 0 ? ret : CONFLIST_WRITTEN;
}

struct outline {
	bool draining;
};

/* Is the text of conflist_drained()? Such a list doesn't say what options leave open.
 * Each list of conflist_make() has nonMasqueradeCIDRs, if only an empty list. */
static bool is_stand_in(const char *text)
{
	static const struct json_field fields[] = {
		FIELD(struct outline, draining, DRAINING, &bool_type),
	};
	static const struct json_type type = OBJECT(fields);
	_cleanup_(net_list_clear) struct net_list plugins = {};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct outline outline = {};
	const char *plugin;

	if (net_list_read(text, strlen(text), types, &plugins, NULL) < 0 ||
	    plugins.n != 1)
		return false;
	plugin = plugins.items[0].text;
	return json_parse(plugin, strlen(plugin), &doc, NULL) == 0 &&
	       json_read(doc, &type, &outline, NULL) == 0 && outline.draining &&
	       !json_has_list(doc, "nonMasqueradeCIDRs");
}

int conflist_load(const char *dir, const char *name, struct conflist *ret_list,
		  struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	struct conflist list = {};
	char path[PATH_MAX];
	size_t len;
	int ret = path_join(path, dir, name, err);

	if (ret == 0)
		ret = file_read(path, &text, &len, err);
	if (ret == FILE_ABSENT || (ret == 0 && is_stand_in(text)))
		return CONFLIST_ABSENT;
	if (ret == 0)
		ret = from_text(TAKE_PTR(text), NULL, &list, err);
	if (ret == 0)
		*ret_list = list;
	return ret;
}

void conflist_clear(struct conflist *list)
{
	free(list->text);
	free(list->plugin);
	network_names_clear(&list->names);
	*list = (struct conflist){};
}
