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

#include "netlink_route.h"
#include "node.h"
#include "reclaim.h"

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
	int family;
	struct nft_element_list *found;
};

static int found_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	return nft_element_list_add(search->found, found);
}

static bool values_equal(const struct nft_value *a, const struct nft_value *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* One address's element is in the way of whoever wants the port on all. */
static int one_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;
	struct nft_value port = hostport_key_any(found);

	for (size_t i = 0; i < search->wanted->n; i++) {
		const struct nft_element *wanted = &search->wanted->items[i];

		if (hostport_kind_of(wanted) == HOSTPORT_ANY &&
		    hostport_family_of(wanted) == search->family &&
		    values_equal(&wanted->key, &port))
			return nft_element_list_add(search->found, found);
	}
	return 0;
}

/* Adds what one map is to be asked for. True: all that it has must be looked at. */
static bool questions_add(const struct map *map, const struct nft_element_list *wanted,
			  struct nft_element_list *questions)
{
	bool all = false;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct nft_element *element = &wanted->items[i];
		struct nft_element *question = &questions->items[questions->n];
		enum hostport_kind kind = hostport_kind_of(element);

		if (hostport_family_of(element) != map->family || kind == HOSTPORT_ONLINK)
			continue;
		if (kind == HOSTPORT_ANY && map->kind == HOSTPORT_ONE) {
			all = true;
			continue;
		}
		question->set = &map->set;
		question->key = map->kind == HOSTPORT_ANY ? hostport_key_any(element)
							  : element->key;
		questions->n++;
	}
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
		.items = calloc(wanted->n * (maps->n + 1), sizeof(*questions.items)),
	};
	struct search search = {.wanted = wanted, .found = found};
	int ret = questions.items ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && i < maps->n; i++) {
		search.family = maps->items[i].family;
		if (questions_add(&maps->items[i], wanted, &questions))
			ret = nft_set_elements(nl, &maps->items[i].set, one_note, &search,
					       err);
	}
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

/* Which of the mappings is it that the element is in the way of? */
static size_t mapping_of(const struct attachment *att, const struct nft_element *element)
{
	const struct port_mapping_list *list = &att->conf.ports.mappings;
	struct nft_value key = hostport_key_any(element);
	size_t i = 0;

	while (i + 1 < list->n && (list->items[i].protocol != key.bytes[0] ||
				   list->items[i].host_port != hostport_port_of(&key)))
		i++;
	return i;
}

static int refuse(struct attachment *att, const struct nft_element *element,
		  struct cni_error *err)
{
	size_t i = mapping_of(att, element);
	const struct port_mapping *mapping = &att->conf.ports.mappings.items[i];
	const char *pod = element->comment + strcspn(element->comment, " ");
	char owner[IF_NAMESIZE], on[IP_TEXT_MAX + 8] = "";
	struct link link = {};

	owner_read(element, owner);
	if (hostport_kind_of(element) == HOSTPORT_ONE)
		snprintf(on, sizeof(on), " on %s", HOSTPORT_HOST_TEXT(element));
	/* Its alias says network, container and interface. */
	if (link_get(att->node->rtnl, owner, &link, err) < 0)
		error_clear(err);
	return error_set(
		err, CNI_ERR_EXISTS, EADDRINUSE,
		"runtimeConfig.portMappings[%zu].hostPort: %s port %u%s is taken "
		"by%s%s (network, container, interface: %s); choose another port "
		"or an address of the node that has it free, or delete that pod",
		i, port_protocol_name(mapping->protocol), mapping->host_port, on,
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
