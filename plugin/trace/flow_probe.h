/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends the one ping, or makes the one connection, and hears what comes back. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_FLOW_PROBE_H
#define BRIDGE_CNI_PLUGIN_TRACE_FLOW_PROBE_H

#include "conf/base/error.h"
#include "plugin/netlink/flow.h"

enum probe_outcome {
	PROBE_SILENCE, /* nothing came back */
	PROBE_ANSWERED, /* the echo's answer, or a connection */
	PROBE_RESET, /* TCP: somebody refuses the connection */
	PROBE_ICMP_ERROR, /* an error of ICMP came, from @from */
	PROBE_NOT_SENT, /* the pod's kernel refuses it: @errnum */
};

struct flow_probe {
	struct flow flow;
	unsigned int scope; /* index of the interface, for a link-local address */
	int icmp_fd; /* a raw socket; -1: not open; owned */
	int tcp_fd; /* -1: it is a ping; owned */

	/* The answer, once there is one. */
	enum probe_outcome outcome;
	int errnum; /* of a socket; 0: none */
	struct ip_addr from; /* of the error of ICMP */
	uint8_t type, code; /* of that */
	uint32_t mtu; /* that the error tells; 0: none */
	uint32_t microseconds; /* until the answer came */
};

#define FLOW_PROBE_CLOSED                    \
	{                                    \
		.icmp_fd = -1, .tcp_fd = -1, \
	}

/*
 * Opens the sockets in the namespace that the calling thread is in, and completes
 * @probe->flow, which has addresses and protocol, by a port or an ID that no other
 * flow has. Code 5.
 */
int flow_probe_open(struct flow_probe *probe, struct cni_error *err);
void flow_probe_close(struct flow_probe *probe);

/* Sends, and notes the refusal of a kernel that doesn't take it. */
void flow_probe_send(struct flow_probe *probe);

/* Is it an error of ICMP by which a host refuses what is for itself: nobody has the port, or
 * its rules prohibit it? */
bool flow_probe_is_refusal(const struct flow_probe *probe);

/* Looks whether something has come back: then @probe->outcome isn't PROBE_SILENCE. */
void flow_probe_hear(struct flow_probe *probe);

#endif
