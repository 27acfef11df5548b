/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stages that an attachment goes through. A feature is a file with a struct stage in it
 * and a line in the table STAGES().
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_STAGES_H
#define BRIDGE_CNI_PLUGIN_STAGE_STAGES_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/nf_tables_element.h"
#include "plugin/netlink/link.h"
#include "plugin/node/node.h"

#define STAGE_LINKS_MAX	     4 /* of an attachment, on the node */
#define STAGE_INTERFACES_MAX 8 /* of an answer, but for earlier plugins' */
#define STAGE_SETS_MAX	     32 /* of an owner */
#define STAGE_KEPT_MAX	     8

/* Links that end together, in one message to the kernel. */
struct stage_links {
	struct link_known items[STAGE_LINKS_MAX];
	char names[STAGE_LINKS_MAX][IF_NAMESIZE];
	size_t n;
	/* Names are hashes: the host's end is another attachment's by chance. Nothing ends. */
	bool are_anothers;
};
/* Nothing for @index 0. */
void stage_links_add(struct stage_links *links, unsigned int index, const char *name);

/* Elements of nft sets and maps that change in one transaction. Each points to its set, which
 * has to be kept as long. */
struct stage_elements {
	struct nft_element_list list; /* those that come, or that go */
	/* With those that go: elements of other attachments that are replaced ... */
	struct nft_element_list others;
	struct nft_element_list instead; /* ... by these */
	const char *without; /* what is so where that can't be done, for the operator */

	struct {
		void *data;
		void (*clear)(void *data);
	} kept[STAGE_KEPT_MAX];
	size_t kept_n;
};
void stage_elements_clear(struct stage_elements *elements);

/* Memory of zeros that lives as long as the elements; @clear, if any, is called on it before
 * it is freed. NULL: out of memory. */
void *stage_elements_keep(struct stage_elements *elements, size_t size,
			  void (*clear)(void *data));

/* Deletes the elements of the list and replaces those of others, all in one transaction. Where
 * others' can't be replaced the operator is told, and the list is deleted alone. Code 101. */
int stage_elements_delete(struct attachment *att, struct netlink *nl,
			  const struct stage_elements *elements, struct cni_error *err);

/* Which elements a stage is asked for. */
enum stage_elements_of {
	ELEMENTS_WANTED, /* that the attachment is to get: into the list */
	ELEMENTS_ADDED, /* none: those of the list are there by now */
	ELEMENTS_HELD, /* that it has, by its record: into the list; and what others get instead */
	ELEMENTS_GONE, /* what others get instead of those that are in the list */
};

/* Entries of the answer's "interfaces". */
struct stage_interfaces {
	struct interface items[STAGE_INTERFACES_MAX];
	char macs[STAGE_INTERFACES_MAX][MAC_TEXT_MAX];
	char names[STAGE_INTERFACES_MAX][IF_NAMESIZE];
	size_t n;
};
/* @mtu: bytes; @sandbox: NULL on the node, else borrowed. */
void stage_interfaces_add(struct stage_interfaces *list, const char *name,
			  const struct mac_addr *mac, uint32_t mtu, const char *sandbox);

/*
 * What a stage makes for the attachment, it takes away; what it makes for all (bridge, rules,
 * forwarding) stays. A stage acts by its verbs, in the order of the table; and it contributes
 * to what is done once for all stages. A member that a stage has no part in is NULL.
 */
struct stage {
	const char *name;

	/* All of it or nothing: on failure the stage has undone its own part. */
	int (*add)(struct attachment *att, struct cni_error *err);
	/* Is it still so? Code 104 says what differs, expected and found. */
	int (*check)(struct attachment *att, struct cni_error *err);
	/* What @att holds goes: by its record (@att->record) and its names. What isn't there is
	 * deleted already. */
	int (*del)(struct attachment *att, struct cni_error *err);

	/*
	 * `bridge-cni repair`: puts back what somebody else removed, where it is missing, and
	 * says so by report_done(). Under the exclusive node lock; never in the pod. First
	 * what the network's attachments share, once: @net has no container, no interface and
	 * no addresses; who is connected is told by ipam_record_each().
	 */
	int (*repair_shared)(struct attachment *net, struct cni_error *err);
	/* Then what belongs to one connected attachment, or follows from it: @att has its
	 * record, addresses with gateways, MAC address and the names of both ends. */
	int (*repair)(struct attachment *att, struct cni_error *err);

	/* Contributes to an ADD, before anything is made: code 103 where a name that the stage
	 * is going to use is somebody's. */
	int (*names)(struct attachment *att, struct cni_error *err);
	/* Contributes links to those that links.c deletes. */
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
};

/*
 * The stages, a line each: a file of the name has the stage. An ADD and a CHECK go down, a DEL
 * and an undo up.
 */
/* clang-format off */
#define STAGES(stage) \
	stage(ipam) /* the record comes before all that it tells of, and goes last */ \
	stage(reference_leftovers) \
	stage(bridge) \
	stage(veth) \
	stage(links) /* those of all stages: they end once nothing leads to the pod */ \
	stage(vlan) \
	stage(ipam_delegated) /* an IPAM plugin may look for the interface */ \
	stage(spoofcheck) \
	stage(portmap) \
	stage(elements) /* those of all stages: they are there before the pod's end is up */ \
	stage(addresses) \
	stage(gateway) \
	stage(masquerade) \
	stage(bandwidth) \
	stage(routes) /* late: the kernel's work queue has the routing lock before */ \
	stage(ready) \
	stage(announce)
/* clang-format on */

#define STAGE_DECLARE(name) extern const struct stage stage_##name;
STAGES(STAGE_DECLARE)

/* Down the table: whatever an ADD is going to use is free. Code 103. */
int stages_names(struct attachment *att, struct cni_error *err);

/* Down the table; where one fails, those before it are undone in reverse. */
int stages_add(struct attachment *att, struct cni_error *err);

int stages_check(struct attachment *att, struct cni_error *err);

/* Up the table and on past errors; the first one is reported, and keeps record and
 * addresses for the next DEL. */
int stages_del(struct attachment *att, struct cni_error *err);

/* The same for an ADD that has come through all stages, and fails then: its owner's rules
 * stay. */
int stages_undo(struct attachment *att, struct cni_error *err);

/* The contributions of all stages, down the table. */
int stages_links(struct attachment *att, struct stage_links *ret_links,
		 struct cni_error *err);
void stages_interfaces(const struct attachment *att, struct stage_interfaces *ret_list);
int stages_elements(struct attachment *att, enum stage_elements_of which,
		    struct stage_elements *elements, struct cni_error *err);

/* Names the sets and maps of @owner in which pods have elements. */
size_t stages_sets(uint64_t owner, struct nft_set ret_sets[STAGE_SETS_MAX]);

/* Deletes what all stages contribute, for a stage that has made some of it and then failed. */
int links_delete(struct attachment *att, struct cni_error *err);

/*
 * What is shared, down the table and past errors; then down the table again, in each stage
 * all of the @n connected attachments, so that a later one finds all ports in place. An
 * attachment whose repair fails is left at that. All errors go to the report.
 */
void stages_repair(struct attachment *net, struct attachment *const *connected, size_t n);

#endif
