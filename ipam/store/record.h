/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of an attachment has what host-local's files have no room for. It is a text
 * file of "key value" lines, whole or absent. Each record has network, container, ifname
 * and cookie. Other keys may be absent.
 *
 *	bridge-cni record 1
 *	network pods
 *	container 4f2c…
 *	ifname eth0
 *	boot 2b1f…		the kernel's boot_id at ADD
 *	netns /run/netns/cni-…	CNI_NETNS, as it was given
 *	cookie 4711		of that namespace; 0: the kernel doesn't tell
 *	node 1			cookie of the node's namespace
 *	mac 0a:58:0a:01:02:03
 *	bridge cni0		or the place of a switch without one (conf/switch_kind.h)
 *	switch macvlan		absent: bridge
 *	unseen yes		the node can't see whether the pod's interface is there
 *				(plugin/switch/macvlan_alive.c); absent: it can
 *	ovsdb /run/openvswitch/db.sock
 *				the socket of Open vSwitch's database
 *	spoofcheck yes		macspoofchk or spoofCheck; absent: no
 *	native 100		VLAN of the port's untagged frames; absent: ADD didn't
 *				set it, or by other rules (plugin/stage/vlan.c)
 *	spoofaddresses yes	spoofCheck, not macspoofchk alone; absent: not told
 *	isolated yes		portIsolation; absent: no, or written by an earlier version
 *	masquerade no		ipMasq; absent: written by an earlier version
 *	bandwidth 8000000 65536 0 0
 *				rate and burst, in bits, of ingress and egress
 *	pod shop/cart-7d	as Kubernetes named it
 *	hostport tcp 192.0.2.1 8080 80
 *				host address ("-": all), host port, the pod's port
 *	hostports tcp - 8000-8600:8000,9000:80
 *				version 2: runs of host ports, and the pod's (first) port
 *	routed cni0		podLink routed, and the interface on the node that has the
 *				pod's permanent neighbours; absent: bridged
 *	quiet yes		quietBridge: the port learns no address, and gets no frames
 *				for addresses that the bridge doesn't know; absent: no
 *	neighbours cni0		quietBridge, and the interface on the node that has the
 *				pod's permanent neighbours; absent: see routed
 *	apart yes		the pod is in the sets of plugin/stage/masquerade_pods.h,
 *				though its addresses are reserved here; absent: no
 *	masqall yes		whoever comes by a host port is masqueraded; absent: no
 *	portturn 2		place among attachments of the container that ask for
 *				the same host port; absent: no other does
 *	coming yes		the ADD waits for another IPAM plugin; absent: no
 *	going yes		the DEL waits for another IPAM plugin; absent: no
 *	range 10.1.2.0/24	of runtimeConfig.ipRanges, in order
 *	address 10.1.2.3/24 10.1.2.1 5242 1700000000.123456789
 *				gateway ("-": none); inode and mtime of the reservation,
 *				where it is reserved in the store next to the record
 *	end 0123456789abcdef	a hash of all lines before
 *
 * The configuration of a network changes; a pod keeps what its record says.
 *
 * Unknown keys are passed over. A record with a higher number in its first line tells
 * of something that this version couldn't take away, so its DEL is left to a version that
 * can. The number is the lowest that has room for what the record says: 2 with runs of
 * host ports (record_ports.h), 3 with another switch than a Linux bridge.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_RECORD_H
#define BRIDGE_CNI_IPAM_STORE_RECORD_H

#include <net/if.h>
#include <stddef.h>

#include "conf/base/addr.h"
#include "conf/pod.h"
#include "file_mark.h"

#define RECORD_FIRST_LINE "bridge-cni record " /* and the number */
#define RECORD_VERSION	  3 /* the last that is known */
#define RECORD_MAX	  98304 /* bytes */
#define RECORD_PREFIX	  "p-"
#define RECORD_NAME_MAX	  24
#define RECORD_ADDRESSES  256 /* and ranges */

struct record_address {
	struct ip_prefix address;
	struct ip_addr gateway; /* family 0: none */
	bool reserved;
	struct file_mark mark; /* of the reservation */
};

/* Earlier versions wrote no answer. Then record_says() asks the configuration of now. */
enum record_answer {
	RECORD_NOT_TOLD,
	RECORD_NO,
	RECORD_YES
};

/* Strings that the file doesn't have are "". */
struct record {
	char *text; /* owns the strings of a record that was read; NULL: borrowed ones */
	const char *network, *container_id, *ifname;
	const char *boot, *netns, *bridge;
	enum switch_kind switch_kind;
	bool unseen; /* of macvlan and ipvlan */
	const char *ovs_socket; /* of Open vSwitch's database */
	const char *pod; /* "NAMESPACE/NAME" */
	uint64_t cookie, node;
	struct mac_addr mac;
	bool spoof_check; /* the pod has elements of plugin/stage/spoofcheck.c's */
	bool isolated; /* the pod has elements of plugin/stage/isolation_elements.h's */
	uint16_t native_vlan; /* 0: absent */
	enum record_answer spoof_addresses, masquerade;
	bool apart;
	char routed[IF_NAMESIZE]; /* the interface with the neighbours; "": bridged */
	bool quiet;
	char neighbours[IF_NAMESIZE]; /* of a quiet pod; "": it has none */
	struct bandwidth bandwidth;
	/* The attachment's ADD, or its DEL, waits for another IPAM plugin. Until it goes
	 * on, nobody puts rules of the attachment back. */
	bool coming, going;
	struct ip_prefix *ranges; /* subnets that only its ADD was told of; owned */
	size_t ranges_n;
	struct record_address *addresses; /* owned */
	size_t n;
	struct port_mapping_list ports; /* owned, as addresses */
	bool masq_all; /* whoever comes by the ports is masqueraded */
	/* Attachments of one container may ask for the same host port. The one with the
	 * lowest number has it. 0: no other one has asked yet. */
	uint32_t port_turn;
};

/* Gives the file's text, which the caller frees. NULL: out of memory. */
char *record_format(const struct record *record);

/*
 * Reads @len bytes of text into @ret_record, which record_clear() frees. -EBADMSG: it is
 * torn, or no record at all; -ENOTSUP: a newer version wrote it; -ENOMEM.
 */
int record_parse(const char *text, size_t len, struct record *ret_record);
void record_clear(struct record *record);

/* The hash by which a holder's reservations and its record are found. It is that of the
 * reservation's text, "<containerID>\r\n<ifname>". */
uint64_t holder_hash(const char *container_id, const char *ifname);

/* Writes the name of a holder's record, "p-" and its hash in 16 hex
 * digits; returns @buf. */
const char *record_name(uint64_t holder, char buf[RECORD_NAME_MAX]);

/* Is it this attachment's record? */
bool record_is_of(const struct record *record, const char *network,
		  const char *container_id, const char *ifname);

/*
 * Is the record's attachment on that bridge, and so of the owner (identity_owner()) that
 * has the bridge with this store? "" is any bridge, and a record that names none is on
 * any.
 */
bool record_is_on(const struct record *record, const char *bridge);

/* Names the interface on the node that has the pod's permanent neighbours; "": none. */
static inline const char *record_neighbours(const struct record *record)
{
	return record->routed[0] ? record->routed : record->neighbours;
}

/* Gives the record's answer or, where it has none, the configuration's. */
static inline bool record_says(enum record_answer answer, bool configured)
{
	return answer == RECORD_NOT_TOLD ? configured : answer == RECORD_YES;
}

/* Does the record name this very reservation of @ip? */
bool record_names(const struct record *record, const struct ip_addr *ip,
		  const struct file_mark *mark);

#endif
