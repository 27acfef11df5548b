/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out who else may need the rules and sets that an earlier version left. */
#include "rules_by_name.h"

#include <string.h>

#include "plugin/netlink/link.h"
#include "rules_owner.h"

/* Every later version says whether the pod is masqueraded. */
bool rules_by_name_recorded(const struct record *record)
{
	return record->masquerade == RECORD_NOT_TOLD;
}

/* Did the earlier version, which knew networks by name, make this interface for this one?
 * The names that its alias has go to @ret_names. */
static bool is_made_by_name(const struct attachment *att, const struct link *link,
			    struct alias_names *ret_names)
{
	return link_is(link, "veth") && identity_alias_read(link->alias, ret_names) &&
	       strcmp(ret_names->network, att->network->name) == 0 &&
	       rules_owner_made(identity_owner_by_name(att->network->name), link,
				ret_names);
}

static bool is_recorded(const struct attachment *att,
			const struct ipam_record_list *records,
			const struct alias_names *names)
{
	for (size_t i = 0; i < records->n; i++)
		if (record_is_of(&records->items[i], att->network->name,
				 names->container_id, names->ifname))
			return true;
	return false;
}

int rules_by_name_in_use(struct attachment *att, bool *ret_in_use, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	_cleanup_(link_list_clear) struct link_list links = {};
	struct alias_names names;
	bool in_use = false;
	int ret = ipam_connected(&att->ipam_env, &records, err);

	if (ret == 0)
		ret = link_list_get(att->op->node.rtnl, &links, err);
	for (size_t i = 0; ret == 0 && i < links.n; i++)
		in_use |= is_made_by_name(att, &links.items[i], &names) &&
			  !is_recorded(att, &records, &names);
	*ret_in_use = in_use;
	return ret;
}
