/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all stages work on: one container's attachment to one network. The first part is
 * what was asked (const once read), the second what the stages found out or made.
 */
#ifndef BRIDGE_CNI_CONF_ATTACHMENT_H
#define BRIDGE_CNI_CONF_ATTACHMENT_H

#include <net/if.h>

#include "env.h"
#include "identity.h"
#include "log_conf.h"
#include "net_conf.h"

struct json_doc;
struct node;
struct ipam_kernel;
struct record;
struct report;

#define TIMINGS_MAX 24

#define POD_TEXT_MAX 320 /* a DNS label, a DNS subdomain (RFC 1123) */

struct attachment {
	/* Asked. */
	struct cni_env env;
	const char *text; /* stdin as it came, borrowed, for a delegated IPAM */
	size_t text_len;
	struct json_doc *doc; /* owns the strings of conf */
	struct net_conf conf;
	struct log_conf log;

	/* Derived from the identity (network name, container ID, interface name). */
	char host_ifname[IF_NAMESIZE];

	/* "NAMESPACE/NAME" as Kubernetes has them, for people; "": not told, or not spelled
	 * as Kubernetes does. */
	char pod[POD_TEXT_MAX];

	/* Made. */
	struct cni_result ipam; /* ips (interface -1), routes and dns that IPAM gave; on
				 * CHECK the same as prevResult has them */
	char *resolv_text; /* owns the strings of ipam.dns, or ... */
	struct json_doc *ipam_doc; /* ... a delegated IPAM's result does */
	unsigned int bridge_index;
	bool bridge_made; /* by this ADD */
	bool bridge_ipv6; /* it has IPv6, and so the kernel */
	uint16_t bridge_default_vlan; /* that new ports are in, untagged; 0: none */
	struct mac_addr bridge_mac, host_mac, container_mac;
	char gateway_ifname
		[IF_NAMESIZE]; /* has the gateway addresses: the bridge, or with
					   * vlan an interface in that VLAN */
	unsigned int gateway_index;
	bool gateway_forwards; /* IPv4 packets that come in by it */
	int gateway_localnet; /* its route_localnet, when it was looked at; -1: none */
	struct mac_addr gateway_mac;
	uint32_t bridge_mtu, mtu; /* bytes; mtu: both ends of the veth */
	unsigned int container_index; /* of the interface, in the pod's namespace */
	unsigned int host_index; /* CHECK: of the host's end, whoever named it */

	/* ADD: its place among those of its container that share a host port; 0: nobody else
	 * has one of its ports. */
	uint32_t port_turn;

	/* Found. */
	const struct record *record; /* DEL, repair: what ADD wrote down; NULL: nothing */
	bool given_up; /* repair: one of the stages has failed, or it isn't to be touched */
	bool need_not_wait; /* DEL: until the kernel has tidied up behind a link */
	bool was_last; /* DEL: the owner has no other record */
	bool had_own_veth; /* DEL: the veth with host_ifname was there */

	struct report *
		report; /* repair, cleanup: plugin/attachment/report.h; NULL: none is asked for */
	char *notice; /* for the operator, printable lines; NULL: none; owned */

	/* How long the stages took, for the log. */
	struct {
		const char *stage;
		uint32_t microseconds;
	} timings[TIMINGS_MAX];
	size_t timings_n;

	/* ipam/ipam.h: what IPAM asks of the kernel; NULL: nothing. */
	const struct ipam_kernel *kernel;

	/* plugin/node/node.h: the namespaces, sockets and locks of this operation. */
	struct node *node;
};

/*
 * Reads the configuration for the operation that @env asks for: code 6 (JSON), 1
 * (version), 7 (configuration). @ret_version is set as soon as it is known, also when
 * the rest is wrong: errors are answered in it. @text must outlive the attachment, which
 * after an error holds what the log wants to know, and is cleared as ever.
 * Touches memory only.
 */
int attachment_read(const char *text, size_t len, const struct cni_env *env,
		    struct attachment *ret_att, enum cni_version *ret_version,
		    struct cni_error *err);
void attachment_clear(struct attachment *att);

/*
 * Another attachment of the same network, by its names: what was asked of @att's network
 * is borrowed from it, nothing to be freed. Its namespace is not known.
 */
struct attachment attachment_beside(const struct attachment *att, enum cni_verb verb,
				    const char *container_id, const char *ifname);

/* Has it an address of that family? */
bool attachment_uses(const struct attachment *att, int family);

/* Adds a line to what the operator is told besides the answer, on stderr and in the log. */
void attachment_notice(struct attachment *att, const char *fmt, ...) _printf_(2, 3);

/* @to is the one who is asked. */
void attachment_notices_move(struct attachment *from, struct attachment *to);

#endif
