/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks on bridges of Open vSwitch: does it answer, and does it have what they need? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checks.h"
#include "finding.h"
#include "plugin/switch/ovs/ovs.h"

#define NEW_SECONDS 10 /* so long an ADD may be at work */

/* Gives the finding that was told last a command of ovs-vsctl. */
static void vsctl_command(struct doctor *doctor, const struct network *network,
			  const char *word, const char *bridge, const char *value)
{
	char db[256];

	if (strcmp(network->ovs.socket, DEFAULT_OVS_SOCKET) == 0)
		doctor_command(doctor, "ovs-vsctl", word, bridge, value);
	else if (snprintf(db, sizeof(db), "--db=unix:%s", network->ovs.socket) <
		 (int)sizeof(db))
		doctor_command(doctor, "ovs-vsctl", db, word, bridge, value);
	doctor_command_lasts(doctor);
}

static void bridge_look(struct doctor *doctor, const struct network_facts *facts,
			const struct ovs_bridge *bridge)
{
	const struct network *network = facts->net->network;
	const char *name = facts->net->bridge;

	if (!bridge->is_there) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "Open vSwitch has no bridge %s: every ADD fails", name);
		vsctl_command(doctor, network, "add-br", name, NULL);
	} else if (bridge->is_secure && !bridge->has_controller) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "the bridge %s of Open vSwitch has fail_mode \"secure\" and "
			    "no controller: frames of pods pass only by flows that "
			    "somebody adds",
			    name);
		vsctl_command(doctor, network, "set-fail-mode", name, "standalone");
	}
}

static bool has_row(const struct ovsdb_reply *ports, const char *name)
{
	for (size_t i = 0; i < ovsdb_rows(ports, 0); i++) {
		const char *has = ovsdb_text(ovsdb_row(ports, 0, i), "name");

		if (has && strcmp(has, name) == 0)
			return true;
	}
	return false;
}

/* Ports whose interface is gone are of pods that went without a DEL, by a reboot for
 * example. */
static void lost_ports_look(struct doctor *doctor, const struct network_facts *facts,
			    const struct ovsdb_reply *ports)
{
	const char *one = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ovsdb_rows(ports, 0); i++) {
		const char *name = ovsdb_text(ovsdb_row(ports, 0, i), "name");

		if (!name || facts_link(facts, name))
			continue;
		one = one ? one : name;
		n++;
	}
	if (n == 0)
		return;
	doctor_tell(doctor, DOCTOR_WARNING,
		    "Open vSwitch has %zu port%s of pods that are gone (%s%s)", n,
		    n == 1 ? "" : "s", one, n == 1 ? "" : ", ...");
	doctor_repair_network(doctor);
}

static void pods_look(struct doctor *doctor, const struct network_facts *facts,
		      const struct ovsdb_reply *ports)
{
	for (size_t i = 0; i < facts->pods.n; i++) {
		const struct shown_pod *pod = &facts->pods.items[i];

		if (pod->state != IPAM_VIEW_CONNECTED || !pod->recorded ||
		    pod->recorded->record.switch_kind != SWITCH_OVS ||
		    pod->since + NEW_SECONDS > time(NULL) ||
		    has_row(ports, pod->host_ifname))
			continue;
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s, the interface of pod %s, is no port of Open vSwitch: "
			    "the pod reaches nobody",
			    pod->host_ifname, pod->pod[0] ? pod->pod : pod->container_id);
		doctor_repair_network(doctor);
	}
}

static int database_look(struct doctor *doctor, const struct network_facts *facts,
			 struct ovsdb *db, struct cni_error *err)
{
	_cleanup_(ovs_bridge_clear) struct ovs_bridge bridge = {};
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply ports = {};
	int ret = ovs_bridge_find(db, facts->net->bridge, &bridge, err);

	if (ret == 0)
		ret = ovs_ports_of_network(db, facts->net->network->name, &ports, err);
	if (ret < 0)
		return ret;
	bridge_look(doctor, facts, &bridge);
	lost_ports_look(doctor, facts, &ports);
	pods_look(doctor, facts, &ports);
	return ovs_daemon_ask(db, err);
}

void open_vswitch_check(struct doctor *doctor, const struct network_facts *facts)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	struct cni_error err = {};
	int ret;

	if (facts->net->switch_kind != SWITCH_OVS)
		return;
	ret = ovs_open(facts->net, &db, &err);
	if (ret == 0)
		ret = database_look(doctor, facts, &db, &err);
	if (ret == -EACCES || ret == -EPERM) {
		doctor_unseen(doctor, "Open vSwitch's database", &err);
	} else if (ret < 0) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s", err.msg);
		doctor_advise(doctor, "start Open vSwitch (Debian's service is "
				      "openvswitch-switch), and see its log");
	}
	error_clear(&err);
}
