/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The owner of rules, sets and maps, as a number. */
#include "rules_owner.h"

#include "../conf/identity.h"

uint64_t rules_owner(const struct net_conf *conf)
{
	return hash_text(conf->name);
}
