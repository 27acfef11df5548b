/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The expressions that load something of a packet into a register. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "nf_tables_machine.h"

static void name_load(struct machine *machine, uint32_t number, const char *ifname)
{
	char name[IFNAMSIZ] = {};

	strncpy(name, ifname, sizeof(name) - 1);
	register_load(machine, number, name, NULL, sizeof(name));
}

/* The register has one or two bytes of it, and zeros. */
static void small_load(struct machine *machine, uint32_t number, const void *bytes,
		       size_t len)
{
	static const uint8_t zeros[REGISTER_SIZE];

	register_load(machine, number, zeros, NULL, sizeof(zeros));
	register_load(machine, number, bytes, NULL, len);
}

static void nfproto_load(struct machine *machine, uint32_t number)
{
	const struct packet *packet = machine->packet;
	uint8_t family = packet->bridge[0]		      ? NFPROTO_BRIDGE
			 : packet->ethertype == ETHERTYPE_ARP ? NFPROTO_ARP
			 : packet->from.family == AF_INET     ? NFPROTO_IPV4
							      : NFPROTO_IPV6;

	small_load(machine, number, &family, sizeof(family));
}

void meta_run(struct machine *machine, struct nlattr **attrs)
{
	const struct packet *packet = machine->packet;
	uint32_t number = be_u32(attrs[NFTA_META_DREG]), key, value = 0;
	uint16_t ethertype = htons(packet->ethertype);

	key = be_u32(attrs[NFTA_META_KEY]);
	if (!attrs[NFTA_META_DREG]) { /* it sets something of the packet */
		machine->judged.marks |= key == NFT_META_MARK;
		return;
	}
	switch (key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		name_load(machine, number,
			  key == NFT_META_IIFNAME ? packet->in : packet->out);
		return;
	case NFT_META_BRI_IIFNAME:
	case NFT_META_BRI_OIFNAME:
		name_load(machine, number, packet->bridge);
		return;
	case NFT_META_IIF:
	case NFT_META_OIF:
		value = key == NFT_META_IIF ? packet->in_index : packet->out_index;
		register_load(machine, number, &value, NULL, sizeof(value));
		return;
	case NFT_META_NFPROTO:
		nfproto_load(machine, number);
		return;
	case NFT_META_PROTOCOL:
		small_load(machine, number, &ethertype, sizeof(ethertype));
		return;
	case NFT_META_L4PROTO:
		if (packet->protocol)
			small_load(machine, number, &packet->protocol,
				   sizeof(packet->protocol));
		else
			register_load_unknown(machine, number);
		return;
	case NFT_META_MARK:
		if (packet->marked)
			register_load_unknown(machine, number);
		else
			register_load(machine, number, &value, NULL, sizeof(value));
		return;
	default:
		register_load_unknown(machine, number);
	}
}

static uint32_t state_bit(enum packet_state state)
{
	switch (state) {
	case PACKET_NEW:
		return NF_CT_STATE_BIT(IP_CT_NEW);
	case PACKET_ESTABLISHED:
		return NF_CT_STATE_BIT(IP_CT_ESTABLISHED);
	case PACKET_UNTRACKED:
		return NF_CT_STATE_UNTRACKED_BIT;
	case PACKET_UNSEEN:
		break;
	}
	return NF_CT_STATE_INVALID_BIT;
}

void ct_run(struct machine *machine, struct nlattr **attrs)
{
	uint32_t number = be_u32(attrs[NFTA_CT_DREG]);
	uint32_t state = state_bit(machine->packet->state), none = 0;

	if (!attrs[NFTA_CT_DREG]) { /* it sets something of the connection */
		machine->judged.marks |= be_u32(attrs[NFTA_CT_KEY]) == NFT_CT_MARK;
		return;
	}
	switch (be_u32(attrs[NFTA_CT_KEY])) {
	case NFT_CT_STATE:
		register_load(machine, number, &state, NULL, sizeof(state));
		return;
	case NFT_CT_MARK:
		if (machine->packet->marked)
			register_load_unknown(machine, number);
		else
			register_load(machine, number, &none, NULL, sizeof(none));
		return;
	case NFT_CT_STATUS:
		if (machine->packet->state == PACKET_NEW) {
			register_load(machine, number, &none, NULL, sizeof(none));
			return;
		}
		/* fallthrough */
	default:
		register_load_unknown(machine, number);
	}
}

void payload_run(struct machine *machine, struct nlattr **attrs)
{
	uint32_t number = be_u32(attrs[NFTA_PAYLOAD_DREG]),
		 base = be_u32(attrs[NFTA_PAYLOAD_BASE]);
	size_t offset = be_u32(attrs[NFTA_PAYLOAD_OFFSET]),
	       len = be_u32(attrs[NFTA_PAYLOAD_LEN]);
	struct packet_header header = {};
	bool any = false;

	if (!attrs[NFTA_PAYLOAD_DREG])
		return; /* it writes into the packet */
	if (base == NFT_PAYLOAD_LL_HEADER)
		packet_link_header(machine->packet, &header);
	else if (base == NFT_PAYLOAD_NETWORK_HEADER)
		packet_network_header(machine->packet, &header);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		packet_transport_header(machine->packet, &header);
	for (size_t i = 0; offset < PACKET_HEADER_MAX && i < len; i++)
		any |= offset + i < PACKET_HEADER_MAX && header.known[offset + i];
	if (any && len <= PACKET_HEADER_MAX - offset)
		register_load(machine, number, header.bytes + offset,
			      header.known + offset, len);
	else
		register_load_unknown(machine, number);
}

/* The expression fib asks the routing table: only the type of an address is known here. */
void fib_run(struct machine *machine, struct nlattr **attrs)
{
	uint32_t number = be_u32(attrs[NFTA_FIB_DREG]),
		 flags = be_u32(attrs[NFTA_FIB_FLAGS]), type;

	if (be_u32(attrs[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE &&
	    packet_address_type(machine->packet, flags & NFTA_FIB_F_DADDR, &type))
		register_load(machine, number, &type, NULL, sizeof(type));
	else
		register_load_unknown(machine, number);
}
