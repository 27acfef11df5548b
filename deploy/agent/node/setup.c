/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bundle comes first: a runtime must not find a configuration whose executable isn't
 * there. */
#include "setup.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "conf/identity.h"
#include "conflist_edit.h"

int setup_open(struct setup *setup, struct cni_error *err)
{
	const struct options *options = setup->options;

	setup->template.options = options;
	setup->template.log = setup->log;
	setup->links.options = options;
	setup->links.log = setup->log;
	return network_names_set(&setup->conflist.names, options->network,
				 options->bridge, options->data_dir, err);
}

void setup_clear(struct setup *setup)
{
	conflist_clear(&setup->conflist);
	template_file_clear(&setup->template);
}

static void take_list(struct setup *setup, const struct conflist *list)
{
	conflist_clear(&setup->conflist);
	setup->conflist = *list;
}

void setup_load_conflist(struct setup *setup)
{
	const struct options *options = setup->options;
	struct conflist list = {};
	struct cni_error err = {};
	int ret = conflist_load(options->conf_dir, options->conflist, &list, &err);

	if (ret == 0)
		take_list(setup, &list);
	setup->kept = setup->conflist.kept;
	if (ret == 0) {
		setup->on_disk = hash_text(setup->conflist.text);
		ret = options->uninstall ? conflist_drain(&setup->conflist, &err) : 0;
	}
	if (ret == CONFLIST_ABSENT)
		setup->kept.spoof_check = true;
	if (ret < 0 && options->spoof_check == OPTION_UNSET)
		error_wrap(&err, "spoofCheck is false unless --spoof-check is given");
	if (ret < 0)
		log_error(setup->log, "the former configuration can't be understood",
			  &err);
}

void setup_stand_in(struct setup *setup)
{
	/* Without memory for it the node goes on without a list. */
	if (setup->options->uninstall && !setup->conflist.text)
		setup->conflist.text = conflist_drained(setup->options,
							&setup->conflist.names);
}

void setup_check_bundle(struct setup *setup)
{
	struct cni_error err = {};
	int ret = install_ensure(&setup->install, &err);

	setup->installed = ret >= 0;
	if (ret < 0) {
		log_error_once(setup->log, &setup->install_error, "installing has failed",
			       &err);
		return;
	}
	setup->install_error = 0;
	if (ret == INSTALL_DONE)
		log_write(setup->log, LOG_LEVEL_INFO, "installed", "version",
			  setup->install.version, "directory", setup->options->bin_dir,
			  NULL);
	plugin_links_ensure(&setup->links);
}

/* Tells what somebody else's text of the file said. Where the file can't be replaced, it
 * is told once. */
static void tell_edit(struct setup *setup, const char *former)
{
	uint64_t hash = hash_text(former);
	bool edited = setup->on_disk && hash != setup->on_disk;

	if (edited || !setup->followed)
		conflist_edit_tell(
			setup->log, edited ? CONFLIST_EDIT : CONFLIST_EDIT_FORMER,
			setup->options->conflist, former, setup->conflist.text,
			setup->template.used ? setup->options->conflist_template : NULL);
	setup->on_disk = hash;
}

enum setup_conflist setup_check_conflist(struct setup *setup)
{
	const struct options *options = setup->options;
	_cleanup_(free_p) char *former = NULL;
	struct cni_error err = {};
	int ret;

	if (setup->held_back)
		setup->configured = false;
	if (!setup->installed || !setup->conflist.text || setup->held_back)
		return SETUP_CONFLIST_NOT_YET;
	ret = conflist_install(options->conf_dir, options->conflist, &setup->conflist,
			       &former, &err);
	setup->configured = ret >= 0;
	if (former)
		tell_edit(setup, former);
	setup->followed = setup->followed || setup->made;
	if (ret < 0) {
		log_error_once(setup->log, &setup->write_error,
			       "writing the configuration has failed", &err);
		return SETUP_CONFLIST_NOT_YET;
	}
	setup->write_error = 0;
	setup->on_disk = hash_text(setup->conflist.text);
	if (ret != CONFLIST_WRITTEN)
		return SETUP_CONFLIST_RIGHT;
	log_write(setup->log, LOG_LEVEL_INFO, "configuration written", "file",
		  options->conflist, "directory", options->conf_dir, NULL);
	return SETUP_CONFLIST_WRITTEN;
}

static bool has_cidr(const struct cluster_node *own)
{
	return own && (own->cidrs[0].addr.family || own->cidrs[1].addr.family);
}

/* A template is judged before the node has podCIDRs, too: by one of RFC 5737. */
static const struct cluster_node example = {
	.cidrs = {{.addr = {.family = AF_INET, .bytes = {192, 0, 2, 0}}, .len = 24}},
};

bool setup_check_template(struct setup *setup, const struct node_table *nodes)
{
	const struct cluster_node *own = node_table_find(nodes,
							 setup->options->node_name);
	const struct prefix_list none = {};
	const struct conflist_spec spec = {
		.options = setup->options,
		.kept = &setup->kept,
		.own = has_cidr(own) ? own : &example,
		.plain = &none,
		.route_mtu = setup->route_mtu,
	};
	const struct network_names *names = &setup->template.names;

	if (!template_file_look(&setup->template, &spec))
		return false;
	/* Without memory for them the names stay as they are until there is a list. */
	if (!setup->conflist.text)
		(void)network_names_set(&setup->conflist.names, names->name,
					names->bridge, names->data_dir, NULL);
	return true;
}

enum option_choice setup_pod_link(const struct setup *setup)
{
	enum option_choice choice = setup->template.template.routed;

	return choice == OPTION_UNSET ? setup->options->routed : choice;
}

/* Takes the MTU for the pods' routes. A list that takes no new pods needs none. */
static int route_mtu_take(struct setup *setup, const struct cluster_node *own,
			  struct cni_error *err)
{
	uint32_t before = setup->route_mtu;
	char text[sizeof("4294967295")];
	int ret = 0;

	if (setup->options->uninstall)
		return 0;
	ret = tunnel_mtu_of_routes(setup->mtu, own, &setup->route_mtu, err);
	if (ret < 0 || setup->route_mtu == before)
		return ret;
	snprintf(text, sizeof(text), "%u", setup->route_mtu);
	log_write(setup->log, LOG_LEVEL_INFO, "the MTU of new pods' routes has changed",
		  "mtu", text, "uplink", setup->mtu->ifname, NULL);
	return 0;
}

static int conflist_of(struct setup *setup, const struct node_table *nodes,
		       const struct cluster_node *own, struct conflist *ret_list,
		       struct cni_error *err)
{
	_cleanup_(plain_list_clear) struct plain_list plain = {};
	struct conflist_spec spec = {
		.options = setup->options,
		.template = &setup->template.template,
		.kept = &setup->kept,
		.own = own,
		.plain = &plain.prefixes,
	};
	int ret = plain_list_make(setup->options, spec.template, nodes, &plain, err);

	if (ret == 0)
		ret = route_mtu_take(setup, own, err);
	spec.route_mtu = setup->route_mtu;
	if (ret == 0)
		ret = conflist_make(&spec, NULL, ret_list, err);
	if (ret < 0)
		return ret;
	plain_list_tell(&plain, &setup->left_out, setup->log);
	setup->left_out = plain;
	setup->left_out.prefixes = (struct prefix_list){};
	return 0;
}

static bool is_refused(const struct cluster_node *own)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		if (own->cidrs[i].addr.family && own->ranges[i] != RANGE_ACCEPTED)
			return true;
	return false;
}

void setup_make_conflist(struct setup *setup, const struct node_table *nodes)
{
	const char *name = setup->options->node_name;
	const struct cluster_node *own = node_table_find(nodes, name);
	struct conflist list = {};
	struct cni_error err = {};

	if (!has_cidr(own)) {
		error_set(&err, CNI_ERR_TRY_AGAIN, ENOENT, "%s has no %s yet", name,
			  own ? "podCIDR" : "Node");
		/* A new node has them in a moment. One that has pods has lost them. */
		log_waiting_once(setup->log,
				 setup->conflist.text ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
				 &setup->make_error, &err);
		return;
	}
	/* A list that takes no new pods is kept on the node all the same. */
	setup->held_back = is_refused(own) && !setup->options->uninstall;
	if (is_refused(own) || !setup->template.settled)
		return;
	if (conflist_of(setup, nodes, own, &list, &err) < 0) {
		log_error_once(setup->log, &setup->make_error,
			       "the configuration isn't right", &err);
		return;
	}
	setup->make_error = 0;
	take_list(setup, &list);
	/* Without template and option the node goes on as it is. */
	setup->kept.spoof_check = list.kept.spoof_check;
	setup->made = true;
}
