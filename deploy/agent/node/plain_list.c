/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes of each kind are joined where they lie side by side. A node's address that a
 * prefix of the other kind covers needs no place of its own. */
#include "plain_list.h"

#include <stdlib.h>

#include "conf/base/util.h"

static void prefixes_clear(struct prefix_list *list)
{
	free(list->items);
	*list = (struct prefix_list){};
}

void plain_list_clear(struct plain_list *list)
{
	prefixes_clear(&list->prefixes);
}

static int prefixes_add(struct prefix_list *list, const struct prefix_list *more,
			struct cni_error *err)
{
	struct ip_prefix *items = reallocarray(list->items, list->n + more->n + 1,
					       sizeof(*items));

	if (!items)
		return error_oom(err);
	list->items = items;
	for (size_t i = 0; i < more->n; i++)
		list->items[list->n++] = more->items[i];
	return 0;
}

static bool is_covered(const struct prefix_list *list, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].len <= prefix->len &&
		    prefix_contains(&list->items[i], &prefix->addr))
			return true;
	return false;
}

/* Adds addresses of nodes behind what is there, while there is room. */
static int add_nodes(struct plain_list *list, const struct prefix_list *addresses,
		     struct cni_error *err)
{
	const struct prefix_list cidrs = list->prefixes;
	struct prefix_list fit = {
		.items = calloc(addresses->n + 1, sizeof(*fit.items)),
	};
	int ret;

	if (!fit.items)
		return error_oom(err);
	for (size_t i = 0; i < addresses->n; i++) {
		if (is_covered(&cidrs, &addresses->items[i]))
			continue;
		if (cidrs.n + fit.n < NON_MASQUERADE_MAX)
			fit.items[fit.n++] = addresses->items[i];
		else
			list->nodes_left++;
	}
	ret = prefixes_add(&list->prefixes, &fit, err);
	prefixes_clear(&fit);
	return ret;
}

int plain_list_make(const struct options *options,
		    const struct conflist_template *template,
		    const struct node_table *nodes, struct plain_list *ret_list,
		    struct cni_error *err)
{
	_cleanup_(prefixes_clear) struct prefix_list given = {}, addresses = {};
	_cleanup_(plain_list_clear) struct plain_list list = {};
	int ret = prefixes_add(&given, &options->cluster_cidrs, err);

	if (ret == 0)
		ret = prefixes_add(&given, &template->non_masquerade, err);
	if (ret == 0)
		ret = node_table_cidrs(nodes, &given, true, &list.prefixes, err);
	/* Where there isn't room for all, Nodes' present podCIDRs come first. */
	if (ret == 0 && list.prefixes.n > NON_MASQUERADE_MAX) {
		plain_list_clear(&list);
		ret = node_table_cidrs(nodes, &given, false, &list.prefixes, err);
	}
	if (ret == 0 && list.prefixes.n > NON_MASQUERADE_MAX) {
		list.cidrs_left = list.prefixes.n - NON_MASQUERADE_MAX;
		list.prefixes.n = NON_MASQUERADE_MAX;
	}
	if (ret == 0 && !options->masquerade_nodes)
		ret = node_table_addresses(nodes, options->node_name, &addresses, err);
	if (ret == 0)
		ret = add_nodes(&list, &addresses, err);
	if (ret < 0)
		return ret;
	*ret_list = list;
	list = (struct plain_list){};
	return 0;
}

void plain_list_tell(const struct plain_list *list, const struct plain_list *before,
		     const struct log *log)
{
	if (list->cidrs_left && !before->cidrs_left)
		log_write(log, LOG_LEVEL_ERROR,
			  "too many podCIDRs to list: pods on some nodes will see the "
			  "node's address instead of the pod's; set --cluster-cidr",
			  NULL);
	if (list->nodes_left && !before->nodes_left)
		log_write(log, LOG_LEVEL_ERROR,
			  "too many addresses of nodes to list: some nodes will see this "
			  "node's address instead of the pod's; write the network of the "
			  "nodes into nonMasqueradeCIDRs of a template",
			  NULL);
}
