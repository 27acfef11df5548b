/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list has three layers: what the options say, over that the template, and over that
 * what is the agent's alone. Where pods' routes have a limit, it comes last. */
#include "conflist_text.h"

#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_overlay.h"
#include "conf/json/json_write.h"
#include "conflist_routes.h"

/* -- keys that give way to a template: to the same key, or to one that excludes it */

/* A plugin of the template that has a capability does the work: two would do it twice. */
static void put_capabilities(struct json_writer *w, const struct conflist_spec *spec)
{
	bool ports = spec->options->host_ports && !template_ports_behind(spec->template);
	bool bandwidth = spec->options->bandwidth &&
			 !template_bandwidth_behind(spec->template);

	if (!spec->template->has_capabilities) {
		json_open(w, "capabilities", '{');
		if (ports)
			json_bool(w, "portMappings", true);
		if (bandwidth)
			json_bool(w, "bandwidth", true);
		json_close(w, '}');
	}
	/* Whoever may make pods may ask for any host port: a pod must not take sshd's or
	 * the kubelet's. */
	if (ports)
		json_text(w, "hostPortOverListener", "refuse");
}

/* Will pods be able to send from their own MAC addresses alone? */
static bool checks_macs(const struct conflist_spec *spec, bool spoof_check)
{
	if (spec->template->spoof_check != OPTION_UNSET)
		spoof_check = spec->template->spoof_check == OPTION_YES;
	return spoof_check || spec->options->mac_spoof_check;
}

/* Absent keys are false. spoofCheck is there in any case, because its value isn't the
 * same on all nodes. Where a pod may have other MAC addresses as well, quietBridge would
 * keep frames from them. */
static void put_guards(struct json_writer *w, const struct conflist_spec *spec)
{
	const struct options *options = spec->options;
	bool spoof_check = options->spoof_check == OPTION_UNSET
				   ? spec->kept->spoof_check
				   : options->spoof_check == OPTION_YES;

	json_bool(w, "spoofCheck", spoof_check);
	if (checks_macs(spec, spoof_check) && !spec->template->has_trunk)
		json_bool(w, "quietBridge", true);
	if (options->mac_spoof_check)
		json_bool(w, "macspoofchk", true);
	if (options->port_isolation)
		json_bool(w, "portIsolation", true);
}

static void put_default_keys(struct json_writer *w, const struct conflist_spec *spec)
{
	const struct conflist_template *template = spec->template;
	const struct options *options = spec->options;

	json_text(w, "type", "bridge-cni");
	json_text(w, "bridge", options->bridge);
	if (!template->has_gateway)
		json_bool(w, "isDefaultGateway", true);
	/* The bridge may have an address of the network plugin of before. */
	if (!template->has_gateway || template->gateway)
		json_bool(w, "forceAddress", true);
	if (!template->promiscuous)
		json_bool(w, "hairpinMode", true);
	json_bool(w, "ipMasq", true);
	json_number_if(w, "mtu", options->mtu);
	put_guards(w, spec);
	put_capabilities(w, spec);
	json_open(w, "ipam", '{');
	json_text(w, "type", "host-local");
	json_text(w, "dataDir", options->data_dir);
	json_close(w, '}');
}

static void put_defaults(struct json_writer *w, const struct conflist_spec *spec)
{
	json_text(w, "cniVersion", spec->options->cni_version);
	json_text(w, "name", spec->options->network);
	json_open(w, "plugins", '[');
	json_open(w, NULL, '{');
	put_default_keys(w, spec);
	json_close(w, '}');
	json_close(w, ']');
}

/* -- keys that are the agent's, whatever a template says */

/* The ranges are in the order of the podCIDRs, which becomes that of a pod's
 * addresses. */
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

/* A node takes another podLink when it can, not when it is asked to (pod_link.h). */
static void put_own_keys(struct json_writer *w, const struct conflist_spec *spec)
{
	const struct prefix_list *plain = spec->plain;

	json_open(w, "nonMasqueradeCIDRs", '[');
	for (size_t i = 0; i < plain->n; i++)
		json_text(w, NULL, PREFIX_TEXT(&plain->items[i]));
	json_close(w, ']');
	if (spec->kept->routed)
		json_text(w, "podLink", "routed");
	else if (spec->template->routed != OPTION_UNSET)
		json_text(w, "podLink", "bridged");
	if (spec->options->uninstall)
		json_bool(w, DRAINING, true);
	else if (spec->options->tunnel == TUNNEL_WIREGUARD)
		json_bool(w, WAIT_FOR_AGENT, true);
	json_open(w, "ipam", '{');
	put_ranges(w, spec->own);
	json_close(w, '}');
}

static void put_own(struct json_writer *w, const struct conflist_spec *spec)
{
	json_open(w, "plugins", '[');
	json_open(w, NULL, '{');
	put_own_keys(w, spec);
	json_close(w, '}');
	json_close(w, ']');
}

/* -- the layers together */

static int layer_make(void (*put)(struct json_writer *w,
				  const struct conflist_spec *spec),
		      const struct conflist_spec *spec, struct json_doc **ret_doc,
		      struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	struct json_writer w = {};

	json_open(&w, NULL, '{');
	put(&w, spec);
	json_close(&w, '}');
	text = json_finish(&w);
	return text ? json_parse(text, strlen(text), ret_doc, err) : error_oom(err);
}

int conflist_text_make(const struct conflist_spec *spec, char **ret_text,
		       struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *list = NULL, *own = NULL;
	int ret = layer_make(put_defaults, spec, &list, err);

	if (ret == 0 && spec->template->doc)
		ret = json_overlay(list, spec->template->doc, err);
	if (ret == 0)
		ret = layer_make(put_own, spec, &own, err);
	if (ret == 0)
		ret = json_overlay(list, own, err);
	if (ret == 0 && spec->route_mtu)
		ret = conflist_routes_limit(list, spec->own->cidrs, spec->route_mtu, err);
	if (ret < 0)
		return ret;
	*ret_text = json_doc_text(list);
	return *ret_text ? 0 : error_oom(err);
}

char *conflist_drained(const struct options *options, const struct network_names *network)
{
	struct json_writer w = {};

	json_open(&w, NULL, '{');
	json_text(&w, "cniVersion", options->cni_version);
	json_text(&w, "name", network->name);
	json_open(&w, "plugins", '[');
	json_open(&w, NULL, '{');
	json_text(&w, "type", "bridge-cni");
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
