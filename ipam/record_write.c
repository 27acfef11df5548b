/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the records of attachments while their ADD or DEL goes on. The record of an
 * attachment whose addresses come from here is first written by take_addresses.c.
 */
#include <errno.h>

#include "already_attached.h"
#include "conf/identity.h"
#include "network_store.h"
#include "new_record.h"
#include "owner_note.h"
#include "pod_record.h"

/* Fills in addresses that come from elsewhere. */
static int addresses_fill(const struct cni_result *result, struct record *record,
			  struct cni_error *err)
{
	struct record_address *addresses = calloc(result->ips.n + 1, sizeof(*addresses));

	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < result->ips.n; i++)
		addresses[i] = (struct record_address){
			.address = result->ips.items[i].address,
			.gateway = result->ips.items[i].gateway,
		};
	free(record->addresses);
	record->addresses = addresses;
	record->n = result->ips.n;
	return 0;
}

int ipam_record_write(const struct ipam_env *env, const struct network *network,
		      const struct pod *pod, const struct cni_result *given,
		      struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record record = {};
	int ret;

	if (!makes_records(env))
		return 0;
	ret = new_record_fill(env, network, pod, &record, err);
	if (ret == 0)
		ret = addresses_fill(given, &record, err);
	if (ret < 0)
		return ret;
	if (!record.mac.set)
		record.mac = identity_container_mac(env->network, pod->container_id,
						    pod->ifname);
	/* Until its addresses are known the attachment has no rules. */
	record.coming = ipam_delegated(network);
	ret = network_store_open(env, STORE_RECORDS, &store, err);
	if (ret == 0)
		ret = network_store_index(&store, env, err);
	if (ret == 0)
		ret = env->are_given ? refuse_already_recorded(&store, env, pod, err)
				     : refuse_already_attached(&store, env, pod, err);
	if (ret == 0)
		ret = store_record_write(&store, &record, err);
	if (ret == 0 && store.own_made)
		owner_note_write(&store, env->bridge, network);
	return ret;
}

/*
 * Reads the record that this ADD wrote before it gave the node lock back for a while.
 * Where a DEL or GC has begun meanwhile, it would not take away what the ADD makes from
 * now on.
 */
static int own_record_read(const struct pod *pod, const struct store *store,
			   struct record *ret_record, struct cni_error *err)
{
	int ret = pod_record_read(store, pod, ret_record, err);

	if (ret < 0)
		return ret;
	if (ret > 0 || ret_record->going)
		return error_set(err, CNI_ERR_TRY_AGAIN, ECANCELED,
				 "a DEL of the same attachment came by while its ADD "
				 "waited");
	return 0;
}

int ipam_record_write_addresses(const struct ipam_env *env, const struct pod *pod,
				const struct cni_result *result, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record record = {};
	int ret;

	if (!makes_records(env))
		return 0;
	ret = network_store_open(env, STORE_RECORDS, &store, err);
	if (ret < 0)
		return ret;
	ret = own_record_read(pod, &store, &record, err);
	if (ret == 0)
		ret = addresses_fill(result, &record, err);
	if (ret < 0)
		return ret;
	record.coming = false;
	return store_record_write(&store, &record, err);
}

static int own_ports_write(const struct ipam_env *env, const struct pod *pod,
			   const struct pod_ports *ports, uint32_t turn,
			   struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record record = {};
	struct port_mapping_list recorded;
	int ret;

	if (!makes_records(env))
		return 0;
	ret = network_store_open(env, STORE_RECORDS, &store, err);
	if (ret < 0)
		return ret;
	ret = own_record_read(pod, &store, &record, err);
	if (ret < 0)
		return ret;
	recorded = record.ports;
	if (ports) {
		record.ports = ports->mappings; /* borrowed until it is written */
		record.masq_all = ports->masq_all;
	}
	record.port_turn = turn;
	ret = store_record_write(&store, &record, err);
	record.ports = recorded;
	return ret;
}

int ipam_record_write_ports(const struct ipam_env *env, const struct pod *pod,
			    uint32_t turn, struct cni_error *err)
{
	return own_ports_write(env, pod, &pod->ports, turn, err);
}

int ipam_record_write_turn(const struct ipam_env *env, const struct pod *pod,
			   uint32_t turn, struct cni_error *err)
{
	return own_ports_write(env, pod, NULL, turn, err);
}

/* Sets the flag at @offset of the attachment's record, if there is one that
 * can be read. */
static int flag_set(const struct ipam_env *env, const struct pod *pod, size_t offset,
		    struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record record = {};
	bool *flag = (bool *)((char *)&record + offset);
	int ret;

	ret = network_store_open(env, STORE_EXISTING, &store, err);
	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	if (pod_record_read(&store, pod, &record, NULL) != 0 || *flag)
		return 0;
	*flag = true;
	return store_record_write(&store, &record, err);
}

int ipam_record_mark_going(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err)
{
	return flag_set(env, pod, offsetof(struct record, going), err);
}

int ipam_record_mark_isolated(const struct ipam_env *env, const struct pod *pod,
			      struct cni_error *err)
{
	return flag_set(env, pod, offsetof(struct record, isolated), err);
}

int ipam_record_mark_apart(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err)
{
	return flag_set(env, pod, offsetof(struct record, apart), err);
}
