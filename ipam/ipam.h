/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses does an attachment get, and what is written down about it? In-process
 * host-local on the host-local store, and the record of an attachment; knows files, no
 * kernel networking. Locks the store for the length of a call.
 */
#ifndef BRIDGE_CNI_IPAM_IPAM_H
#define BRIDGE_CNI_IPAM_IPAM_H

#include <string.h>

#include "conf/pod.h"

struct record;

/*
 * What has to be asked of the kernel. NULL, or without its functions: no record
 * is made of an attachment, and none counts as dead before its boot is over.
 */
struct ipam_kernel {
	const char *boot_id; /* "": can't be told */
	/* Of the attachment's namespace, and of the node's; 0: can't be told. */
	uint64_t (*netns_cookie)(const struct ipam_kernel *kernel);
	uint64_t (*node_cookie)(const struct ipam_kernel *kernel);
	/* Is the host's interface of that attachment there? */
	bool (*has_interface)(const struct ipam_kernel *kernel,
			      const struct record *record);
	/* Under another name that somebody gave it? True: can't be told, too. */
	bool (*has_renamed)(const struct ipam_kernel *kernel,
			    const struct record *record);
	/* Is its namespace another one now, or none at all? False: can't be told, too. */
	bool (*lost_netns)(const struct ipam_kernel *kernel, const struct record *record);
	void *data;
};

/* What every question begins with: which store, which part of it, and who is told. */
struct ipam_env {
	const char *data_dir;
	const char *network; /* its name */
	const char
		*bridge; /* of the owner whose attachments are meant; "": of any bridge */
	const struct ipam_kernel *kernel; /* NULL: nothing can be asked of it */
	struct notices *notices; /* NULL: nobody is told */
};

/* True when addresses come from here: ipam.type is "host-local". */
static inline bool ipam_in_process(const struct network *network)
{
	const char *type = network->ipam.type;

	return type && strcmp(type, "host-local") == 0;
}

/* True when ipam.type names another plugin (delegate.h). */
static inline bool ipam_delegated(const struct network *network)
{
	const char *type = network->ipam.type;

	return type && type[0] && !ipam_in_process(network);
}

/*
 * Reserves one address of every range set of @network for @pod, and gives ips, routes and dns
 * (of ipam.resolvConf, whose text @ret_text owns). An address asked for by
 * runtimeConfig.ips, args.cni.ips or CNI_ARGS is the one of its set. The record is written
 * before the first address is taken. All or nothing. Errors: 102 (-EADDRNOTAVAIL) a set has
 * no free address; 103 there are reservations or a record of the attachment already, which
 * stay, or the address asked for is taken; -ESTALE, with 103: so there are, but of one that
 * is not alive; 7 an address is asked for that can't be given; 5 the store or
 * ipam.resolvConf can't be read or written; 11 the store's lock is held for too long.
 */
int ipam_reserve(const struct ipam_env *env, const struct network *network,
		 const struct pod *pod, struct cni_result *ret_result, char **ret_text,
		 struct cni_error *err);

/* The record alone, of an attachment whose addresses, if any, come from elsewhere. Errors
 * 5, 11, 103 and -ESTALE as above. */
int ipam_record_write(const struct ipam_env *env, const struct network *network,
		      const struct pod *pod, struct cni_error *err);

/* Writes the addresses of @result, which come from elsewhere, into its record. Code 11:
 * a DEL or GC has begun since ipam_record_write(). */
int ipam_record_write_addresses(const struct ipam_env *env, const struct pod *pod,
				const struct cni_result *result, struct cni_error *err);

/* Writes its host ports into its record, before it gets them: from then on its DEL takes
 * them away, and whoever puts rules back puts them back. Code 11 as above. */
int ipam_record_write_ports(const struct ipam_env *env, const struct pod *pod,
			    uint32_t turn, struct cni_error *err);

/* Writes @turn into its record, as the place that it has among attachments of its container
 * that share a host port. Code 11 as above. */
int ipam_record_write_turn(const struct ipam_env *env, const struct pod *pod,
			   uint32_t turn, struct cni_error *err);

/* Writes into its record that its DEL has begun, before that gives the node lock back for a
 * while: ipam_record_each() then passes it over. No record is success. */
int ipam_record_mark_going(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err);

/* Writes into its record that it is to have elements in the sets of plugin/stage/masquerade_pods.h, which
 * its DEL so looks for. No record is success. */
int ipam_record_mark_apart(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err);

/* Gives back whatever the attachment holds on its network, then removes its record; nothing
 * there is success. @ret_last: it was the owner's last one. */
int ipam_release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		 struct cni_error *err);

/* CHECK: every address of @expected is reserved for the attachment. Code 104 if not. */
int ipam_check(const struct ipam_env *env, const struct pod *pod,
	       const struct network *network, const struct cni_result *expected,
	       struct cni_error *err);

/* Any address at all is reserved for the attachment. Code 104 if none is. */
int ipam_check_any(const struct ipam_env *env, const struct pod *pod,
		   struct cni_error *err);

/* An attachment of this network, by its names. */
struct ipam_holder {
	char *container_id, *ifname; /* owned */
};
struct ipam_holder_list {
	struct ipam_holder *items;
	size_t n;
};
void ipam_holder_list_clear(struct ipam_holder_list *list);

/* Copies the names. -ENOMEM. */
int ipam_holder_list_add(struct ipam_holder_list *list, const char *container_id,
			 const char *ifname);

#define IPAM_NO_RECORD 1 /* ipam_record_read(): there is none, or it is torn */

/* The attachment's record into @ret_record, which record_clear() frees. IPAM_NO_RECORD;
 * codes 5, 11. */
int ipam_record_read(const struct ipam_env *env, const struct pod *pod,
		     struct record *ret_record, struct cni_error *err);

/*
 * The records of the owner's attachments (identity_owner()) that are connected, newest
 * reservation first: their interface on the node is there, so that a namespace is behind it,
 * whatever its path; and they are neither coming nor going. Codes 5, 11.
 */
struct ipam_record_list {
	struct record *items;
	size_t n;
};
int ipam_connected(const struct ipam_env *env, struct ipam_record_list *ret_list,
		   struct cni_error *err);
void ipam_record_list_clear(struct ipam_record_list *list);

/* Hands them to @fn (which returns < 0 to stop, with @err set). The store's lock is not held
 * meanwhile. */
int ipam_record_each(const struct ipam_env *env,
		     int (*fn)(const struct record *record, void *data,
			       struct cni_error *err),
		     void *data, struct cni_error *err);

/* Hands the name of each network with records in the store of @env's, its own included, to
 * @fn (which returns < 0 to stop, with @err set). Code 5. */
int ipam_networks(const struct ipam_env *env,
		  int (*fn)(const char *network, void *data, struct cni_error *err),
		  void *data, struct cni_error *err);

/* Writes down that the network gave a bridge this address, or has taken it back; codes 5, 11.
 * And asks. */
int ipam_gateway_add(const struct ipam_env *env, const char *bridge,
		     const struct ip_prefix *address, struct cni_error *err);
int ipam_gateway_remove(const struct ipam_env *env, const char *bridge,
			const struct ip_prefix *address, struct cni_error *err);
bool ipam_gateway_is_ours(const struct ipam_env *env, const char *bridge,
			  const struct ip_prefix *address);

/*
 * Removes what the network's attachments shared in the store, of which none is left: index,
 * notes, last_reserved_ip, the lock, the directories. -ENOTEMPTY, with code 103: somebody
 * else's files stay, and so do the directories. @ret_removed: there was something. Code 5,
 * 11.
 */
int ipam_network_remove(const struct ipam_env *env, bool *ret_removed,
			struct cni_error *err);

/*
 * Everybody with a record on the configuration's bridge, or a reservation, each once.
 * Where another bridge has records in the store as well, nobody knows whose a reservation
 * without one is: then nobody is named by reservations alone. Codes 5, 11.
 */
int ipam_holders(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		 struct cni_error *err);

/* Has another bridge records in the store? Codes 5, 11. */
int ipam_is_shared(const struct ipam_env *env, bool *ret_shared, struct cni_error *err);

/*
 * Writes down in the store that other owners of the network's name have rules on the node: from
 * then on ipam_release() looks whether it was the owner's last record. Without the note it
 * does so only where nothing is left in the store. Where it can't be written, rules stay.
 */
void ipam_note_others(const struct ipam_env *env);

/* Has the owner no record in the store? Codes 5, 11. */
int ipam_has_no_record(const struct ipam_env *env, bool *ret_none, struct cni_error *err);

/*
 * STATUS: can the next ADD be given its addresses? Makes nothing. @ret_next (NULL: not asked
 * for) gets ips of the ranges that these would be of, as far as it seems that nobody has an
 * address of such a range yet. Codes 102
 * (-EADDRNOTAVAIL): a set is full; 50: dataDir is no place to write to; 5, 11.
 */
int ipam_room(const struct ipam_env *env, const struct network *network,
	      struct cni_result *ret_next, struct cni_error *err);

enum ipam_liveness {
	IPAM_ALIVE, /* or it can't be told, or there is no record */
	IPAM_RELEASED, /* no interface, and what it had was given back by somebody */
	IPAM_STALE, /* no interface, no namespace; its record names all that it holds */
};

/*
 * The owner's attachments with a record that are not alive. Reservations that name nobody are
 * given back on the way. Codes 5, 11.
 */
int ipam_stale(const struct ipam_env *env, struct ipam_holder_list *ret_list,
	       struct cni_error *err);

/*
 * Those of them that seem to be IPAM_RELEASED, by their records and by the files that these name:
 * without the index, which is neither made nor brought up to date. ipam_liveness() knows for sure.
 */
int ipam_released(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		  struct cni_error *err);

/* What the record of @env's names tells of. */
int ipam_liveness(const struct ipam_env *env, const struct pod *pod,
		  enum ipam_liveness *ret_life, struct cni_error *err);

/*
 * The addresses of the network that are reserved but lie in none of @prefixes, ascending:
 * those of pods from before a change of the configuration, for example. Those that records
 * give to pods on other bridges are not among them, and those of the owner's own records
 * only where they are asked for. The caller frees
 * the items. Codes 5, 11.
 */
int ipam_reserved_outside(const struct ipam_env *env, const struct prefix_list *prefixes,
			  bool recorded, struct ip_span_list *ret_list,
			  struct cni_error *err);

#endif
