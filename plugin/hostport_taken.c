/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the elements that are in a pod's way: of its own key, of the same port on all
 * addresses or on one, in any network's maps; and in its own set of sources what an earlier
 * owner of its address left.
 */
#include "hostport_taken.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink_route.h"
#include "node.h"
#include "reclaim.h"

#define QUESTIONS_MAX 64 /* for single elements of one map */

/* The maps of all networks. */
struct maps {
	struct map {
		char name[HOSTPORT_SET_NAME_MAX];
		struct nft_set set;
		enum hostport_kind kind;
		int family;
	} * items;
	size_t n;
};

static void maps_clear(struct maps *maps)
{
	free(maps->items);
}

static int map_note(const char *name, void *data)
{
	struct maps *maps = data;
	struct map map = {}, *grown;

	if (!name) {
		maps->n = 0;
		return 0;
	}
	if (!hostport_set_read(name, &map.family, &map.kind) ||
	    map.kind == HOSTPORT_ONLINK)
		return 0;
	grown = reallocarray(maps->items, maps->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	snprintf(map.name, sizeof(map.name), "%s", name);
	maps->items = grown;
	grown[maps->n++] = map;
	return 0;
}

static int maps_list(struct netlink *nl, struct maps *maps, struct cni_error *err)
{
	int ret = nft_table_sets(nl, NFPROTO_INET, RULES_TABLE, map_note, maps, err);

	for (size_t i = 0; i < maps->n; i++)
		maps->items[i].set = (struct nft_set){NFPROTO_INET, RULES_TABLE,
						      maps->items[i].name};
	return ret;
}

struct search {
	const struct nft_element_list *wanted;
	struct nft_element_list *found;
};

static int found_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	return nft_element_list_add(search->found, found);
}

/* Of all that a map has, what overlaps with something wanted. */
static int overlapping_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	for (size_t i = 0; i < search->wanted->n; i++)
		if (hostport_kind_of(&search->wanted->items[i]) != HOSTPORT_ONLINK &&
		    hostport_overlap(&search->wanted->items[i], found))
			return nft_element_list_add(search->found, found);
	return 0;
}

/* Is it one key of such a map that would be in the element's way? */
static bool has_one_key(const struct nft_element *element, enum hostport_kind map)
{
	enum hostport_kind kind = hostport_kind_of(element);

	return kind == HOSTPORT_ONE || (kind == HOSTPORT_ANY && map == HOSTPORT_ANY);
}

/* Adds what one map is to be asked for. True: all that it has must be looked at, since ranges
 * and "all addresses" have no key of their own in it; or it is less than so many questions. */
static bool questions_add(const struct map *map, const struct nft_element_list *wanted,
			  struct nft_element_list *questions)
{
	size_t before = questions->n;
	bool all = false;

	for (size_t i = 0; i < wanted->n && !all; i++) {
		const struct nft_element *element = &wanted->items[i];
		struct nft_element *question = &questions->items[questions->n];

		if (hostport_family_of(element) != map->family ||
		    hostport_kind_of(element) == HOSTPORT_ONLINK)
			continue;
		all = !has_one_key(element, map->kind) ||
		      questions->n - before == QUESTIONS_MAX;
		question->set = &map->set;
		question->key = map->kind == HOSTPORT_ANY ? hostport_key_any(element)
							  : element->key;
		questions->n++;
	}
	if (all)
		questions->n = before;
	return all;
}

/* Whatever range of sources its address has had with an earlier owner. */
static void onlink_questions(const struct nft_element_list *wanted,
			     struct nft_element_list *questions)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (hostport_kind_of(&wanted->items[i]) == HOSTPORT_ONLINK)
			questions->items[questions->n++] = (struct nft_element){
				.set = wanted->items[i].set,
				.key = hostport_key_onlink(&wanted->items[i]),
			};
}

static int in_the_way(struct netlink *nl, const struct nft_element_list *wanted,
		      const struct maps *maps, struct nft_element_list *found,
		      struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list questions = {
		.items = calloc((QUESTIONS_MAX + 1) * maps->n + wanted->n + 1,
				sizeof(*questions.items)),
	};
	struct search search = {.wanted = wanted, .found = found};
	int ret = questions.items ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && i < maps->n; i++)
		if (questions_add(&maps->items[i], wanted, &questions))
			ret = nft_set_elements(nl, &maps->items[i].set, overlapping_note,
					       &search, err);
	if (ret < 0)
		return ret;
	onlink_questions(wanted, &questions);
	return nft_elements_find(nl, questions.items, questions.n, found_note, &search,
				 err);
}

/* The owner's name, as its comment begins. */
static void owner_read(const struct nft_element *element, char ret_ifname[IF_NAMESIZE])
{
	size_t len = strcspn(element->comment, " ");

	memset(ret_ifname, 0, IF_NAMESIZE);
	memcpy(ret_ifname, element->comment, len < IF_NAMESIZE ? len : IF_NAMESIZE - 1);
}

/* Is the interface of that name there under another one? Its alias has the identity. */
static bool is_renamed(const struct attachment *att, const char *owner)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	bool found = link_list_get(att->node->rtnl, &links, &(struct cni_error){}) < 0;

	for (size_t i = 0; i < links.n && !found; i++) {
		struct alias_names names;
		char name[IF_NAMESIZE];

		if (!identity_alias_read(links.items[i].alias, &names))
			continue;
		identity_host_ifname(names.network, names.container_id, names.ifname,
				     name);
		found = strcmp(name, owner) == 0;
	}
	return found;
}

bool hostport_owner_lives(const struct attachment *att, const char *host_ifname)
{
	return netlink_ifindex(att->node->rtnl, host_ifname) != 0 ||
	       is_renamed(att, host_ifname);
}

/* Whoever has no interface any more can't be reached by its ports, either; nor is this
 * attachment's own name in its way. */
static bool is_alive(const struct attachment *att, const struct nft_element *element)
{
	char owner[IF_NAMESIZE];

	owner_read(element, owner);
	return strcmp(owner, att->host_ifname) != 0 && hostport_owner_lives(att, owner);
}

/* Which entry of the configuration is it that the element is in the way of? False: the pod's
 * ports are told by its record alone. */
static bool entry_of(const struct attachment *att, const struct nft_element *element,
		     size_t *ret_index)
{
	const struct port_mapping_list *entries = &att->conf.ports.entries;

	for (size_t i = 0; i < entries->n; i++) {
		const struct port_mapping *entry = &entries->items[i];
		int f = hostport_family_of(element);
		size_t size = ip_size(f == HOSTPORT_IPV4 ? AF_INET : AF_INET6);

		if (entry->protocol != element->key.bytes[0] ||
		    entry->host_port < hostport_port_of(&element->key) ||
		    entry->host_port > hostport_last_of(element) ||
		    !port_mapping_is_for(entry, f == HOSTPORT_IPV4 ? AF_INET : AF_INET6))
			continue;
		if (hostport_is_of_one(element) && !port_mapping_is_wild(entry) &&
		    memcmp(entry->host_ip.bytes, element->key.bytes + HOSTPORT_PART,
			   size) != 0)
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

static int refuse(struct attachment *att, const struct nft_element *element,
		  struct cni_error *err)
{
	const char *pod = element->comment + strcspn(element->comment, " ");
	char owner[IF_NAMESIZE], on[IP_TEXT_MAX + 8] = "", key[64] = "hostPort";
	unsigned int port = hostport_port_of(&element->key);
	struct link link = {};
	size_t i;

	owner_read(element, owner);
	if (entry_of(att, element, &i)) {
		port = att->conf.ports.entries.items[i].host_port;
		snprintf(key, sizeof(key), "runtimeConfig.portMappings[%zu].hostPort", i);
	}
	if (hostport_is_of_one(element))
		snprintf(on, sizeof(on), " on %s", HOSTPORT_HOST_TEXT(element));
	/* Its alias says network, container and interface. */
	if (link_get(att->node->rtnl, owner, &link, err) < 0)
		error_clear(err);
	return error_set(
		err, CNI_ERR_EXISTS, EADDRINUSE,
		"%s: %s port %u%s is taken by%s%s (network, container, interface: %s); "
		"choose another port or an address of the node that has it free, or "
		"delete that pod",
		key, port_protocol_name(element->key.bytes[0]), port, on,
		strchr(pod, '/') ? " pod" : " container", pod,
		strncmp(link.alias, LINK_ALIAS_PREFIX, strlen(LINK_ALIAS_PREFIX)) == 0
			? link.alias + strlen(LINK_ALIAS_PREFIX)
			: owner);
}

static bool is_own_network(const struct attachment *att,
			   const struct nft_element *element)
{
	struct hostport_sets own;

	hostport_sets_name(rules_owner(&att->conf), &own);
	return strcmp(element->set->name, own.names[hostport_family_of(element)]
						   [hostport_kind_of(element)]) == 0;
}

/* What is in the way into @found, which points to @maps; @ret_reclaim: attachments of this
 * network that are dead are among its owners. One that is alive is an error. */
static int dead_find(struct attachment *att, struct netlink *nl,
		     const struct nft_element_list *wanted, struct maps *maps,
		     struct nft_element_list *found, bool *ret_reclaim,
		     struct cni_error *err)
{
	bool reclaim = false;
	int ret;

	nft_element_list_clear(found);
	ret = maps_list(nl, maps, err);
	if (ret == 0)
		ret = in_the_way(nl, wanted, maps, found, err);
	for (size_t i = 0; ret == 0 && i < found->n; i++) {
		const struct nft_element *element = &found->items[i];

		if (hostport_kind_of(element) == HOSTPORT_ONLINK)
			continue;
		if (is_alive(att, element))
			return refuse(att, element, err);
		reclaim |= is_own_network(att, element);
	}
	*ret_reclaim = reclaim;
	return ret;
}

int hostports_check_free(struct attachment *att, const struct nft_element_list *wanted,
			 struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list found = {};
	_cleanup_(maps_clear) struct maps maps = {};
	bool ignored;
	struct netlink *nl;
	int ret = node_nftables(att->node, &nl, err);

	return ret < 0 ? ret : dead_find(att, nl, wanted, &maps, &found, &ignored, err);
}

int hostports_make_way(struct attachment *att, const struct nft_element_list *wanted,
		       struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list found = {};
	_cleanup_(maps_clear) struct maps maps = {};
	bool reclaim = false;
	struct netlink *nl;
	int ret = node_nftables(att->node, &nl, err);

	if (ret == 0)
		ret = dead_find(att, nl, wanted, &maps, &found, &reclaim, err);
	/* A repair deletes nobody. */
	if (ret == 0 && reclaim && att->env.verb == CNI_ADD) {
		ret = reclaim_network(att, err);
		/* The lock may have been given back for another IPAM plugin's DEL: who has
		 * taken a port meanwhile keeps it. */
		if (ret == 0)
			ret = dead_find(att, nl, wanted, &maps, &found, &reclaim, err);
	}
	return ret < 0 ? ret : nft_elements_del(nl, found.items, found.n, err);
}
