/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stages that an attachment goes through. A feature is a file with a struct stage in
 * it and a line in the table STAGES().
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_STAGES_H
#define BRIDGE_CNI_PLUGIN_STAGE_STAGES_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/nf_tables_element.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/wait_deleted.h"
#include "plugin/node/node.h"

#define STAGE_LINKS_MAX	     NETLINK_LINKS_MAX /* of an attachment, on the node */
#define STAGE_INTERFACES_MAX 8 /* of an answer, but for earlier plugins' */
#define STAGE_SETS_MAX	     32 /* of an owner */
#define STAGE_KEPT_MAX	     8

struct stage_facts;

/* The links of an attachment that are deleted together, in one message to the kernel. */
struct stage_links {
	struct link_known items[STAGE_LINKS_MAX];
	char names[STAGE_LINKS_MAX][IF_NAMESIZE];
	size_t n;
	/* The interface that has the name of the host's end is another attachment's by
	 * chance, as names are hashes. Then nothing is deleted. */
	bool are_anothers;
};
/* Adds the interface @index of this name, which is copied. Index 0 adds nothing. */
void stage_links_add(struct stage_links *links, unsigned int index, const char *name);

/* Elements of nft sets and maps that change in one transaction. Each points to its set,
 * which has to live as long (stage_elements_keep()). */
struct stage_elements {
	struct nft_element_list list; /* the elements that are added, or deleted */
	/* Where the list is deleted: elements of other attachments that are replaced
	 * ... */
	struct nft_element_list others;
	struct nft_element_list instead; /* ... by these */
	const char *without; /* what the operator is told where they can't be replaced */

	struct {
		void *data;
		void (*clear)(void *data);
	} kept[STAGE_KEPT_MAX];
	size_t kept_n;
};
void stage_elements_clear(struct stage_elements *elements);

/* Gives memory of zeros that lives as long as the elements. @clear, unless NULL, is
 * called on it before it is freed. NULL: out of memory. */
void *stage_elements_keep(struct stage_elements *elements, size_t size,
			  void (*clear)(void *data));

/* Deletes the elements of the list and replaces those of others, all in one transaction.
 * Where others' can't be replaced the operator is told, and the list is deleted alone.
 * Code 101. */
int stage_elements_delete(struct attachment *att, struct netlink *nl,
			  const struct stage_elements *elements, struct cni_error *err);

/* The elements that a stage is asked for. */
enum stage_elements_of {
	ELEMENTS_WANTED, /* adds those that the attachment is to get to the list */
	ELEMENTS_ADDED, /* adds none; those of the list are in the kernel by now */
	/* adds those that the attachment has, by its record, to the list, and what others
	 * get instead */
	ELEMENTS_HELD,
	ELEMENTS_GONE, /* adds what others get instead of those that are in the list */
};

/* Entries of the answer's "interfaces". */
struct stage_interfaces {
	struct interface items[STAGE_INTERFACES_MAX];
	char macs[STAGE_INTERFACES_MAX][MAC_TEXT_MAX];
	char names[STAGE_INTERFACES_MAX][IF_NAMESIZE];
	size_t n;
};
/* Adds an entry. @name is copied. @mtu: bytes. @sandbox: the pod's namespace, borrowed;
 * NULL for an interface on the node. */
void stage_interfaces_add(struct stage_interfaces *list, const char *name,
			  const struct mac_addr *mac, uint32_t mtu, const char *sandbox);

/*
 * A stage takes away what it has made for an attachment. What it has made for all of them
 * (the bridge, rules, forwarding) stays. A stage acts by its verbs, in the order of the
 * table, and contributes to what is done once for all stages. A member that a stage has
 * no part in is NULL.
 */
struct stage {
	const char *name;
	/* The switches (SWITCH_BIT()) whose attachments the stage is for. Those of others
	 * pass it by, in each verb and contribution. 0: it is for all. */
	unsigned int switches;

	/* Makes all of its part or nothing: on failure the stage has undone it. */
	int (*add)(struct attachment *att, struct cni_error *err);
	/* Is all as `add` left it? Code 104 says what was expected and what is found. */
	int (*check)(struct attachment *att, struct cni_error *err);
	/* Takes away what @att holds, by its record (@att->record) and its names. What is
	 * not there is deleted already, which is no error. */
	int (*del)(struct attachment *att, struct cni_error *err);

	/*
	 * `bridge-cni repair`: puts back what somebody else removed, and reports it by
	 * report_done(). All but the last run under the exclusive node lock, and none in the
	 * pod.
	 * First, once, what the network's attachments share: @net has no container, no
	 * interface and no addresses. ipam_record_each() tells which attachments are
	 * connected.
	 */
	int (*repair_shared)(struct attachment *net, struct cni_error *err);
	/* Then what belongs to one connected attachment, or follows from it: @att has its
	 * record, addresses with gateways, MAC address and the names of both ends. */
	int (*repair)(struct attachment *att, struct cni_error *err);
	/* At last, once more for what is shared: what needs a bridge that a pod's repair may
	 * have made, or what no pod needs to be connected. @net is as for repair_shared. */
	int (*repair_shared_last)(struct attachment *net, struct cni_error *err);
	/* When the node lock is given back, once: what may have to be waited for. @net is as
	 * for repair_shared. */
	int (*repair_unlocked)(struct attachment *net, struct cni_error *err);

	/* STATUS: would the next ADD fail for want of what the stage needs? @net is as for
	 * repair_shared, and nothing of the node is open. Code 50. */
	int (*status)(struct attachment *net, struct cni_error *err);
	/* GC: takes away what is of no attachment any more and that no DEL can know of.
	 * The exclusive lock is held. */
	int (*sweep)(struct attachment *net, struct cni_error *err);

	/* Contributes to an ADD before anything is made: code 103 where somebody has a
	 * name that the stage is going to use. */
	int (*names)(struct attachment *att, struct cni_error *err);
	/* Contributes links that links.c deletes. */
	int (*links)(struct attachment *att, struct stage_links *links,
		     struct cni_error *err);
	/* Contributes to a transaction that elements.c makes. */
	int (*elements)(struct attachment *att, enum stage_elements_of which,
			struct stage_elements *elements, struct cni_error *err);
	/* The types of the sets and maps in which pods have these elements. */
	const struct set_type *set_types;
	size_t set_types_n;
	/* Contributes to the answer of an ADD that has come through all stages. */
	void (*interfaces)(const struct attachment *att, struct stage_interfaces *list);

	/*
	 * `bridge-cni show` (facts.h): both change nothing, take no lock, and are never in
	 * the pod. The first tells of what the network's attachments share: @net is as for
	 * repair_shared, with the facts of its bridge and gateway. The second tells of one
	 * attachment, which has its record.
	 */
	int (*show_shared)(struct attachment *net, struct stage_facts *facts,
			   struct cni_error *err);
	int (*show)(struct attachment *att, struct stage_facts *facts,
		    struct cni_error *err);
};

/*
 * The stages, one a line. Each is in the file of its name. An ADD and a CHECK go down the
 * table, a DEL and an undo go up.
 */
/* clang-format off */
#define STAGES(stage) \
	stage(ipam) /* the record comes before all that it tells of, and goes last */ \
	stage(reference_leftovers) \
	stage(bridge) \
	stage(ovs_bridge) \
	stage(veth) \
	stage(macvlan) \
	stage(links) /* deletes all stages' links, once nothing leads to the pod */ \
	stage(ovs_port) /* goes before its link does */ \
	stage(parameters) /* before the dhcp plugin, or anybody else, sets the pod's end up */ \
	stage(vlan) \
	stage(isolate) /* knows the gateway's interface by now */ \
	stage(spoofcheck) /* what another IPAM plugin says is checked, too */ \
	stage(ipam_delegated) /* an IPAM plugin may look for the interface */ \
	stage(gateway_guard) /* knows the addresses and the gateway's interface by now */ \
	stage(portmap) \
	stage(elements) /* adds all stages' elements, before the pod's end is up */ \
	stage(port) /* of a checked pod: opens once its elements and VLANs are there */ \
	stage(groups) /* before the pod's end is up, and reports them */ \
	stage(addresses) \
	stage(gateway) \
	stage(quiet) \
	stage(neighbours) /* on the gateway's interface, once that has IPv6 */ \
	stage(masquerade) \
	stage(fast_path) /* behind all rules that may drop a packet */ \
	stage(bandwidth) \
	stage(routes) /* late: the kernel's work queue holds the routing lock before */ \
	stage(ready) \
	stage(announce)
/* clang-format on */

#define STAGE_DECLARE(name) extern const struct stage stage_##name;
STAGES(STAGE_DECLARE)

/* Sees to it, down the table, that the names that an ADD is going to use are free. Code
 * 103. */
int stages_names(struct attachment *att, struct cni_error *err);

/* Runs `add` down the table. Where a stage fails, those before it are undone in
 * reverse. */
int stages_add(struct attachment *att, struct cni_error *err);

/* Runs `check` down the table, up to the first error. */
int stages_check(struct attachment *att, struct cni_error *err);

/* Run `status` up to the first error, and `sweep` on past errors, down the table. */
int stages_status(struct attachment *net, struct cni_error *err);
int stages_sweep(struct attachment *net, struct cni_error *err);

/* Runs `del` up the table and on past errors. The first error is reported. It keeps the
 * record and the addresses for the next DEL. The owner's rules go with its last
 * attachment. */
int stages_del(struct attachment *att, struct cni_error *err);

/* Undoes an ADD that fails after all stages have run, in the same way. The owner's rules
 * stay. */
int stages_undo(struct attachment *att, struct cni_error *err);

/* Collects the contributions of all stages, down the table. */
int stages_links(struct attachment *att, struct stage_links *ret_links,
		 struct cni_error *err);
void stages_interfaces(const struct attachment *att, struct stage_interfaces *ret_list);
int stages_elements(struct attachment *att, enum stage_elements_of which,
		    struct stage_elements *elements, struct cni_error *err);

/* Collects what stages tell of the network's shared part, and of an attachment, down the
 * table and past errors. The first error is returned. */
int stages_show_shared(struct attachment *net, struct stage_facts *facts,
		       struct cni_error *err);
int stages_show(struct attachment *att, struct stage_facts *facts, struct cni_error *err);

/* Names the sets and maps of @owner in which pods have elements. */
size_t stages_sets(uint64_t owner, struct nft_set ret_sets[STAGE_SETS_MAX]);

/* Deletes the links that all stages contribute, for a stage that has made some of them
 * and then failed. */
int links_delete(struct attachment *att, struct cni_error *err);

/*
 * Repairs what is shared, down the table and past errors. Then it goes down the table
 * again and repairs, in each stage, all of the @n connected attachments, so that a later
 * stage finds all ports in place. Once an attachment's repair has failed, later stages
 * leave it alone (given_up). All errors go to the report.
 */
void stages_repair(struct attachment *net, struct attachment *const *connected, size_t n);
/* The last part, for which the caller has given the node lock back. */
void stages_repair_unlocked(struct attachment *net);

#endif
