/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network as its configuration has it, as plain C data: the same for all of its pods.
 * pod.h has the data of one pod. Strings are borrowed from the JSON document, arrays are
 * owned by the structure. request_read() makes it, and it is const from then on.
 */
#ifndef BRIDGE_CNI_CONF_NETWORK_H
#define BRIDGE_CNI_CONF_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"
#include "cni_result.h"
#include "ipam_conf.h"
#include "log_conf.h"
#include "macvlan_conf.h"
#include "ovs_conf.h"
#include "port_mappings.h"
#include "switch_kind.h"
#include "vlan_trunk.h"
#include "version.h"

#define NON_MASQUERADE_MAX 256 /* entries of nonMasqueradeCIDRs */

/* The node agent makes it when its routes are there; it is gone after a boot. */
#define AGENT_READY_FILE "/run/bridge-cni/ready"

#define DEFAULT_BRIDGE	 "cni0"
#define DEFAULT_DATA_DIR "/var/lib/cni/networks"

/* Seconds that a delegated IPAM may take: DHCP servers are asked again and again, and the
 * kubelet gives up on a pod after some minutes. */
#define DEFAULT_IPAM_TIMEOUT 60
#define IPAM_TIMEOUT_MAX     3600

struct prefix_list {
	struct ip_prefix *items; /* host bits zero */
	size_t n;
};

/* The key isolate: it limits what the node forwards between a network's bridge and other
 * networks' bridges. */
enum isolate {
	ISOLATE_NO, /* all */
	/* to and from other isolated networks only what it has translated (DNAT) */
	ISOLATE_YES,
	ISOLATE_STRICTLY, /* nothing, and to and from no other network */
};

struct network {
	enum cni_version version;
	const char *name;
	const char *type; /* of the plugin; it may be a switch's word */
	const char *switch_word; /* NULL or "": not given; for its check alone */
	enum switch_kind switch_kind;
	bool is_of_type; /* `type` names a switch, and so a reference plugin */
	uint32_t unserved; /* keys that nothing comes of (switch_keys_tell()) */
	/* The bridge; of a switch without one its place (switch_place()); "": of another
	 * plugin, whose IPAM this is. */
	const char *bridge;
	bool bridge_set; /* the key is there */
	uint64_t owner; /* of rules, sets and maps: identity_owner() */
	bool is_gateway; /* isGateway, or implied by isDefaultGateway */
	bool is_default_gateway;
	bool ip_masq;
	const char *masq_backend; /* NULL, "" or "nftables": for its check alone */
	bool masq_fully_random; /* masquerade with ports that can't be guessed */
	struct prefix_list non_masquerade; /* destinations that see the pod's address */
	bool hairpin_mode;
	bool promisc_mode; /* of the bridge; not with hairpin_mode */
	bool force_address; /* other addresses of the bridge give way */
	bool port_isolation;
	uint8_t isolate; /* enum isolate */
	/* established connections to the outside pass by the node's rules */
	bool fast_path;
	/* the pod takes router advertisements; only where the key is there */
	bool accept_ra, accept_ra_set;
	const char *pod_link; /* NULL, "", "bridged" or "routed" */
	/* Pods share no link: the node routes between them. */
	bool routed;
	/* what the node knows of its pods keeps the bridge from asking all ports */
	bool quiet_bridge;
	/* wait for IPv6 duplicate address detection; on a foreign link by default */
	bool enable_dad, enable_dad_set;
	bool disable_container_interface; /* leave the pod's end down; no IPAM */
	bool mac_spoof_check; /* macspoofchk, and implied by spoofCheck */
	bool spoof_check; /* the pod's source addresses are checked, too */
	uint32_t mtu; /* bytes, 0: the bridge's, or the uplink's */
	uint32_t metric; /* of default routes that have no priority; 0: the kernel's */
	uint32_t vlan; /* the VLAN of untagged frames; 0: none */
	bool vlan_set; /* the key is there */
	struct vlan_trunk_list vlan_trunk; /* the VLANs of tagged frames */
	/* the switch gives the port all VLANs, as no key names any */
	bool all_vlans;
	/* the port stays in the bridge's default VLAN as well */
	bool preserve_default_vlan;
	const char *status_on_exhaustion; /* NULL, "", "fail" or "ready" */
	bool ready_when_exhausted;
	bool draining; /* the node is to lose the network: no new pods */
	bool wait_for_agent; /* no new pods as long as AGENT_READY_FILE is missing */
	struct ipam_conf ipam;
	struct macvlan_conf macvlan; /* of the switches macvlan and ipvlan */
	struct port_conf ports; /* how host ports are served */
	struct ovs_conf ovs; /* with the switch "ovs" alone */
	uint32_t ipam_timeout; /* seconds for a run of a delegated IPAM */
	/* DEL waits for the work that the kernel does once an interface is gone */
	bool del_waits;
	struct dns dns;
	struct log_conf log;
	const char *text; /* the configuration as it came, for a delegated IPAM */
	size_t text_len;
};

struct json_doc;
struct json_type;

/* Types of the document's top-level object, for json_read(): with all keys of a network's
 * own, and with those alone by which DEL and GC find an attachment. The first one is also
 * for the search for unknown keys (advice.c). */
extern const struct json_type network_root, network_identity_root;

/* The type of the key isolate, which a policy may require as well. */
extern const struct json_type isolate_type;

/* Refuses a list of plugins: read as one plugin, it would be a network without a bridge's
 * keys. Code 7. */
int network_refuse_list(const struct json_doc *doc, struct cni_error *err);

/* Returns the network's name, whatever is wrong with the rest of the document. NULL:
 * there is none, or one that no network may have. */
const char *network_name_find(const struct json_doc *doc);

/* Reads the network's name, which has to be there and right. Code 7. */
int network_name_read(const struct json_doc *doc, const char **ret_name,
		      struct cni_error *err);

/* Reads the keys that name the switch, for DEL and GC. They do without a key that is
 * wrong, as an attachment's record tells of its switch. */
void network_switch_find(const struct json_doc *doc, struct network *network);

/* Refuses keys that can't be used together, once all are read. Code 7. */
int network_check(const struct network *network, struct cni_error *err);

/* Have pods the addresses and routes that an earlier plugin of the list gave them? An
 * ipvlan without an IPAM plugin has, as the reference's. They stay that plugin's. */
bool network_takes_prev_result(const struct network *network);

/* Refuses such a network where no earlier plugin gives an address, as @gives says. Code
 * 7. */
int network_check_prev_result(const struct network *network, bool gives,
			      struct cni_error *err);

/* Returns the VLAN of the port's untagged frames: the key vlan, or VLAN 1 of a trunk
 * port, as the reference has it. 0: the bridge decides about the port's VLANs. */
uint16_t network_native_vlan(const struct network *network);

/* Returns "false", "true" or "strict". */
const char *isolate_word(enum isolate isolate);

/* Makes the name of the interface that has the gateway addresses: the bridge, or with
 * vlan BRIDGE.VLAN. network_check() sees to it that it fits. */
void network_gateway_ifname(const struct network *network, char ret_ifname[IF_NAMESIZE]);

/* Frees arrays; the structure may be zero or half read. */
void network_clear(struct network *network);

#endif
