/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses does an attachment get, and what is written down about it? This is
 * host-local in this process, on the store of host-local (ipam/store/store.h), and the
 * records of attachments (ipam/store/record.h). It knows files, and no kernel networking.
 *
 * Each function locks the store for the length of its call. An attachment is named by its
 * network, container ID and interface; an owner is a network on a bridge with its store
 * (identity_owner()). Where nothing else is said, errors are code 5, the store can't be
 * read or written, and code 11, the store's lock was not free for too long. A store that
 * is not there is as good as an empty one.
 */
#ifndef BRIDGE_CNI_IPAM_IPAM_H
#define BRIDGE_CNI_IPAM_IPAM_H

#include <string.h>

#include "conf/base/flock.h"
#include "conf/pod.h"

struct record;

/*
 * Questions to the kernel, answered by whoever calls. Without it, or without its
 * functions, no record is made of an attachment, and none counts as dead before its boot
 * is over.
 */
struct ipam_kernel {
	const char *boot_id; /* "": not known */
	/* Cookies of the attachment's namespace, and of the node's; 0: not known. */
	uint64_t (*netns_cookie)(const struct ipam_kernel *kernel);
	uint64_t (*node_cookie)(const struct ipam_kernel *kernel);
	/* True: the attachment's interface on the node is there; or, with a switch whose
	 * attachments have none, the kernel has it otherwise. */
	bool (*has_interface)(const struct ipam_kernel *kernel,
			      const struct record *record);
	/* True: it is there under another name that somebody gave it, or otherwise
	 * changed; or that is not known. */
	bool (*has_renamed)(const struct ipam_kernel *kernel,
			    const struct record *record);
	/* True: the attachment's namespace is gone, or another one is in its place. False
	 * also where that is not known. */
	bool (*lost_netns)(const struct ipam_kernel *kernel, const struct record *record);
	void *data;
};

/* The surroundings of a call: the store that is asked, the owner whose attachments are
 * meant, and the kernel that answers questions. */
struct ipam_env {
	const char *data_dir;
	const char *network; /* its name */
	/* The owner's, or its switch's place; "": attachments on any bridge are meant. */
	const char *bridge;
	/* An earlier plugin of the list gives pods their addresses
	 * (network_takes_prev_result()). Reservations that stand under their names are that
	 * plugin's. */
	bool are_given;
	const struct ipam_kernel *kernel; /* NULL: nothing can be asked of the kernel */
	struct notices *notices; /* NULL: nobody is told */
	/* The store is read without its lock, and nothing is made there. For functions
	 * that only read; they say so. */
	bool looks;
	flock_tell_fn tell_wait; /* a person waits for the outcome; NULL: nobody does */
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

/* ---- An attachment's addresses ---- */

/*
 * Reserves one address of every range set of @network for @pod, all or none, and gives
 * ips, routes and dns (of ipam.resolvConf, whose text @ret_text owns). An address that
 * runtimeConfig.ips, args.cni.ips or CNI_ARGS asks for is the one of its set. The record
 * is written before the first address is taken.
 *
 * Errors: 102 (-EADDRNOTAVAIL), a set has no free address; 103, the attachment has
 * reservations or a record already, which stay, or the requested address is taken; 103
 * with -ESTALE, it has them, but is not alive any more; 7, an address is asked for that
 * can't be given; 5, also for ipam.resolvConf; 11.
 */
int ipam_reserve(const struct ipam_env *env, const struct network *network,
		 const struct pod *pod, struct cni_result *ret_result, char **ret_text,
		 struct cni_error *err);

/*
 * Gives back whatever the attachment holds on its network, then removes its record.
 * Nothing there is success. Where the record says that its addresses come from elsewhere,
 * or there is no record and @env says so, it holds none here. @ret_last: that was the
 * owner's last record; untouched on failure, and where there is no store.
 */
int ipam_release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		 struct cni_error *err);

/* CHECK: every address of @expected is reserved for the attachment. Code 104 if not. */
int ipam_check(const struct ipam_env *env, const struct pod *pod,
	       const struct network *network, const struct cni_result *expected,
	       struct cni_error *err);

/* CHECK of host-local: any address is reserved for the attachment. Code 104
 * if none is. */
int ipam_check_any(const struct ipam_env *env, const struct pod *pod,
		   struct cni_error *err);

/*
 * STATUS: can the next ADD be given its addresses? Makes nothing. @ret_next (NULL: not
 * wanted) gets, for each range that the next address would be of, its first address, but
 * only where it seems that nobody has an address of that range yet. Errors: 102
 * (-EADDRNOTAVAIL), a set is full; 50, ADD could not write to dataDir; 5; 11.
 */
int ipam_room(const struct ipam_env *env, const struct network *network,
	      struct cni_result *ret_next, struct cni_error *err);

/* ---- An attachment's record ---- */

#define IPAM_NO_RECORD 1 /* ipam_record_read(): there is none, or it is torn */

/* Reads the record into @ret_record, which record_clear() frees. IPAM_NO_RECORD. */
int ipam_record_read(const struct ipam_env *env, const struct pod *pod,
		     struct record *ret_record, struct cni_error *err);

/* Writes the record of an attachment whose addresses, if it gets any, come from
 * elsewhere. @given: those that it has already. Codes 5, 11, and 103 as
 * ipam_reserve(). */
int ipam_record_write(const struct ipam_env *env, const struct network *network,
		      const struct pod *pod, const struct cni_result *given,
		      struct cni_error *err);

/* Writes the addresses of @result, which come from elsewhere, into the record. Code 11
 * also where a DEL or GC of the attachment has begun since ipam_record_write(). */
int ipam_record_write_addresses(const struct ipam_env *env, const struct pod *pod,
				const struct cni_result *result, struct cni_error *err);

/*
 * Writes the pod's host ports into the record, before it gets them: from then on the DEL
 * takes them away, and whoever puts rules back puts them back. @turn as below. Code 11 as
 * above.
 */
int ipam_record_write_ports(const struct ipam_env *env, const struct pod *pod,
			    uint32_t turn, struct cni_error *err);

/* Writes into the record which place (struct record's port_turn) the attachment has among
 * those of its container that share a host port. Code 11 as above. */
int ipam_record_write_turn(const struct ipam_env *env, const struct pod *pod,
			   uint32_t turn, struct cni_error *err);

/*
 * Writes into the record that the attachment's DEL has begun, before the DEL gives the
 * node lock back for a while. ipam_record_each() then passes it over. No record is
 * success.
 */
int ipam_record_mark_going(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err);

/*
 * Writes into the record that the attachment is to have elements in the sets of
 * plugin/stage/masquerade_pods.h, so that its DEL looks for them. No record is
 * success.
 */
int ipam_record_mark_apart(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err);

/* Writes into the record that the attachment is to have elements in the sets of
 * plugin/stage/isolation_elements.h. No record is success. */
int ipam_record_mark_isolated(const struct ipam_env *env, const struct pod *pod,
			      struct cni_error *err);

/* ---- All records of an owner, or of a store ---- */

struct ipam_record_list {
	struct record *items;
	size_t n;
};
void ipam_record_list_clear(struct ipam_record_list *list);

/*
 * Gives the records of the owner's connected attachments, newest reservation first. An
 * attachment is connected when its interface on the node is there, so that a namespace is
 * behind it, whatever its path, and when it is neither coming nor going.
 */
int ipam_connected(const struct ipam_env *env, struct ipam_record_list *ret_list,
		   struct cni_error *err);

/* Hands the same records to @fn, which returns < 0 to stop, with @err set. The store's
 * lock is not held meanwhile. */
int ipam_record_each(const struct ipam_env *env,
		     int (*fn)(const struct record *record, void *data,
			       struct cni_error *err),
		     void *data, struct cni_error *err);

/* Hands the name of each network that has records below @env's dataDir, its own included,
 * to @fn, which returns < 0 to stop, with @err set. Code 5. */
int ipam_networks(const struct ipam_env *env,
		  int (*fn)(const char *network, void *data, struct cni_error *err),
		  void *data, struct cni_error *err);

/* Has the owner no record in the store? */
int ipam_has_no_record(const struct ipam_env *env, bool *ret_none, struct cni_error *err);

/*
 * Writes down in the store that other owners of the network's name have rules on the
 * node. From then on ipam_release() looks whether it removed the owner's last record.
 * Without the note it does so only where nothing is left in the store. Where the note
 * can't be written, rules stay.
 */
void ipam_note_others(const struct ipam_env *env);

/* ---- Owners whose configuration may be gone ---- */

/*
 * Writes the owner's note (conf/network_note.h) where the store doesn't have it, or has
 * another one. Whoever makes what the owner's attachments share calls it, so that cleanup
 * finds that without a configuration. Where the note can't be written, records, gateways
 * and rules have to tell.
 */
void ipam_note_owner(const struct ipam_env *env, const struct network *network);

/* Removes it again. True: it was there. */
bool ipam_forget_owner(const struct ipam_env *env);

/* Gives the bridge of another owner that the store has a record or a note of. "": there
 * is none, so that the store is this owner's alone. */
int ipam_other_bridge(const struct ipam_env *env, char ret_bridge[IF_NAMESIZE],
		      struct cni_error *err);

/* An owner of the network's name that its store tells of. */
struct ipam_owner {
	char ifname[IF_NAMESIZE]; /* its bridge, or an interface with a gateway address */
	bool is_gateway; /* the interface may be a VLAN's gateway on the bridge */
	char *note; /* NULL: the owner has none that is whole and its own; owned */
};
struct ipam_owner_list {
	struct ipam_owner *items;
	size_t n;
	bool has_records; /* those of versions that wrote no bridge down count as well */
};
void ipam_owner_list_clear(struct ipam_owner_list *list);

/* Gives the owners of @env's network that have notes, records or gateway addresses. */
int ipam_owners(const struct ipam_env *env, struct ipam_owner_list *ret_list,
		struct cni_error *err);

/* ---- Which attachments hold something, and which are not alive ---- */

/* An attachment of the network, which holds reservations or has a record. */
struct ipam_holder {
	char *container_id, *ifname; /* owned */
	char *pod; /* owned: "NAMESPACE/NAME", or "" where nothing says it */
};
struct ipam_holder_list {
	struct ipam_holder *items;
	size_t n;
};
void ipam_holder_list_clear(struct ipam_holder_list *list);

/* Copies the names. -ENOMEM. */
int ipam_holder_list_add(struct ipam_holder_list *list, const char *container_id,
			 const char *ifname, const char *pod);

/*
 * Names everybody who has a record of the owner, or a reservation, each once. Where
 * another bridge has records in the store as well, nobody knows whose a reservation
 * without a record is: then reservations alone name nobody.
 */
int ipam_holders(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		 struct cni_error *err);

enum ipam_liveness {
	IPAM_ALIVE, /* or that is not known, or there is no record */
	IPAM_RELEASED, /* no interface, and somebody gave its addresses back */
	IPAM_STALE, /* no interface, no namespace; its record names all that it holds */
};

/* Judges the pod's attachment by its record. */
int ipam_liveness(const struct ipam_env *env, const struct pod *pod,
		  enum ipam_liveness *ret_life, struct cni_error *err);

/* Names those of the owner's attachments that have a record and are not alive.
 * Reservations that name nobody are given back on the way. */
int ipam_stale(const struct ipam_env *env, struct ipam_holder_list *ret_list,
	       struct cni_error *err);

/*
 * Names those of them that seem to be IPAM_RELEASED, by their records and by the files of
 * the reservations. The index is neither made nor brought up to date; ipam_liveness()
 * then tells for sure.
 */
int ipam_released(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		  struct cni_error *err);

/*
 * Gives the addresses of the network that are reserved but lie in none of @prefixes,
 * ascending: those of pods from before a change of the configuration, for example.
 * Addresses that records give to pods on other bridges are left out, and those of the
 * owner's own records, too, unless @recorded. The caller frees the items.
 */
int ipam_reserved_outside(const struct ipam_env *env, const struct prefix_list *prefixes,
			  bool recorded, struct ip_span_list *ret_list,
			  struct cni_error *err);

/* ---- What the attachments of a network share ---- */

/* Writes down that the network gave a bridge this gateway address, or has
 * taken it back. */
int ipam_gateway_add(const struct ipam_env *env, const char *bridge,
		     const struct ip_prefix *address, struct cni_error *err);
int ipam_gateway_remove(const struct ipam_env *env, const char *bridge,
			const struct ip_prefix *address, struct cni_error *err);

/* True: it is written down. False also where that can't be read. */
bool ipam_gateway_is_ours(const struct ipam_env *env, const char *bridge,
			  const struct ip_prefix *address);

/* Refuses a store whose directory of records is a symbolic link: its target's files would
 * be removed. Code 5. */
int ipam_removable(const struct ipam_env *env, struct cni_error *err);

/*
 * Removes what the network's attachments shared in the store, once no attachment is left:
 * the index, notes, last_reserved_ip, the lock, the directories. Code 103 (-ENOTEMPTY):
 * somebody else's files are there, so they stay with their directories. @ret_removed:
 * there was something.
 */
int ipam_network_remove(const struct ipam_env *env, bool *ret_removed,
			struct cni_error *err);

#endif
