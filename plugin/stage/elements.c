/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attachment's elements, those of spoofCheck and those of its host ports, in one
 * transaction: each goes through all chains of the node in the kernel, and its end waits
 * for the kernel where it deletes. They are there before the pod's end is up.
 */
#include "elements.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "portmap_own.h"
#include "portmap_siblings.h"
#include "portmap_conflict.h"
#include "plugin/netlink/rtnetlink.h"
#include "spoofcheck_elements.h"
#include "stages.h"

/* The elements point to the sets. */
struct own {
	struct spoof_sets spoof;
	struct portmap_sets ports;
	struct nft_element_list list;
};

static void own_clear(struct own *own)
{
	nft_element_list_clear(&own->list);
}

static void own_begin(uint64_t owner, struct own *own)
{
	spoof_sets_name(owner, &own->spoof);
	portmap_sets_name(owner, &own->ports);
}

static int elements_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list ports = {};
	_cleanup_(own_clear) struct own own = {};
	struct portmap_pod pod;
	struct netlink *nl;
	int ret;

	if (!att->pod->mac_spoof_check && att->pod->ports.mappings.n == 0)
		return 0;
	own_begin(att->owner, &own);
	portmap_pod_of_att(att, &pod);
	ret = spoof_elements_make(att, &own.spoof, &own.list, err);
	if (ret == 0)
		ret = portmap_elements_make(&own.ports, &pod, &ports, err);
	if (ret == 0 && att->port_turn > 0)
		ret = portmap_check_free(att, &ports, err);
	for (size_t i = 0; ret >= 0 && i < ports.n; i++)
		if (nft_element_list_add(&own.list, &ports.items[i]) < 0)
			ret = error_oom(err);
	if (ret < 0 || own.list.n == 0)
		return ret;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret < 0)
		return ret;
	ret = nft_elements_add(nl, own.list.items, own.list.n, err);
	if (ret == 0) {
		portmap_delete_udp(att, &ports);
		/* From here on nobody has to wait for this attachment. */
		ret = node_share(&att->op->node, err);
	}
	/* The kernel may have done it, and its answer been lost. */
	if (ret < 0)
		nft_elements_del(nl, own.list.items, own.list.n, &(struct cni_error){});
	return ret;
}

/* Whose element is it? "": a sentinel, which is nobody's. */
static void owner_read(const struct nft_element *element, char ret_ifname[IF_NAMESIZE])
{
	const char *text = element->comment;
	size_t len = strcspn(text, " ");

	if (element->set->family == NFPROTO_BRIDGE) {
		text = (const char *)element->key.bytes;
		len = strnlen(text, IF_NAMESIZE - 1);
	}
	memset(ret_ifname, 0, IF_NAMESIZE);
	if (len < IF_NAMESIZE && strcmp(text, SPOOF_NOBODY) != 0)
		memcpy(ret_ifname, text, len);
}

struct search {
	const struct attachment *att;
	bool (*is_kept)(const struct attachment *att, const char *host_ifname,
			const void *data);
	const void *data;
	struct nft_element_list *found;
};

static int found_note(const struct nft_element *element, void *data)
{
	const struct search *search = data;
	char owner[IF_NAMESIZE];

	owner_read(element, owner);
	if (!owner[0] || search->is_kept(search->att, owner, search->data))
		return 0;
	return nft_element_list_add(search->found, element);
}

/* All in the sets of @owner but those whose pod @is_kept. */
static int sweep_owner(struct attachment *att, uint64_t owner,
		       bool (*is_kept)(const struct attachment *att,
				       const char *host_ifname, const void *data),
		       const void *data, size_t *ret_n, struct cni_error *err)
{
	_cleanup_(own_clear) struct own own = {};
	_cleanup_(siblings_clear) struct siblings siblings = {};
	struct search search = {att, is_kept, data, &own.list};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	own_begin(owner, &own);
	for (int s = 0; ret == 0 && s < SPOOF_SETS; s++)
		ret = nft_set_elements(nl, &own.spoof.sets[s], found_note, &search, err);
	for (int f = 0; ret == 0 && f < PORTMAP_FAMILIES; f++)
		for (int k = 0; ret == 0 && k < PORTMAP_KINDS; k++)
			ret = nft_set_elements(nl, &own.ports.sets[f][k], found_note,
					       &search, err);
	if (ret == 0 && own.list.n > 0)
		ret = siblings_read(att, NULL, att->pod, &siblings, err);
	if (ret == 0)
		ret = siblings_take_over(att, nl, &siblings, &own.list, err);
	if (ret == 0)
		*ret_n += own.list.n;
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

/* Sweeps the owner's sets, and those that an earlier version named by the network. */
static int sweep(struct attachment *att,
		 bool (*is_kept)(const struct attachment *att, const char *host_ifname,
				 const void *data),
		 const void *data, size_t *ret_n, struct cni_error *err)
{
	int ret;

	*ret_n = 0;
	ret = sweep_owner(att, att->owner, is_kept, data, ret_n, err);
	return ret < 0 ? ret
		       : sweep_owner(att, identity_owner_by_name(att->network->name),
				     is_kept, data, ret_n, err);
}

struct known {
	const struct valid_set *valid;
	struct ipam_holder_list holders;
};

static void known_clear(struct known *known)
{
	ipam_holder_list_clear(&known->holders);
}

static bool is_name_of(const struct attachment *att, const char *host_ifname,
		       const char *container_id, const char *ifname)
{
	char name[IF_NAMESIZE];

	identity_host_ifname(att->network->name, container_id, ifname, name);
	return strcmp(name, host_ifname) == 0;
}

static bool is_known(const struct attachment *att, const char *host_ifname,
		     const void *data)
{
	const struct known *known = data;

	if (portmap_owner_lives(att, host_ifname))
		return true;
	for (size_t i = 0; known->valid && i < known->valid->n; i++)
		if (is_name_of(att, host_ifname, known->valid->items[i].container_id,
			       known->valid->items[i].ifname))
			return true;
	for (size_t i = 0; i < known->holders.n; i++)
		if (is_name_of(att, host_ifname, known->holders.items[i].container_id,
			       known->holders.items[i].ifname))
			return true;
	return false;
}

int elements_sweep(struct attachment *att, const struct valid_set *valid, size_t *ret_n,
		   struct cni_error *err)
{
	_cleanup_(known_clear) struct known known = {.valid = valid};
	int ret = ipam_holders(&att->ipam_env, &known.holders, err);

	return ret < 0 ? ret : sweep(att, is_known, &known, ret_n, err);
}

static bool is_anothers(const struct attachment *att, const char *host_ifname,
			const void *data)
{
	(void)data;
	return strcmp(host_ifname, att->pod->host_ifname) != 0;
}

/* All that have sets in the tables. */
struct set_owners {
	uint64_t *items;
	size_t n;
	size_t before; /* those of the table that was listed first */
};

static void set_owners_clear(struct set_owners *owners)
{
	free(owners->items);
}

static int set_owner_note(const char *name, void *data)
{
	struct set_owners *owners = data;
	uint64_t owner, *grown;

	if (!name)
		owners->n = owners->before;
	if (!name || !rules_set_owner(name, &owner))
		return 0;
	for (size_t i = 0; i < owners->n; i++)
		if (owners->items[i] == owner)
			return 0;
	grown = reallocarray(owners->items, owners->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	owners->items = grown;
	grown[owners->n++] = owner;
	return 0;
}

static int set_owners_list(struct attachment *att, struct set_owners *owners,
			   struct cni_error *err)
{
	static const int families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++) {
		owners->before = owners->n;
		ret = nft_table_sets(nl, families[i], RULES_TABLE, set_owner_note, owners,
				     err);
	}
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

/* Without a record (it was deleted, or the configuration names another store by now) nothing
 * tells whose sets have the pod's elements, so all are looked through: the pod's ports must
 * not lead to whoever has the address next. */
static int unrecorded_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(set_owners_clear) struct set_owners owners = {};
	struct link host;
	size_t n = 0;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	if (ret < 0 || !host.index ||
	    identity_alias_is_anothers(host.alias, att->network->name,
				       att->pod->container_id, att->pod->ifname))
		return ret;
	ret = set_owners_list(att, &owners, err);
	for (size_t i = 0; ret == 0 && i < owners.n; i++)
		ret = sweep_owner(att, owners.items[i], is_anothers, NULL, &n, err);
	return ret;
}

/* What is there of the host ports and the pod's own still. */
static int ports_find(struct attachment *att, const struct portmap_pod *pod, bool shared,
		      struct own *own, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list wanted = {};
	struct netlink *nl;
	int ret;

	if (pod->ports->n == 0)
		return 0;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0 && shared)
		return portmap_list_own(nl, &own->ports, pod->host_ifname, &own->list,
					err);
	if (ret == 0)
		ret = portmap_elements_make(&own->ports, pod, &wanted, err);
	return ret < 0 ? ret
		       : portmap_find_own(nl, &wanted, pod->host_ifname, &own->list, err);
}

/* Deletes the elements that the record names, whatever the configuration says now; an ADD undoes
 * what it made itself. Ports that the pod's other attachments ask for as well are theirs then. */
static int owner_del(struct attachment *att, const struct portmap_pod *pod, bool shared,
		     struct cni_error *err)
{
	_cleanup_(own_clear) struct own own = {};
	_cleanup_(siblings_clear) struct siblings siblings = {};
	struct netlink *nl;
	int ret;

	own_begin(att->owner, &own);
	ret = att->verb == CNI_ADD
		      ? spoof_elements_make(att, &own.spoof, &own.list, err)
		      : spoof_elements_of_record(att->record, &own.spoof, &own.list, err);
	if (ret == 0)
		ret = ports_find(att, pod, shared, &own, err);
	if (ret == 0 && shared)
		ret = siblings_read(att, att->pod->container_id, att->pod, &siblings,
				    err);
	if (ret < 0 || own.list.n == 0)
		return ret;
	ret = node_nftables(&att->op->node, &nl, err);
	return ret < 0 ? ret : siblings_take_over(att, nl, &siblings, &own.list, err);
}

/* Does another attachment of the container ask for the same ports? An ADD that undoes itself
 * may have been joined by one meanwhile. */
static bool shares_ports(struct attachment *att)
{
	_cleanup_(record_clear) struct record own = {};

	if (att->verb != CNI_ADD)
		return att->record->port_turn > 0;
	return att->pod->ports.mappings.n > 0 &&
	       ipam_record_read(&att->ipam_env, att->pod, &own, &(struct cni_error){}) ==
		       0 &&
	       own.port_turn > 0;
}

static int elements_del(struct attachment *att, struct cni_error *err)
{
	bool add = att->verb == CNI_ADD, shared;
	struct portmap_pod pod;
	size_t n = 0;
	int ret = 0;

	if (!portmap_pod_of(att, &pod))
		return unrecorded_del(att, err);
	if (pod.ports->n == 0 &&
	    !(add ? att->pod->mac_spoof_check : att->record->spoof_check))
		return 0;
	shared = shares_ports(att);
	/* Two that go at once must not leave the ports to each other. */
	if (shared)
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = owner_del(att, &pod, shared, err);
	/* An earlier version's pod has them in the sets of its network's name, and some that
	 * it wouldn't be given now, until the rules are replaced. */
	if (ret == 0 && !add && att->record->masquerade == RECORD_NOT_TOLD)
		ret = sweep_owner(att, identity_owner_by_name(att->network->name),
				  is_anothers, NULL, &n, err);
	return ret;
}

const struct stage stage_elements = {
	.name = "elements",
	.add = elements_add,
	.del = elements_del,
};
