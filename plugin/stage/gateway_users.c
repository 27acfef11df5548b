/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks the records of all networks of the store. */
#include "gateway_users.h"

#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"

struct count {
	struct attachment *att;
	const struct ip_prefix *address;
	struct gateway_users users;
};

static int record_count(const struct record *record, void *data, struct cni_error *err)
{
	struct count *count = data;
	bool own = strcmp(record->network, count->att->network->name) == 0;

	(void)err;
	for (size_t i = 0; i < record->n; i++) {
		struct ip_prefix gateway = {record->addresses[i].gateway,
					    record->addresses[i].address.len};

		if (!gateway.addr.family || !prefix_equal(&gateway, count->address))
			continue;
		count->users.own += own;
		count->users.others += !own;
	}
	return 0;
}

static int network_count(const char *network, void *data, struct cni_error *err)
{
	struct count *count = data;
	struct ipam_env other = count->att->ipam_env;

	other.network = network;
	return ipam_record_each(&other, record_count, count, err);
}

int gateway_users_count(struct attachment *att, const struct ip_prefix *address,
			struct gateway_users *ret_users, struct cni_error *err)
{
	struct count count = {.att = att, .address = address};
	int ret = ipam_networks(&att->ipam_env, network_count, &count, err);

	if (ret == 0)
		*ret_users = count.users;
	return ret;
}
