/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list is rendered, read as the plugin would read it, and written. */
#include "conflist.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_write.h"
#include "conf/net_list.h"
#include "conf/config.h"
#include "deploy/agent/base/files.h"

#define DRAINING "draining" /* the plugin's key: ADD and STATUS answer code 50 */

static const char *const types[] = {"bridge-cni", NULL};

/* The ranges are in the order of the podCIDRs, which becomes that of a pod's addresses. */
static void put_ranges(struct json_writer *w, const struct cluster_node *own)
{
	json_open(w, "ranges", '[');
	for (int i = 0; i < IP_FAMILIES; i++) {
		const struct ip_prefix *cidr = &own->cidrs[own->v6_first ? !i : i];

		if (!cidr->addr.family)
			continue;
		json_open(w, NULL, '[');
		json_open(w, NULL, '{');
		json_text(w, "subnet", PREFIX_TEXT(cidr));
		json_close(w, '}');
		json_close(w, ']');
	}
	json_close(w, ']');
}

static void put_capabilities(struct json_writer *w, const struct options *options)
{
	json_open(w, "capabilities", '{');
	if (options->host_ports)
		json_bool(w, "portMappings", true);
	if (options->bandwidth)
		json_bool(w, "bandwidth", true);
	json_close(w, '}');
}

/* Absent keys are false. spoofCheck is there in any case, because its value isn't the
 * same on all nodes. */
static void put_guards(struct json_writer *w, const struct options *options,
		       const struct conflist_kept *kept)
{
	json_bool(w, "spoofCheck",
		  options->spoof_check == OPTION_UNSET
			  ? kept->spoof_check
			  : options->spoof_check == OPTION_YES);
	if (kept->routed)
		json_text(w, "podLink", "routed");
	if (options->mac_spoof_check)
		json_bool(w, "macspoofchk", true);
	if (options->port_isolation)
		json_bool(w, "portIsolation", true);
}

static void put_plugin(struct json_writer *w, const struct options *options,
		       const struct conflist_kept *kept, const struct cluster_node *own,
		       const struct prefix_list *cluster)
{
	json_open(w, NULL, '{');
	json_text(w, "type", types[0]);
	json_text(w, "bridge", options->bridge);
	json_bool(w, "isDefaultGateway", true);
	/* After a change of the podCIDR the bridge still has the former one's gateway. */
	json_bool(w, "forceAddress", true);
	json_bool(w, "hairpinMode", true);
	json_bool(w, "ipMasq", true);
	json_open(w, "nonMasqueradeCIDRs", '[');
	for (size_t i = 0; i < cluster->n && i < NON_MASQUERADE_MAX; i++)
		json_text(w, NULL, PREFIX_TEXT(&cluster->items[i]));
	json_close(w, ']');
	json_number_if(w, "mtu", options->mtu);
	if (options->uninstall)
		json_bool(w, DRAINING, true);
	put_guards(w, options, kept);
	put_capabilities(w, options);
	/* Whoever may make pods may ask for any host port: a pod must not take sshd's or
	 * the kubelet's. */
	if (options->host_ports)
		json_text(w, "hostPortOverListener", "refuse");
	json_open(w, "ipam", '{');
	json_text(w, "type", "host-local");
	put_ranges(w, own);
	json_text(w, "dataDir", options->data_dir);
	json_close(w, '}');
	json_close(w, '}');
}

/* Reads the plugin's configuration as bridge-cni does. */
static int plugin_read(const char *plugin, struct network *ret_network,
		       struct json_doc **ret_doc, struct cni_error *err)
{
	_cleanup_(pod_clear) struct pod pod = {}; /* no pod asks here: it stays empty */
	int ret = json_parse(plugin, strlen(plugin), ret_doc, err);

	return ret < 0 ? ret
		       : config_read(*ret_doc, CONFIG_WHOLE, ret_network, &pod, err);
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

/* Each set has one range: put_ranges() wrote it so. */
static void ranges_take(struct conflist *list, const struct range_set_list *sets)
{
	for (size_t i = 0; i < sets->n; i++) {
		const struct ip_range *range = &sets->items[i].ranges[0];
		int family = range->subnet.addr.family == AF_INET6;

		list->subnets[family] = range->subnet;
		list->capacity[family] = addresses_between(&range->start, &range->end);
		if (ip_cmp(&range->start, &range->gateway) <= 0 &&
		    ip_cmp(&range->gateway, &range->end) <= 0)
			list->capacity[family]--;
	}
}

/* Makes a list of a file's text, which is taken over, and freed after an error. */
static int from_text(char *text, struct conflist *ret_list, struct cni_error *err)
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
		ret = plugin_read(plugins.items[0].text, &network, &doc, err);
	if (ret == 0)
		ret = network_names_set(&ret_list->names, network.name, network.bridge,
					network.ipam.data_dir, err);
	if (ret < 0)
		return ret;
	ret_list->kept.spoof_check = network.spoof_check;
	ret_list->kept.routed = network.routed;
	ranges_take(ret_list, &network.ipam.sets);
	ret_list->text = TAKE_PTR(owned);
	ret_list->plugin = TAKE_PTR(plugins.items[0].text);
	return 0;
}

int conflist_make(const struct options *options, const struct conflist_kept *kept,
		  const struct cluster_node *own, const struct prefix_list *cluster,
		  struct conflist *ret_list, struct cni_error *err)
{
	struct conflist list = {};
	struct json_writer w = {};
	char *text;
	int ret;

	json_open(&w, NULL, '{');
	json_text(&w, "cniVersion", options->cni_version);
	json_text(&w, "name", options->network);
	json_open(&w, "plugins", '[');
	put_plugin(&w, options, kept, own, cluster);
	json_close(&w, ']');
	json_close(&w, '}');
	text = json_finish(&w);
	if (!text)
		return error_oom(err);
	ret = from_text(text, &list, err);
	if (ret < 0) {
		error_wrap(err, "the configuration for podCIDR %s",
			   PREFIX_TEXT(&own->cidrs[!own->cidrs[0].addr.family]));
		return ret;
	}
	if (cluster->n > NON_MASQUERADE_MAX)
		list.left_out = cluster->n - NON_MASQUERADE_MAX;
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
	ret = from_text(text, &drained, err);
	if (ret < 0)
		return ret;
	conflist_clear(list);
	*list = drained;
	return 0;
}

char *conflist_drained(const struct options *options, const struct network_names *network)
{
	struct json_writer w = {};

	json_open(&w, NULL, '{');
	json_text(&w, "cniVersion", options->cni_version);
	json_text(&w, "name", network->name);
	json_open(&w, "plugins", '[');
	json_open(&w, NULL, '{');
	json_text(&w, "type", types[0]);
	json_text(&w, "bridge", network->bridge);
	json_bool(&w, DRAINING, true);
	json_open(&w, "ipam", '{');
	json_text(&w, "type", "host-local");
	json_text(&w, "dataDir", network->data_dir);
	json_close(&w, '}');
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	return json_finish(&w);
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

int conflist_load(const char *dir, const char *name, struct conflist *ret_list,
		  struct cni_error *err)
{
	struct conflist list = {};
	char path[PATH_MAX], *text;
	size_t len;
	int ret = path_join(path, dir, name, err);

	if (ret == 0)
		ret = file_read(path, &text, &len, err);
	if (ret == FILE_ABSENT)
		return CONFLIST_ABSENT;
	if (ret == 0)
		ret = from_text(text, &list, err);
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
