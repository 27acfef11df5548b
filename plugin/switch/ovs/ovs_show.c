/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells `bridge-cni show` of an attachment's port. */
#include <inttypes.h>

#include "ovs.h"
#include "plugin/stage/facts.h"
#include "plugin/stage/stages.h"

/* Writes "VLAN 5", "VLAN 5, tagged 10, 11", "tagged 10, 11", or "all VLANs". */
static void vlans_describe(const struct ovs_port *port, struct text *text)
{
	size_t n = ovsdb_set_count(port->row, "trunks");
	int64_t vlan;

	if (ovsdb_integer(port->row, "tag", &vlan))
		text_add(text, "VLAN %" PRId64 "%s", vlan, n ? ", " : "");
	else if (n == 0)
		text_add(text, "all VLANs");
	for (size_t i = 0; i < n; i++)
		if (ovsdb_set_integer(port->row, "trunks", i, &vlan))
			text_add(text, "%s%" PRId64, i ? ", " : "tagged ", vlan);
}

int ovs_port_show(struct attachment *att, struct stage_facts *facts,
		  struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	_cleanup_(ovs_port_clear) struct ovs_port port = {};
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	const char *name = att->pod->host_ifname, *bridge = NULL, *error, *mode;
	struct text vlans = {};
	int64_t ofport = 0;
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = ovs_port_find(&db, name, &port, err);
	if (ret == 0 && port.row)
		ret = ovs_port_bridge(&db, port.uuid, &reply, &bridge, err);
	if (ret < 0)
		return ret;
	if (!bridge)
		return stage_facts_line(facts, stage_ovs_port.name, err,
					"%s is no port of Open vSwitch", name);
	error = ovsdb_text(port.interface, "error");
	mode = ovsdb_text(port.row, "vlan_mode");
	(void)ovsdb_integer(port.interface, "ofport", &ofport);
	vlans_describe(&port, &vlans);
	ret = vlans.failed ? error_oom(err)
			   : stage_facts_line(facts, stage_ovs_port.name, err,
					      "%s: port of %s, OpenFlow port %" PRId64
					      ", %s, %s%s%s",
					      name, bridge, ofport,
					      mode ? mode : "no vlan_mode", vlans.text,
					      error ? ": " : "", error ? error : "");
	free(vlans.text);
	return ret;
}
