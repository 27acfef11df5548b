/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order in which the guard's table is made and mended. */
#include "guard.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "conf/identity.h"
#include "guard_rules.h"
#include "plugin/netlink/nf_tables_counters.h"
#include "plugin/netlink/nf_tables_table.h"

#define TRIES 3 /* where others change the table meanwhile */

void guard_known_clear(struct guard_known *known)
{
	guard_elements_clear(&known->elements);
	*known = (struct guard_known){};
}

/* A hash of what the rules are made of. */
static uint64_t rules_number(const struct guard_spec *spec)
{
	uint8_t bytes[2 + MAC_LEN] = {spec->vxlan, spec->wireguard};
	const uint32_t numbers[] = {spec->port, spec->vni};
	struct guard_sets sets;

	guard_sets_find(spec, &sets);
	memcpy(bytes + 2, spec->mac.bytes, MAC_LEN);
	return hash_more(hash_more(hash_bytes(bytes, sizeof(bytes)), numbers,
				   sizeof(numbers)),
			 &sets, sizeof(sets));
}

/* There is no table, or one that was never woken: it is half made, and goes first. */
static int make(struct netlink *nft, const struct guard_spec *spec,
		struct guard_known *now, struct guard_done *done, struct cni_error *err)
{
	int ret = nft_table_del(nft, NFPROTO_INET, GUARD_TABLE, err);

	*done = (struct guard_done){};
	if (ret >= 0)
		ret = guard_rules_make(spec, err);
	if (ret == 0)
		ret = guard_elements_ensure(nft, spec, NULL, &now->elements, done, err);
	if (ret == 0)
		ret = nft_table_wake(nft, NFPROTO_INET, GUARD_TABLE, err);
	if (ret == 0)
		done->made = true;
	return ret;
}

/* The table can't be mended. It guards until another one is there in its place. */
static int exchange(struct netlink *nft, const struct guard_spec *spec,
		    struct guard_known *now, struct guard_done *done,
		    struct cni_error *err)
{
	int ret = guard_rules_exchange(spec, err);

	*done = (struct guard_done){.made = true};
	if (ret == 0)
		ret = guard_elements_ensure(nft, spec, NULL, &now->elements, done, err);
	done->added = now->elements.n;
	return ret;
}

/*
 * The kernel's rules are others. The new ones find their sets filled, as whoever flushed
 * the rules may have flushed those, too; and the old ones keep their elements.
 * Returns > 0 where that was not enough: somebody has rules in a chain of his own, or
 * changes the table at the same time.
 */
static int rules_mend(struct netlink *nft, const struct guard_spec *spec,
		      struct guard_known *now, struct guard_done *done,
		      struct cni_error *err)
{
	struct guard_sets sets;
	int ret;

	guard_sets_find(spec, &sets);
	ret = guard_sets_add(nft, &sets, err);
	if (ret == 0)
		ret = guard_elements_add(nft, spec, done, err);
	if (ret == 0)
		ret = guard_rules_replace(spec, err);
	if (ret == 0)
		ret = guard_elements_ensure(nft, spec, NULL, &now->elements, done, err);
	done->rules = true;
	return ret == 0 ? guard_rules_compare(nft, spec, err) : ret;
}

/* Deletes sets that no rule looks into: new rules, or an agent that was killed behind them,
 * may have left some. */
static int trim(struct netlink *nft, const struct guard_spec *spec,
		struct guard_done *done, struct cni_error *err)
{
	struct guard_sets sets;
	int ret;

	guard_sets_find(spec, &sets);
	ret = guard_sets_trim(nft, &sets, err);
	if (ret > 0)
		done->rules = true;
	return ret < 0 ? ret : 0;
}

static int mend(struct netlink *nft, const struct guard_spec *spec,
		struct guard_known *now, struct guard_done *done, struct cni_error *err)
{
	int rules = guard_rules_compare(nft, spec, err), ret = GUARD_ELEMENTS_AGAIN;

	if (rules < 0)
		return rules;
	if (rules == GUARD_RULES_SAME)
		ret = guard_elements_ensure(nft, spec, NULL, &now->elements, done, err);
	if (rules == GUARD_RULES_DIFFER && rules_mend(nft, spec, now, done, NULL) == 0)
		ret = 0;
	if (ret > 0)
		return exchange(nft, spec, now, done, err);
	return ret < 0 ? ret : trim(nft, spec, done, err);
}

static int ensure_once(struct netlink *nft, const struct guard_spec *spec,
		       struct guard_known *known, struct guard_done *done,
		       struct cni_error *err)
{
	_cleanup_(guard_known_clear) struct guard_known now = {
		.rules = rules_number(spec)};
	uint32_t before, own = 0;
	enum nft_table_state state;
	int ret = nft_generation(nft, &before, err);

	if (ret < 0)
		return ret;
	if (known->valid && known->generation == before && known->rules == now.rules) {
		ret = guard_elements_ensure(nft, spec, &known->elements, &now.elements,
					    done, err);
	} else {
		ret = nft_table_look(nft, NFPROTO_INET, GUARD_TABLE, &state, err);
		if (ret == 0)
			ret = state == NFT_TABLE_AWAKE ? mend(nft, spec, &now, done, err)
						       : make(nft, spec, &now, done, err);
	}
	known->valid = false;
	if (ret == 0)
		ret = nft_generation(nft, &now.generation, err);
	if (ret != 0)
		return ret;
	/* A transaction of elements is one generation. Where there were others, the next
	 * call looks at everything. */
	own = done->added || done->deleted;
	now.valid = !done->made && !done->rules && now.generation == before + own;
	guard_known_clear(known);
	*known = now;
	now = (struct guard_known){};
	return 0;
}

int tunnel_guard_ensure(struct netlink *nft, const struct guard_spec *spec,
			struct guard_known *known, struct guard_done *ret_done,
			struct cni_error *err)
{
	int ret = GUARD_ELEMENTS_AGAIN;
	struct guard_done done;

	for (int i = 0; ret == GUARD_ELEMENTS_AGAIN && i < TRIES; i++) {
		done = (struct guard_done){};
		ret = ensure_once(nft, spec, known, &done, err);
	}
	if (ret == GUARD_ELEMENTS_AGAIN)
		ret = error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
				"somebody changes table inet " GUARD_TABLE
				" at the same time");
	if (ret < 0) {
		error_wrap(err, "the guard of the tunnels");
		return ret;
	}
	*ret_done = done;
	return 0;
}

int tunnel_guard_settled(struct netlink *nft, const struct guard_known *known,
			 bool *ret_settled, struct cni_error *err)
{
	uint32_t generation;
	int ret = nft_generation(nft, &generation, err);

	if (ret < 0)
		return ret;
	*ret_settled = known->valid && known->generation == generation;
	return 0;
}

/* A kernel without nftables has no table. */
int tunnel_guard_remove(struct netlink *nft, bool *ret_removed, struct cni_error *err)
{
	enum nft_table_state state = NFT_TABLE_NONE;
	int ret = nft_table_look(nft, NFPROTO_INET, GUARD_TABLE, &state, err);

	if (ret == -EPROTONOSUPPORT || ret == -EINVAL)
		ret = error_clear(err);
	if (ret == 0 && state != NFT_TABLE_NONE)
		ret = nft_table_del(nft, NFPROTO_INET, GUARD_TABLE, err);
	if (ret < 0)
		return ret;
	*ret_removed = ret > 0;
	return 0;
}

static int counter_take(const char *name, uint64_t packets, void *data)
{
	uint64_t *all = data;

	for (int i = 0; i < GUARD_REASONS; i++) {
		const size_t skip = strlen("tunnel_");

		if (!name)
			all[i] = 0;
		else if (strncmp(name, "tunnel_", skip) == 0 &&
			 strcmp(name + skip, guard_reason_names[i]) == 0)
			all[i] = packets;
	}
	return 0;
}

int tunnel_guard_counters(struct netlink *nft, uint64_t ret_packets[GUARD_REASONS],
			  struct cni_error *err)
{
	uint64_t packets[GUARD_REASONS] = {};
	int ret = nft_table_counters(nft, NFPROTO_INET, GUARD_TABLE, counter_take,
				     packets, err);

	if (ret == 0)
		memcpy(ret_packets, packets, sizeof(packets));
	return ret;
}
