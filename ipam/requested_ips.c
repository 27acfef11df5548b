/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the range set of each address that somebody asked for. All sources
 * count, as for host-local. */
#include "requested_ips.h"

#include <errno.h>
#include <stdio.h>

#include "allocator.h"

#define KEY_MAX 64

static int sort_one(const struct range_set_list *sets, const char *key,
		    const struct ip_addr *ip, struct ip_addr *ips, struct cni_error *err)
{
	size_t set;
	int ret;

	ret = allocator_find_set(sets, key, ip, &set, err);
	if (ret < 0)
		return ret;
	if (ips[set].family != 0 && !ip_equal(&ips[set], ip))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s: %s is in the same range set as %s, which is asked "
				 "for, too; each set gives one address",
				 key, IP_TEXT(ip), IP_TEXT(&ips[set]));
	ips[set] = *ip;
	return 0;
}

int requests_sort(const struct network *network, const struct pod *pod,
		  struct ip_addr *ret_ips, struct cni_error *err)
{
	const struct ipam_conf *conf = &network->ipam;
	const struct {
		const char *key;
		const struct ip_request_list *list;
	} sources[] = {
		{"runtimeConfig.ips", &pod->runtime_ips},
		{"args.cni.ips", &pod->args_ips},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		for (size_t k = 0; k < sources[i].list->n; k++) {
			char key[KEY_MAX];
			int ret;

			snprintf(key, sizeof(key), "%s[%zu]", sources[i].key, k);
			ret = sort_one(&conf->sets, key, &sources[i].list->items[k].ip,
				       ret_ips, err);
			if (ret < 0)
				return ret;
		}
	}
	return pod->args_ip.family
		       ? sort_one(&conf->sets, "CNI_ARGS IP", &pod->args_ip, ret_ips, err)
		       : 0;
}
