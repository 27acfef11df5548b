/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod_whole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/pod_from_record.h"
#include "ipam/store/store.h"
#include "plugin/netlink/conntrack.h"
#include "plugin/nft/set_type.h"
#include "plugin/node/kernel_has.h"
#include "plugin/stage/ipam_result.h"
#include "plugin/stage/stages.h"

void pod_whole_clear(struct pod_whole *whole)
{
	addr_list_clear(&whole->addresses);
	kernel_route_list_clear(&whole->routes);
	link_list_clear(&whole->links);
	stage_facts_clear(&whole->stages);
	free(whole->elements.text);
	free(whole->record_path);
	free(whole->record.text);
	free(whole->unseen.text);
	*whole = (struct pod_whole){};
}

/* ---- In the pod ---- */

/* Is it the namespace that the record tells of? Another pod may have its path by now. */
static bool is_own_netns(const struct attachment *att, const struct record *record)
{
	uint64_t cookie = netlink_cookie(att->pod_ns.rtnl);

	return !cookie || !record->cookie || cookie == record->cookie;
}

/* Opens the pod's namespace, where that is still the pod's. */
static int pod_open(struct attachment *att, const struct record *record,
		    struct cni_error *err)
{
	int ret = record->netns[0] ? attachment_open_pod(att, err) : 0;

	if (!record->netns[0])
		return error_set(err, CNI_ERR_UNKNOWN_CONTAINER, ENOENT,
				 "the record names no namespace");
	if (ret == 0 && !is_own_netns(att, record)) {
		pod_ns_close(&att->pod_ns);
		ret = error_set(err, CNI_ERR_UNKNOWN_CONTAINER, ENOENT,
				"another namespace is at %s", record->netns);
	}
	return ret;
}

static void inside_read(struct pod_whole *whole, struct attachment *att)
{
	struct netlink *nl = att->pod_ns.rtnl;
	struct cni_error err = {};
	int ret;

	ret = link_get(nl, att->pod->ifname, &whole->inside, &err);
	if (ret == 0 && whole->inside.index)
		ret = link_counters_get(nl, whole->inside.index, &whole->inside_counters,
					&err);
	if (ret == 0 && whole->inside.index)
		ret = addr_list_get(nl, whole->inside.index, AF_UNSPEC, &whole->addresses,
				    &err);
	if (ret == 0)
		ret = link_list_get(nl, &whole->links, &err);
	if (ret == 0)
		ret = route_list_get(nl, AF_UNSPEC, &whole->routes, &err);
	whole->is_inside_seen = ret == 0;
	if (whole->inside.index)
		pod_share_note(whole->facts, &whole->pod, &whole->inside,
			       pod_link_name(whole, whole->inside.peer));
	if (ret < 0)
		text_add(&whole->unseen, "the pod: %s\n", err.msg);
}

const char *pod_link_name(const struct pod_whole *whole, unsigned int index)
{
	for (size_t i = 0; i < whole->links.n; i++)
		if (whole->links.items[i].index == index)
			return whole->links.items[i].name;
	return "";
}

/* ---- On the node ---- */

static int element_note(const struct nft_element *found, void *data)
{
	struct pod_whole *whole = data;
	char ifname[IF_NAMESIZE];

	set_element_pod(found, ifname);
	if (!whole->pod.host_ifname[0] || strcmp(ifname, whole->pod.host_ifname) != 0)
		return 0;
	set_element_describe(found, &whole->elements);
	text_add(&whole->elements, "\n");
	return whole->elements.failed ? -ENOMEM : 0;
}

static void elements_read(struct pod_whole *whole, struct attachment *att)
{
	struct nft_set sets[STAGE_SETS_MAX];
	size_t n = stages_sets(att->owner, sets);
	struct cni_error err = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, &err);

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = nft_set_elements(nl, &sets[i], element_note, whole, &err);
	/* A kernel without nf_tables has no elements. */
	if (ret == -EPROTONOSUPPORT)
		ret = error_clear(&err);
	whole->are_elements_seen = ret == 0;
	if (ret < 0)
		text_add(&whole->unseen, "elements: %s\n", err.msg);
}

static int connections_count(struct pod_whole *whole, struct netlink *nl,
			     const struct ip_addr *ip, struct cni_error *err)
{
	const struct conntrack_match matches[] = {
		{.family = ip->family, .orig.src = *ip},
		{.family = ip->family, .orig.dst = *ip},
		{.family = ip->family, .reply.src = *ip},
		{.family = ip->family, .reply.dst = *ip},
	};
	size_t n = 0;
	int ret = conntrack_count(nl, matches, ARRAY_SIZE(matches), &n, err);

	whole->connections += n;
	return ret;
}

static void connections_read(struct pod_whole *whole, struct attachment *att)
{
	struct cni_error err = {};
	struct netlink *nl = NULL;
	int ret = kernel_has_ctnetlink()
			  ? node_nftables(&att->op->node, &nl, &err)
			  : error_set(&err, CNI_ERR_KERNEL, EPROTONOSUPPORT,
				      "nf_conntrack_netlink is not loaded, and to ask "
				      "for connections would load it");

	for (size_t i = 0; ret == 0 && i < whole->pod.addresses_n; i++)
		ret = connections_count(whole, nl, &whole->pod.addresses[i].addr, &err);
	/* Connections of addresses that this user may not read are not counted. */
	whole->are_connections_seen = ret == 0 &&
				      (whole->pod.recorded ||
				       !whole->facts->view.reservations_errnum);
	if (ret < 0)
		text_add(&whole->unseen, "connections: %s\n", err.msg);
}

/* ---- The record ---- */

static void record_file_read(struct pod_whole *whole, const struct attachment *att)
{
	char name[RECORD_NAME_MAX], bytes[4096];
	_cleanup_(close_p) int fd = -1;
	ssize_t n;

	if (asprintf(&whole->record_path, "%s/.bridge-cni/%s/%s", att->ipam_env.data_dir,
		     att->network->name,
		     record_name(holder_hash(whole->pod.container_id, whole->pod.ifname),
				 name)) < 0) {
		whole->record_path = NULL;
		return;
	}
	fd = open(whole->record_path, O_RDONLY | STORE_OPEN_FLAGS);
	while (fd >= 0 && whole->record.len < RECORD_MAX &&
	       (n = read(fd, bytes, sizeof(bytes))) > 0)
		text_put(&whole->record, bytes, n);
}

/* ---- CHECK ---- */

/* Fills in what an ADD of now would give the attachment with the record's addresses. */
static int expectation_fill(struct attachment *att, const struct record *record,
			    struct cni_error *err)
{
	const struct route_list *routes = &att->network->ipam.routes;
	struct cni_result *ipam = &att->ipam;

	ipam->ips.items = calloc(record->n + 1, sizeof(*ipam->ips.items));
	ipam->routes.items = calloc(routes->n + 1, sizeof(*ipam->routes.items));
	if (!ipam->ips.items || !ipam->routes.items)
		return error_oom(err);
	for (size_t i = 0; i < record->n; i++)
		ipam->ips.items[ipam->ips.n++] = (struct ip_config){
			.address = record->addresses[i].address,
			.gateway = record->addresses[i].gateway,
			.interface = -1,
		};
	/* Routes that another IPAM plugin gave are not known. */
	for (size_t i = 0; ipam_in_process(att->network) && i < routes->n; i++)
		ipam->routes.items[ipam->routes.n++] = routes->items[i];
	if (record->n == 0)
		return 0;
	return ipam_result_complete(att, err);
}

static void check_run(struct pod_whole *whole, struct attachment *att,
		      const struct record *record)
{
	struct cni_error *err = &whole->check_err;

	if (expectation_fill(att, record, err) < 0)
		return;
	if (stages_check(att, err) == 0)
		whole->check = CHECK_RIGHT;
	else if (err->code == CNI_ERR_CHECK)
		whole->check = CHECK_DIFFERS;
	netlink_discard(att->op->node.rtnl);
	netlink_discard(att->pod_ns.rtnl);
}

static int recorded_read(struct pod_whole *whole, const struct record *record,
			 struct cni_error *err)
{
	struct attachment *net = whole->facts->net;
	_cleanup_(pod_from_record_clear) struct pod pod = {};
	_cleanup_(attachment_clear) struct attachment att;
	struct cni_error own = {};
	int ret = pod_from_record(net->network, record, &pod, err);

	attachment_init(&att, net->op, net->network, &pod);
	if (ret < 0)
		return ret;
	attachment_follow_record(&att, record);
	pod.netns = record->netns;
	ret = pod_open(&att, record, &own);
	if (ret < 0)
		text_add(&whole->unseen, "the pod: %s\n", own.msg);
	else
		inside_read(whole, &att);
	/* The store alone doesn't tell what to expect. */
	if (!whole->facts->configured)
		error_set(&whole->check_err, CNI_ERR_CONFIG, ENOENT,
			  "no configuration says what is expected");
	else if (ret < 0)
		error_copy(&whole->check_err, &own);
	else
		check_run(whole, &att, record);
	error_clear(&own);
	att.record = record;
	if (stages_show(&att, &whole->stages, &own) < 0)
		text_add(&whole->unseen, "%s\n", own.msg);
	if (whole->stages.elements.text)
		text_append(&whole->elements, &whole->stages.elements);
	return 0;
}

int pod_whole_read(const struct network_facts *facts, const struct shown_pod *pod,
		   struct pod_whole *ret_whole, struct cni_error *err)
{
	struct pod_whole *whole = ret_whole;
	struct netlink *nl = facts->net->op->node.rtnl;

	*whole = (struct pod_whole){.facts = facts, .pod = *pod};
	if (pod->link)
		(void)link_counters_get(nl, pod->link->index, &whole->host_counters,
					NULL);
	elements_read(whole, facts->net);
	connections_read(whole, facts->net);
	if (!pod->recorded) {
		error_set(&whole->check_err, CNI_ERR_IO, ENOENT,
			  "no record says what is expected");
		return 0;
	}
	record_file_read(whole, facts->net);
	return recorded_read(whole, &pod->recorded->record, err);
}
