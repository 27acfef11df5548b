/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the elements that are in a pod's way. In the maps of all networks these are
 * elements of the same key, and of the same port on all addresses or on one; in the pod's
 * own set of sources it is what a former pod with its address left.
 */
#include "portmap_conflict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/node/node.h"
#include "host_end.h"
#include "portmap_maps.h"
#include "portmap_siblings.h"
#include "reclaim.h"

#define QUESTIONS_MAX 64 /* for single elements of one map */

struct search {
	struct portmap_index wanted;
	struct nft_element_list *found;
};

static void search_clear(struct search *search)
{
	portmap_index_clear(&search->wanted);
}

static int found_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	return nft_element_list_add(search->found, found);
}

/* Notes the element of a map if it overlaps with something wanted. */
static int overlapping_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	return portmap_index_overlaps(&search->wanted, found)
		       ? nft_element_list_add(search->found, found)
		       : 0;
}

/* Does one key of a map of kind @map tell whether the element would be in the way
 * there? */
static bool has_one_key(const struct nft_element *element, enum portmap_kind map)
{
	enum portmap_kind kind = portmap_kind_of(element);

	return kind == PORTMAP_ONE || (kind == PORTMAP_ANY && map == PORTMAP_ANY);
}

/* Adds the questions that one map is to be asked. True: all elements of the map have to
 * be looked at instead, because a range, or a port on all addresses, has no key of its
 * own in it, or because there would be too many questions. */
static bool questions_add(const struct nft_set *map,
			  const struct nft_element_list *wanted,
			  struct nft_element_list *questions)
{
	size_t before = questions->n;
	bool all = false;

	for (size_t i = 0; i < wanted->n && !all; i++) {
		const struct nft_element *element = &wanted->items[i];
		struct nft_element *question = &questions->items[questions->n];

		if (portmap_family_of(element) != portmap_set_family(map) ||
		    portmap_kind_of(element) == PORTMAP_ONLINK)
			continue;
		all = !has_one_key(element, portmap_set_kind(map)) ||
		      questions->n - before == QUESTIONS_MAX;
		question->set = map;
		question->key = portmap_set_kind(map) == PORTMAP_ANY
					? portmap_key_any(element)
					: element->key;
		questions->n++;
	}
	if (all)
		questions->n = before;
	return all;
}

/* Adds questions for the range of sources that the pod's address had with a former
 * pod. */
static void onlink_questions(const struct nft_element_list *wanted,
			     struct nft_element_list *questions)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (portmap_kind_of(&wanted->items[i]) == PORTMAP_ONLINK)
			questions->items[questions->n++] = (struct nft_element){
				.set = wanted->items[i].set,
				.key = portmap_key_onlink(&wanted->items[i]),
			};
}

static int in_the_way(struct netlink *nl, const struct nft_element_list *wanted,
		      const struct portmap_map_list *maps, struct nft_element_list *found,
		      struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list questions = {
		.items = calloc((QUESTIONS_MAX + 1) * maps->n + wanted->n + 1,
				sizeof(*questions.items)),
	};
	_cleanup_(search_clear) struct search search = {.found = found};
	int ret = questions.items ? portmap_index_make(wanted, &search.wanted) : -ENOMEM;

	if (ret < 0)
		return error_oom(err);
	for (size_t i = 0; ret == 0 && i < maps->n; i++)
		if (questions_add(&maps->items[i], wanted, &questions))
			ret = nft_set_elements(nl, &maps->items[i], overlapping_note,
					       &search, err);
	if (ret < 0)
		return ret;
	onlink_questions(wanted, &questions);
	return nft_elements_find(nl, questions.items, questions.n, found_note, &search,
				 err);
}

/* Finds the entry of the configuration that the element is in the way of. False: the
 * pod's ports are told by its record alone. */
static bool entry_of(const struct attachment *att, const struct nft_element *element,
		     size_t *ret_index)
{
	const struct port_mapping_list *entries = &att->pod->ports.entries;

	for (size_t i = 0; i < entries->n; i++) {
		const struct port_mapping *entry = &entries->items[i];
		int f = portmap_family_of(element);
		size_t size = ip_size(f == PORTMAP_IPV4 ? AF_INET : AF_INET6);

		if (entry->protocol != element->key.bytes[0] ||
		    entry->host_port < portmap_port_of(&element->key) ||
		    entry->host_port > portmap_last_of(element) ||
		    !port_mapping_is_for(entry, f == PORTMAP_IPV4 ? AF_INET : AF_INET6))
			continue;
		if (portmap_is_of_one(element) && !port_mapping_is_wild(entry) &&
		    memcmp(entry->host_ip.bytes, element->key.bytes + PORTMAP_PART,
			   size) != 0)
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

static int obstacle_refuse(struct attachment *att, const struct nft_element *element,
			   const struct alias_names *names, struct cni_error *err)
{
	const char *pod = element->comment + strcspn(element->comment, " ");
	char on[IP_TEXT_MAX + 8] = "", key[64] = "hostPort";
	unsigned int port = portmap_port_of(&element->key);
	size_t i;

	if (entry_of(att, element, &i)) {
		port = att->pod->ports.entries.items[i].host_port;
		snprintf(key, sizeof(key), "runtimeConfig.portMappings[%zu].hostPort", i);
	}
	if (portmap_is_of_one(element))
		snprintf(on, sizeof(on), " on %s", PORTMAP_HOST_TEXT(element));
	return error_set(
		err, CNI_ERR_EXISTS, EADDRINUSE,
		"%s: %s port %u%s is taken by%s%s (network, container, interface: "
		"%s %s %s); choose another port or an address of the node that has it "
		"free, or delete that pod",
		key, port_protocol_name(element->key.bytes[0]), port, on,
		strchr(pod, '/') ? " pod" : " container", pod,
		names->network[0] ? names->network : "?",
		names->network[0] ? names->container_id : "?",
		names->network[0] ? names->ifname : "?");
}

static bool is_own_network(const struct attachment *att,
			   const struct nft_element *element)
{
	struct portmap_sets own;

	portmap_sets_name(att->owner, &own);
	return strcmp(element->set->name,
		      own.sets[portmap_family_of(element)][portmap_kind_of(element)]
			      .name) == 0;
}

/* The elements that are in the way of those wanted. */
struct obstacles {
	struct portmap_map_list maps; /* the elements point to these */
	struct nft_element_list abandoned; /* those of attachments without an interface */
	struct nft_element_list siblings; /* those of the attachment's siblings */
	/* some of these attachments are of this network, whose dead ones can be
	 * reclaimed */
	bool reclaim;
	/* The attachment of the element that was judged last: the next one mostly has the
	 * same. */
	char host_ifname[IF_NAMESIZE];
	struct alias_names names;
	bool lives;
};

static void obstacles_clear(struct obstacles *obstacles)
{
	nft_element_list_clear(&obstacles->abandoned);
	nft_element_list_clear(&obstacles->siblings);
	portmap_map_list_clear(&obstacles->maps);
	*obstacles = (struct obstacles){};
}

static int note(struct nft_element_list *list, const struct nft_element *element,
		struct cni_error *err)
{
	return nft_element_list_add(list, element) < 0 ? error_oom(err) : 0;
}

/* Judges an element that is in the way. An attachment without an interface can't be
 * reached by its ports, so it makes way, as does what this attachment itself has left. A
 * sibling keeps its element. Another container's is an error. */
static int obstacle_judge(struct attachment *att, const struct nft_element *element,
			  struct obstacles *obstacles, struct cni_error *err)
{
	char host_ifname[IF_NAMESIZE];

	set_element_pod(element, host_ifname);
	if (strcmp(host_ifname, att->pod->host_ifname) == 0)
		obstacles->lives = false;
	else if (strcmp(host_ifname, obstacles->host_ifname) != 0)
		obstacles->lives = host_end_find(att->op->node.rtnl, host_ifname,
						 &obstacles->names);
	memcpy(obstacles->host_ifname, host_ifname, IF_NAMESIZE);
	if (!obstacles->lives) {
		obstacles->reclaim |= is_own_network(att, element);
		return note(&obstacles->abandoned, element, err);
	}
	if (strcmp(obstacles->names.container_id, att->pod->container_id) == 0)
		return note(&obstacles->siblings, element, err);
	return obstacle_refuse(att, element, &obstacles->names, err);
}

static int obstacles_find(struct attachment *att, struct netlink *nl,
			  const struct nft_element_list *wanted,
			  struct obstacles *obstacles, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list found = {};
	int ret;

	obstacles_clear(obstacles);
	ret = portmap_map_list_get(nl, &obstacles->maps, err);
	if (ret == 0)
		ret = in_the_way(nl, wanted, &obstacles->maps, &found, err);
	for (size_t i = 0; ret == 0 && i < found.n; i++) {
		if (portmap_kind_of(&found.items[i]) == PORTMAP_ONLINK)
			ret = note(&obstacles->abandoned, &found.items[i], err);
		else
			ret = obstacle_judge(att, &found.items[i], obstacles, err);
	}
	return ret;
}

/* Takes the siblings' ports out of @wanted. PORTMAP_SHARED. */
static int siblings_leave_out(struct nft_element_list *wanted,
			      const struct obstacles *obstacles, struct cni_error *err)
{
	int ret = portmap_elements_except(wanted, &obstacles->siblings, err);

	if (ret < 0)
		return ret;
	return obstacles->siblings.n > 0 ? PORTMAP_SHARED : 0;
}

int portmap_check_free(struct attachment *att, struct nft_element_list *wanted,
		       struct cni_error *err)
{
	_cleanup_(obstacles_clear) struct obstacles obstacles = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	if (ret == 0)
		ret = obstacles_find(att, nl, wanted, &obstacles, err);
	return ret < 0 ? ret : siblings_leave_out(wanted, &obstacles, err);
}

/* Deletes the abandoned elements. Siblings of their attachments have the ports then, and
 * may be in the way themselves. */
static int abandoned_delete(struct attachment *att, struct netlink *nl,
			    const struct nft_element_list *wanted,
			    struct obstacles *obstacles, struct cni_error *err)
{
	_cleanup_(siblings_clear) struct siblings siblings = {};
	int ret;

	if (obstacles->abandoned.n == 0)
		return 0;
	ret = siblings_read(att, NULL, att->pod, &siblings, err);
	if (ret == 0)
		ret = siblings_take_over(att, nl, &siblings, &obstacles->abandoned, err);
	return ret < 0 || siblings.n == 0
		       ? ret
		       : obstacles_find(att, nl, wanted, obstacles, err);
}

int portmap_make_way(struct attachment *att, struct nft_element_list *wanted,
		     struct cni_error *err)
{
	_cleanup_(obstacles_clear) struct obstacles obstacles = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	if (ret == 0)
		ret = obstacles_find(att, nl, wanted, &obstacles, err);
	/* A repair deletes nobody. */
	if (ret == 0 && obstacles.reclaim && !attachment_is_repaired(att)) {
		ret = reclaim_network(att, err);
		/* The lock may have been given back for another IPAM plugin's DEL: who
		 * has taken a port meanwhile keeps it. */
		if (ret == 0)
			ret = obstacles_find(att, nl, wanted, &obstacles, err);
	}
	if (ret == 0)
		ret = abandoned_delete(att, nl, wanted, &obstacles, err);
	return ret < 0 ? ret : siblings_leave_out(wanted, &obstacles, err);
}
