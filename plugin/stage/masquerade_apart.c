/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds the pods' records against the configuration. */
#include "masquerade_apart.h"

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "masquerade_asked.h"

struct search {
	struct attachment *att;
	const struct rule_list *found;
	bool repairs;
	struct masquerade_pods pods;
};

/* Does @prefix lie in one of the configuration's own subnets? */
static bool has_subnet(const struct network *network, const struct ip_prefix *prefix)
{
	const struct range_set_list *sets = &network->ipam.sets;

	for (size_t i = network->ipam.runtime_sets; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++) {
			const struct ip_prefix *subnet = &sets->items[i].ranges[k].subnet;

			if (subnet->addr.family == prefix->addr.family &&
			    subnet->len <= prefix->len &&
			    prefix_contains(subnet, &prefix->addr))
				return true;
		}
	return false;
}

/* Is there a rule over ranges that the pod's ADD was told of? A repair makes one next. */
static int is_asked(struct search *search, const struct record *record, int family,
		    bool *ret_asked, struct cni_error *err)
{
	*ret_asked = record->ranges_n > 0 && search->repairs;
	if (record->ranges_n == 0 || *ret_asked)
		return 0;
	return masquerade_asked_is_there(search->att, record, family, search->found,
					 ret_asked, err);
}

/* Do the rules over subnets do what the record says? */
static int is_usual(struct search *search, const struct record *record,
		    const struct ip_prefix *address, bool *ret_usual,
		    struct cni_error *err)
{
	const struct network *network = search->att->network;
	bool masqueraded = record_says(record->masquerade, network->ip_masq);
	struct ip_prefix subnet = prefix_network(address);
	bool rules = network->ip_masq && ipam_in_process(network);

	*ret_usual = !rules && !masqueraded;
	if (!rules || !masqueraded)
		return 0;
	*ret_usual = has_subnet(network, &subnet);
	return *ret_usual
		       ? 0
		       : is_asked(search, record, address->addr.family, ret_usual, err);
}

/* Notes an address that is apart. The record says so before the pod gets elements,
 * because its DEL has to know of them. */
static int apart_note(struct search *search, const struct record *record, size_t i,
		      bool masqueraded, struct cni_error *err)
{
	const struct attachment *att = search->att;
	struct pod pod;
	int ret = 0;

	if (record->addresses[i].reserved && !record->apart) {
		pod_name_only(att->network, record->container_id, record->ifname, &pod);
		ret = ipam_record_mark_apart(&att->ipam_env, &pod, err);
	}
	return ret < 0 ? ret
		       : masquerade_pods_note(&search->pods,
					      &record->addresses[i].address, masqueraded,
					      err);
}

static int record_note(const struct record *record, void *data, struct cni_error *err)
{
	struct search *search = data;
	bool masqueraded = record_says(record->masquerade, search->att->network->ip_masq);
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < record->n; i++) {
		const struct ip_prefix *address = &record->addresses[i].address;
		bool usual;

		ret = is_usual(search, record, address, &usual, err);
		/* Two records may have the same address; its element can be there
		 * once. */
		if (ret == 0 && !usual &&
		    !masquerade_pods_have(&search->pods, &address->addr))
			ret = apart_note(search, record, i, masqueraded, err);
	}
	return ret;
}

int masquerade_apart_find(struct attachment *att, const struct rule_list *found,
			  bool repairs, struct masquerade_pods *ret_pods,
			  struct cni_error *err)
{
	struct search search = {.att = att, .found = found, .repairs = repairs};
	int ret = ipam_record_each(&att->ipam_env, record_note, &search, err);

	if (ret < 0) {
		masquerade_pods_clear(&search.pods);
		return ret;
	}
	*ret_pods = search.pods;
	return 0;
}
