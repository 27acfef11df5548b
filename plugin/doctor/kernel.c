/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells which features the networks need of the kernel, and it lacks. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "conf/base/text.h"
#include "finding.h"
#include "kernel_feature.h"
#include "plugin/node/kernel_has.h"

enum part {
	PART_NONE, /* behind the last one of a feature */
	PART_BRIDGE,
	PART_VETH,
	PART_MACVLAN,
	PART_IPVLAN,
	PART_TBF,
	PART_IFB,
	PART_INGRESS,
	PART_U32,
	PART_MIRRED,
	PART_TABLES,
	PART_SETS,
	PART_COUNTER,
	PART_LIMIT,
	PART_OBJREF,
	PART_META_BRIDGE,
	PART_CT,
	PART_NAT,
	PART_DNAT,
	PART_MASQUERADE,
	PART_FIB,
	PART_FIB4,
	PART_FIB6,
	PART_FLOWTABLE,
	PART_FLOW_OFFLOAD,
	PART_CTNETLINK,
	PART_CONNTRACK,
	PARTS
};

/* In newer kernels some of these are parts of another module. Then the symbol tells
 * that they are there. */
static const struct kernel_part known_parts[PARTS] = {
	[PART_NONE] = {"", "", false},
	[PART_BRIDGE] = {"bridge", "br_add_bridge", false},
	[PART_VETH] = {"veth", "veth_xmit", false},
	[PART_MACVLAN] = {"macvlan", "macvlan_common_newlink", false},
	[PART_IPVLAN] = {"ipvlan", "ipvlan_link_new", false},
	[PART_TBF] = {"sch_tbf", "tbf_enqueue", false},
	[PART_IFB] = {"ifb", "ifb_xmit", false},
	[PART_INGRESS] = {"sch_ingress", "ingress_init", false},
	[PART_U32] = {"cls_u32", "u32_classify", false},
	[PART_MIRRED] = {"act_mirred", "tcf_mirred_act", false},
	[PART_TABLES] = {"nf_tables", "nft_register_chain_type", false},
	[PART_SETS] = {"nf_tables_set", "nft_rhash_update", false},
	[PART_COUNTER] = {"nft_counter", "nft_counter_eval", false},
	[PART_LIMIT] = {"nft_limit", "nft_limit_pkts_eval", false},
	[PART_OBJREF] = {"nft_objref", "nft_objref_eval", false},
	[PART_META_BRIDGE] = {"nft_meta_bridge", "nft_meta_bridge_select_ops", false},
	[PART_CT] = {"nft_ct", "nft_ct_get_init", false},
	[PART_NAT] = {"nft_chain_nat", "nft_nat_do_chain", false},
	[PART_DNAT] = {"nft_nat", "nft_nat_eval", false},
	[PART_MASQUERADE] = {"nft_masq", "nft_masq_eval", false},
	[PART_FIB] = {"nft_fib_inet", "nft_fib_inet_eval", false},
	[PART_FIB4] = {"nft_fib_ipv4", "nft_fib4_eval", false},
	[PART_FIB6] = {"nft_fib_ipv6", "nft_fib6_eval", false},
	[PART_FLOWTABLE] = {"nf_flow_table_inet", "nf_flow_offload_inet_hook", false},
	[PART_FLOW_OFFLOAD] = {"nft_flow_offload", "nft_flow_offload_eval", false},
	[PART_CTNETLINK] = {"nf_conntrack_netlink", "ctnetlink_del_conntrack", false},
	[PART_CONNTRACK] = {"nf_conntrack", "nf_conntrack_in", false},
};

#define FEATURE_PARTS_MAX 9

static const struct feature {
	enum part parts[FEATURE_PARTS_MAX]; /* that it may be made of */
	enum doctor_level level; /* where the kernel lacks it */
	const char *lacks;
	const char *advice;
} features[KERNEL_FEATURES] = {
	[KERNEL_BRIDGE] = {{PART_BRIDGE},
			   DOCTOR_PROBLEM,
			   "the kernel makes no bridge",
			   "boot a kernel with CONFIG_BRIDGE"},
	[KERNEL_VETH] = {{PART_BRIDGE, PART_VETH},
			 DOCTOR_PROBLEM,
			 "the kernel makes no veth pair that is a port of a bridge",
			 "boot a kernel with CONFIG_VETH"},
	[KERNEL_MACVLAN] = {{PART_BRIDGE, PART_MACVLAN},
			    DOCTOR_PROBLEM,
			    "the kernel makes no macvlan, which is the network's switch",
			    "boot a kernel with CONFIG_MACVLAN"},
	[KERNEL_IPVLAN] = {{PART_BRIDGE, PART_IPVLAN},
			   DOCTOR_PROBLEM,
			   "the kernel makes no ipvlan, which is the network's switch",
			   "boot a kernel with CONFIG_IPVLAN, or take the switch "
			   "\"macvlan\""},
	[KERNEL_VLANS] = {{PART_BRIDGE},
			  DOCTOR_PROBLEM,
			  "its bridge is to filter VLANs, which this kernel's bridges "
			  "can't",
			  "boot a kernel with CONFIG_BRIDGE_VLAN_FILTERING, or remove "
			  "vlan and vlanTrunk"},
	[KERNEL_PORT] = {{PART_BRIDGE, PART_VETH},
			 DOCTOR_PROBLEM,
			 "this kernel's bridge ports lack what portIsolation, "
			 "macspoofchk or spoofCheck needs",
			 "boot Linux 5.2 or newer, or remove these keys"},
	[KERNEL_IPV6] = {{PART_BRIDGE},
			 DOCTOR_PROBLEM,
			 "the kernel runs without IPv6, of which the network has ranges",
			 "boot without ipv6.disable=1 and with CONFIG_IPV6, or remove "
			 "the ranges of IPv6"},
	[KERNEL_TBF] = {{PART_BRIDGE, PART_VETH, PART_TBF},
			DOCTOR_PROBLEM,
			"the kernel limits no rates: an ADD with bandwidth fails",
			"boot a kernel with CONFIG_NET_SCH_TBF, or remove the "
			"capability bandwidth and the rates"},
	[KERNEL_IFB] = {{PART_BRIDGE, PART_VETH, PART_IFB, PART_INGRESS, PART_U32,
			 PART_MIRRED},
			DOCTOR_PROBLEM,
			"the kernel can't limit what a pod sends: an ADD with bandwidth "
			"(egressRate) fails",
			"boot a kernel with CONFIG_IFB, CONFIG_NET_SCH_INGRESS, "
			"CONFIG_NET_CLS_U32 and CONFIG_NET_ACT_MIRRED, or remove the "
			"capability bandwidth and egressRate"},
	[KERNEL_MASQUERADE] = {{PART_TABLES, PART_SETS, PART_CT, PART_NAT,
				PART_MASQUERADE},
			       DOCTOR_PROBLEM,
			       "nftables doesn't take the rules of ipMasq",
			       "boot a kernel with CONFIG_NF_TABLES_INET, "
			       "CONFIG_NFT_CT, CONFIG_NFT_NAT and CONFIG_NFT_MASQ, or "
			       "set ipMasq to false"},
	[KERNEL_HOST_PORTS] = {{PART_TABLES, PART_SETS, PART_CT, PART_NAT, PART_DNAT,
				PART_FIB, PART_FIB4, PART_FIB6},
			       DOCTOR_PROBLEM,
			       "nftables doesn't take the rules of host ports",
			       "boot a kernel with CONFIG_NF_TABLES_INET, "
			       "CONFIG_NFT_CT, CONFIG_NFT_NAT and CONFIG_NFT_FIB_INET, "
			       "or remove the capability portMappings"},
	[KERNEL_PORT_RANGES] = {{PART_TABLES, PART_SETS},
				DOCTOR_PROBLEM,
				"nftables has no sets of ranges that are concatenated, "
				"which host ports need",
				"boot Linux 5.6 or newer, or remove the capability "
				"portMappings"},
	[KERNEL_GUARD] = {{PART_TABLES, PART_SETS, PART_COUNTER, PART_FIB, PART_FIB4,
			   PART_FIB6},
			  DOCTOR_PROBLEM,
			  "nftables doesn't take the rules of spoofCheck, portIsolation, "
			  "isolate or podLink \"routed\"",
			  "boot a kernel with CONFIG_NF_TABLES_INET and "
			  "CONFIG_NFT_FIB_INET, or remove these keys"},
	[KERNEL_FAST_PATH] = {{PART_BRIDGE, PART_TABLES, PART_CT, PART_FLOWTABLE,
			       PART_FLOW_OFFLOAD},
			      DOCTOR_PROBLEM,
			      "nftables doesn't take the flowtable of fastPath",
			      "boot a kernel with CONFIG_NF_FLOW_TABLE_INET and "
			      "CONFIG_NFT_FLOW_OFFLOAD, or remove fastPath"},
	[KERNEL_BRIDGE_RULES] = {{PART_TABLES, PART_SETS, PART_COUNTER, PART_LIMIT,
				  PART_OBJREF, PART_META_BRIDGE},
				 DOCTOR_PROBLEM,
				 "nftables doesn't take the rules of macspoofchk and "
				 "spoofCheck, which are for frames on a bridge",
				 "boot a kernel with CONFIG_NF_TABLES_BRIDGE and "
				 "CONFIG_NFT_LIMIT, or remove these keys"},
	[KERNEL_UNTRACKED] =
		{{PART_TABLES, PART_CT, PART_META_BRIDGE},
		 DOCTOR_WARNING,
		 "nftables doesn't take the rules that the gateway of a VLAN "
		 "needs with br_netfilter: while bridge-nf-call-iptables is "
		 "1, an ADD fails",
		 "boot a kernel with CONFIG_NF_TABLES_BRIDGE and "
		 "CONFIG_NFT_CT, or set net.bridge.bridge-nf-call-iptables "
		 "and -ip6tables to 0"},
	[KERNEL_CONNECTIONS] = {{PART_CTNETLINK},
				DOCTOR_WARNING,
				"the kernel doesn't forget connections when a pod ends: "
				"packets of UDP may reach the next pod with its address "
				"or host port",
				"boot a kernel with CONFIG_NF_CT_NETLINK"},
	[KERNEL_SCTP] = {{PART_CONNTRACK},
			 DOCTOR_WARNING,
			 "the kernel tracks no SCTP: an ADD with a host port of that "
			 "protocol fails",
			 "where pods have such host ports, boot a kernel with "
			 "CONFIG_NF_CT_PROTO_SCTP"},
};

static uint32_t all_needed(const struct doctor *doctor)
{
	uint32_t needed = 0;

	for (size_t i = 0; i < doctor->networks.n; i++)
		needed |= doctor->networks.items[i].kernel_features;
	return needed;
}

/* Takes away the features of which a part isn't there: trying them would have the kernel
 * load modules. The parts are noted. */
static uint32_t without_loading(uint32_t needed, bool absent[PARTS])
{
	struct kernel_part parts[PARTS];
	uint32_t tried = needed;

	memcpy(parts, known_parts, sizeof(parts));
	kernel_parts_find(parts + 1, PARTS - 1);
	for (size_t f = 0; f < KERNEL_FEATURES; f++)
		for (size_t k = 0; k < FEATURE_PARTS_MAX && features[f].parts[k]; k++) {
			enum part part = features[f].parts[k];

			if (!(needed & KERNEL_BIT(f)) || parts[part].there)
				continue;
			tried &= ~KERNEL_BIT(f);
			absent[part] = true;
		}
	return tried;
}

static void absent_tell(struct doctor *doctor, const bool absent[PARTS])
{
	struct text list = {};

	for (size_t i = 1; i < PARTS; i++)
		if (absent[i])
			text_add(&list, "%s%s", list.len ? ", " : "",
				 known_parts[i].module);
	if (list.len && !list.failed)
		doctor_tell(
			doctor, DOCTOR_OK,
			"modules that aren't loaded yet: %s; doctor --load loads them "
			"and tries them",
			list.text);
	doctor->out_of_memory |= list.failed;
	free(list.text);
}

/* The first network that needs the feature is named. */
static void lack_tell(struct doctor *doctor, enum kernel_feature feature, const char *why)
{
	size_t i = 0;

	while (!(doctor->networks.items[i].kernel_features & KERNEL_BIT(feature)))
		i++;
	doctor->network = doctor->networks.items[i].name;
	doctor_tell(doctor, features[feature].level, "%s%s%s", features[feature].lacks,
		    *why ? ": " : "", why);
	doctor_advise(doctor, "%s", features[feature].advice);
	doctor->network = NULL;
}

bool kernel_lacks(const struct doctor *doctor, uint32_t needed,
		  enum kernel_feature *ret_feature)
{
	struct kernel_outcome outcomes[KERNEL_FEATURES] = {};
	bool absent[PARTS] = {};

	if (!doctor->load)
		needed = without_loading(needed, absent);
	if (!needed || !kernel_try(needed, outcomes))
		return false;
	for (size_t i = 0; i < KERNEL_FEATURES; i++)
		if (outcomes[i].is == KERNEL_LACKS) {
			*ret_feature = i;
			return true;
		}
	return false;
}

const char *kernel_advice(enum kernel_feature feature)
{
	return features[feature].advice;
}

void kernel_check(struct doctor *doctor)
{
	struct kernel_outcome outcomes[KERNEL_FEATURES] = {};
	bool absent[PARTS] = {};
	uint32_t needed = all_needed(doctor);

	if (!doctor->load) {
		needed = without_loading(needed, absent);
		absent_tell(doctor, absent);
	}
	if (!needed)
		return;
	if (!kernel_try(needed, outcomes)) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "what the kernel can do could not be seen: no network "
			    "namespace can be made");
		doctor_advise(doctor, geteuid() == 0 ? "see the kernel's log"
						     : "run doctor as root");
		return;
	}
	for (size_t i = 0; i < KERNEL_FEATURES; i++)
		if (outcomes[i].is == KERNEL_LACKS)
			lack_tell(doctor, i, outcomes[i].why);
}
