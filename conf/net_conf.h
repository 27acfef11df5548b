/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network configuration as plain C data: what a runtime gives on stdin, read and
 * validated. Strings are borrowed from the JSON document, which the attachment keeps;
 * arrays are owned by the structure. From net_conf_read() on it is const.
 */
#ifndef BRIDGE_CNI_CONF_NET_CONF_H
#define BRIDGE_CNI_CONF_NET_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"
#include "port_mappings.h"
#include "version.h"

#define DEFAULT_BRIDGE	 "cni0"
#define DEFAULT_DATA_DIR "/var/lib/cni/networks"

/* Seconds that a delegated IPAM may take: DHCP servers are asked again and again, and the
 * kubelet gives up on a pod after some minutes. */
#define DEFAULT_IPAM_TIMEOUT 60
#define IPAM_TIMEOUT_MAX     3600

struct string_list {
	const char **items;
	size_t n;
};

struct dns {
	struct string_list nameservers;
	const char *domain; /* NULL: absent */
	struct string_list search;
	struct string_list options;
};

/* A route of an IPAM configuration or of a result. 0: absent, unless said otherwise. */
struct route {
	struct ip_prefix dst;
	struct ip_addr gw; /* family 0: none given */
	uint32_t mtu; /* bytes */
	uint32_t advmss; /* bytes */
	uint32_t priority; /* metric */
	bool table_set, scope_set;
	uint32_t table;
	uint8_t scope; /* RT_SCOPE_* */
};

struct route_list {
	struct route *items;
	size_t n;
};

/* Inclusive, complete: start, end and gateway are filled in when not given. */
struct ip_range {
	struct ip_prefix subnet; /* host bits zero */
	struct ip_addr start, end;
	struct ip_addr gateway;
};

/* The ranges of one set are of one family; an attachment gets one address of each set. */
struct range_set {
	struct ip_range *ranges;
	size_t n;
};

struct range_set_list {
	struct range_set *items;
	size_t n;
};

/* An entry of vlanTrunk: one VLAN, a range of them, or both. 0: not given. */
struct vlan_trunk {
	uint32_t id;
	uint32_t min_id, max_id; /* inclusive */
};

struct vlan_trunk_list {
	struct vlan_trunk *items;
	size_t n;
};

struct prefix_list {
	struct ip_prefix *items; /* host bits zero */
	size_t n;
};

/* An address that somebody wants the attachment to have. */
struct ip_request {
	const char *text; /* as it was given, with or without a prefix length */
	struct ip_addr ip;
};

struct ip_request_list {
	struct ip_request *items;
	size_t n;
};

/* One direction's; both 0: no limit. */
struct rate_limit {
	uint64_t rate; /* bits per second */
	uint64_t burst; /* bits */
};

/* As the pod sees it: ingress is what it receives. */
struct bandwidth {
	struct rate_limit ingress, egress;
};

struct ipam_conf {
	const char *type; /* NULL or "": no IPAM, a layer 2 network */
	struct range_set_list sets;
	size_t runtime_sets; /* so many of them, the first, are runtimeConfig.ipRanges */
	size_t single_sets; /* then so many, 0 or 1, whose keys stand in ipam itself */
	struct ip_request_list runtime_ips; /* runtimeConfig.ips */
	struct ip_request_list args_ips; /* args.cni.ips */
	struct route_list routes;
	const char *data_dir;
	const char *resolv_conf; /* NULL: absent */
};

/* An entry of a result's "interfaces". Strings "" and 0 where absent. */
struct interface {
	const char *name;
	const char *mac;
	uint32_t mtu;
	const char *sandbox; /* NULL or "": on the node */
	const char *socket_path;
	const char *pci_id;
};

/* An entry of a result's "ips". */
struct ip_config {
	struct ip_prefix address;
	struct ip_addr gateway; /* family 0: none */
	int interface; /* index into interfaces, -1: none */
};

/* A CNI result of any version; arrays owned, strings borrowed. */
struct cni_result {
	struct {
		struct interface *items;
		size_t n;
	} interfaces;
	struct {
		struct ip_config *items;
		size_t n;
	} ips;
	struct route_list routes;
	struct dns dns;
};

struct net_conf {
	enum cni_version version;
	const char *name;
	const char *type;
	const char *bridge; /* "": of another plugin, whose IPAM this is */
	uint64_t owner; /* of rules, sets and maps: identity_owner() */
	bool is_gateway; /* also when isDefaultGateway */
	bool is_default_gateway;
	bool ip_masq;
	const char *masq_backend; /* NULL, "" or "nftables" */
	bool masq_fully_random; /* ports that can't be guessed */
	struct prefix_list non_masquerade; /* destinations that see the pod's address */
	bool hairpin_mode;
	bool promisc_mode; /* of the bridge; not with hairpin_mode */
	bool force_address; /* other addresses of the bridge give way */
	bool port_isolation;
	bool enable_dad; /* wait for IPv6 duplicate address detection */
	bool disable_container_interface; /* leave the pod's end down; no IPAM */
	bool mac_spoof_check; /* macspoofchk, and implied by spoofCheck */
	bool spoof_check; /* source addresses, too */
	uint32_t mtu; /* bytes, 0: the bridge's, or the uplink's */
	uint32_t metric; /* of default routes that have no priority; 0: the kernel's */
	uint32_t vlan; /* of untagged frames, 0: none */
	struct vlan_trunk_list vlan_trunk; /* of tagged ones */
	bool preserve_default_vlan; /* also of that */
	const char *status_on_exhaustion; /* NULL, "", "fail" or "ready" */
	bool ready_when_exhausted;
	struct mac_addr mac; /* of runtimeConfig, else of args.cni; may be unset */
	struct bandwidth bandwidth; /* the configuration's, else of runtimeConfig */
	struct ipam_conf ipam;
	struct port_conf ports;
	uint32_t ipam_timeout; /* seconds for a run of a delegated IPAM */
	bool del_waits; /* for what the kernel does once an interface is gone */
	struct dns dns;
	bool has_prev_result;
	struct cni_result prev_result;
};

/* How much of a configuration an operation needs to be right (design: DEL and GC
 * validate only what they use). */
enum net_conf_scope {
	NET_CONF_WHOLE, /* ADD, CHECK, STATUS */
	NET_CONF_NETWORK, /* repair: without what a runtime adds for a container; so there may
			   * be no ranges */
	NET_CONF_IDENTITY, /* DEL, GC: name, bridge, ipam.type, ipam.dataDir,
			    * ipamTimeoutSeconds */
	/* As another plugin's IPAM: name and ipam alone, as host-local's of whatever type;
	 * what else is there is that plugin's. */
	NET_CONF_IPAM, /* ADD */
	NET_CONF_IPAM_CHECK, /* and prevResult */
	NET_CONF_IPAM_IDENTITY, /* DEL, GC: name, ipam.dataDir */
};

struct json_doc;

/*
 * Reads the configuration out of @doc. Checks, in this order: cniVersion (code 1, the
 * supported versions in the details), that it is no list of plugins, the network's name,
 * then all keys by table (code 7: path of the key, value, what was expected). With
 * NET_CONF_IDENTITY a wrong value in a key that DEL doesn't use is no error; prevResult is
 * then not read at all.
 */
int net_conf_read(const struct json_doc *doc, enum net_conf_scope scope,
		  struct net_conf *ret_conf, struct cni_error *err);

/* Read as one plugin, a list of plugins would be a network without a bridge's keys. Code 7. */
int net_conf_refuse_list(const struct json_doc *doc, struct cni_error *err);

/* The network's name, if it is one, whatever the rest is; NULL: it isn't. */
const char *net_conf_name(const struct json_doc *doc);

/* cniVersion alone (missing: 0.1.0). Codes 1 and 7; @ret_version is then untouched. */
int net_conf_read_version(const struct json_doc *doc, enum cni_version *ret_version,
			  struct cni_error *err);

/* The VLAN of the port's untagged frames: vlan; without it, VLAN 1 of a trunk port, as the
 * reference has it. 0: the port's VLANs are the bridge's affair. */
uint16_t net_conf_native_vlan(const struct net_conf *conf);

/* hairpinMode, or a pod with host ports: where packets are translated on the bridge
 * (bridge-nf-call-iptables) it reaches its own through its own port of the bridge. */
bool net_conf_hairpin(const struct net_conf *conf);

/* Makes it that of another network (NULL: the same) or bridge on the same store, both
 * borrowed. */
void net_conf_set_owner(struct net_conf *conf, const char *name, const char *bridge);

/* Frees arrays; the structure may be zero or half read. */
void net_conf_clear(struct net_conf *conf);

bool dns_is_set(const struct dns *dns);
void dns_clear(struct dns *dns);
void cni_result_clear(struct cni_result *result);

/*
 * `^[a-zA-Z0-9][a-zA-Z0-9_.-]*$` and at most CNI_NAME_MAX bytes: network names and
 * container IDs (containernetworking/cni pkg/utils).
 */
#define CNI_NAME_MAX 255
bool cni_name_valid(const char *name);

/*
 * 1-15 bytes, not "." or "..", no '/', ':' or white space (containernetworking/cni
 * pkg/utils); no '%' either, since the kernel makes "eth%d" another name.
 */
bool ifname_valid(const char *name);

#endif
