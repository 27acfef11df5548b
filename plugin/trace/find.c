/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/base/text.h"
#include "conf/nearest_key.h"
#include "plugin/doctor/finding.h"
#include "plugin/show/names.h"

#define NAMED_AT_MOST 5 /* of several pods */

static void found_clear(struct trace_pod *pod)
{
	free(pod->network);
	free(pod->file);
	free(pod->pod);
	free(pod->container_id);
	free(pod->netns);
	free(pod->addresses);
}

void trace_clear(struct trace *trace)
{
	for (size_t i = 0; i < trace->found.n; i++)
		found_clear(&trace->found.items[i]);
	free(trace->found.items);
	for (size_t i = 0; i < trace->others.n; i++)
		free(trace->others.items[i]);
	free(trace->others.items);
	free(trace->owners.items);
	*trace = (struct trace){};
}

static int pod_keep(struct trace *trace, const struct network_facts *facts,
		    const struct shown_pod *shown, const char *file,
		    struct cni_error *err)
{
	const struct attachment *net = facts->net;
	const struct record *record = shown->recorded ? &shown->recorded->record : NULL;
	struct trace_pod *pod = LIST_ADD(&trace->found);

	if (!pod)
		return error_oom(err);
	*pod = (struct trace_pod){
		.network = strdup(net->network->name),
		.file = strdup(file ? file : ""),
		.pod = strdup(shown->pod),
		.container_id = strdup(shown->container_id),
		.netns = strdup(record ? record->netns : ""),
		.cookie = record ? record->cookie : 0,
		.addresses = calloc(shown->addresses_n + 1, sizeof(*pod->addresses)),
		.masquerades = net->network->ip_masq,
		.spoof_check = record && record->spoof_check,
	};
	if (!pod->network || !pod->file || !pod->pod || !pod->container_id ||
	    !pod->netns || !pod->addresses) {
		found_clear(pod);
		trace->found.n--;
		return error_oom(err);
	}
	for (size_t i = 0; i < shown->addresses_n; i++)
		pod->addresses[pod->addresses_n++] = shown->addresses[i];
	snprintf(pod->ifname, sizeof(pod->ifname), "%s", shown->ifname);
	memcpy(pod->host_ifname, shown->host_ifname, sizeof(pod->host_ifname));
	pod->switch_kind = net->switch_kind;
	snprintf(pod->bridge, sizeof(pod->bridge), "%s", net->bridge);
	network_gateway_ifname(net->network, pod->gateway_ifname);
	if (record && record->routed[0])
		memcpy(pod->gateway_ifname, record->routed, sizeof(pod->gateway_ifname));
	return 0;
}

static int other_note(struct trace *trace, const struct shown_pod *shown,
		      struct cni_error *err)
{
	char **name = LIST_ADD(&trace->others);

	if (!name)
		return error_oom(err);
	*name = strdup(shown->pod[0] ? shown->pod : shown->container_id);
	return *name ? 0 : error_oom(err);
}

static int network_look(struct trace *trace, struct attachment *net, const char *file,
			struct cni_error *err)
{
	_cleanup_(network_facts_clear) struct network_facts facts = {};
	int ret = network_facts_read(net, file != NULL, &facts, err);

	for (size_t i = 0; ret == 0 && i < facts.pods.n; i++) {
		const struct shown_pod *pod = &facts.pods.items[i];

		ret = shown_pod_has_name(pod, trace->name)
			      ? pod_keep(trace, &facts, pod, file, err)
			      : other_note(trace, pod, err);
	}
	return ret;
}

int trace_network(struct trace *trace, struct attachment *net, const char *file,
		  struct cni_error *err)
{
	uint64_t *owner;
	int ret;

	for (size_t i = 0; i < trace->owners.n; i++)
		if (trace->owners.items[i] == net->owner)
			return 0;
	owner = LIST_ADD(&trace->owners);
	if (!owner)
		return error_oom(err);
	*owner = net->owner;
	ret = operation_open(net->op, err);
	if (ret == 0)
		ret = network_look(trace, net, file, err);
	operation_close(net->op);
	return ret;
}

/* ---- Which of them is meant ---- */

/* A pod may be meant by its name with the namespace, or without. */
static const char *nearest_pod(const struct trace *trace)
{
	struct nearest nearest = nearest_begin(trace->name);
	const char *found = NULL, *before;

	for (size_t i = 0; i < trace->others.n; i++) {
		const char *name = trace->others.items[i], *slash = strchr(name, '/');

		before = nearest.found;
		nearest_compare(&nearest, name);
		if (slash)
			nearest_compare(&nearest, slash + 1);
		if (nearest.found != before)
			found = name;
	}
	return found;
}

static void unknown_tell(const struct trace *trace, struct doctor *doctor)
{
	const char *name = nearest_pod(trace);

	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "no pod of bridge-cni here has the name, address, interface or "
		    "container ID \"%s\"%s",
		    trace->name, geteuid() == 0 ? "" : ", as far as this user may see");
	if (geteuid() != 0)
		doctor_advise(doctor, "run doctor as root");
	else if (name)
		doctor_advise(doctor, "did you mean %s?", name);
	else
		doctor_command(doctor, doctor->self, "show");
}

static const char *name_of(const struct trace_pod *pod)
{
	return pod->pod[0] ? pod->pod : pod->container_id;
}

/* Is it of another pod than all before it? */
static bool is_new(const struct trace *trace, size_t which)
{
	const struct trace_pod *pods = trace->found.items;

	for (size_t i = 0; i < which; i++)
		if (strcmp(pods[i].container_id, pods[which].container_id) == 0)
			return false;
	return true;
}

/* Returns whether the name is one of several pods. */
static bool several_tell(const struct trace *trace, struct doctor *doctor)
{
	struct text names = {};
	size_t n = 0;

	for (size_t i = 0; i < trace->found.n; i++) {
		if (!is_new(trace, i))
			continue;
		if (n++ < NAMED_AT_MOST)
			text_add(&names, "%s%s (%s)", n > 1 ? ", " : "",
				 name_of(&trace->found.items[i]),
				 trace->found.items[i].host_ifname);
	}
	if (n > 1) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "\"%s\" names %zu pods: %s%s",
			    trace->name, n, names.text ? names.text : "",
			    n > NAMED_AT_MOST ? ", ..." : "");
		doctor_advise(doctor,
			      "name one of them by its whole name, its address or "
			      "its interface on the node");
	}
	free(names.text);
	return n > 1;
}

/* Is it named by what another attachment of the pod hasn't? */
static bool is_named_itself(const struct trace_pod *pod, const char *name)
{
	for (size_t i = 0; i < pod->addresses_n; i++)
		if (name_is_address(name, &pod->addresses[i].addr))
			return true;
	return strcmp(name, pod->host_ifname) == 0 || strcmp(name, pod->ifname) == 0;
}

static bool has_family(const struct trace_pod *pod, int family)
{
	for (size_t i = 0; i < pod->addresses_n; i++)
		if (pod->addresses[i].addr.family == family)
			return true;
	return false;
}

const struct trace_pod *trace_find(const struct trace *trace, struct doctor *doctor)
{
	const struct trace_pod *found = NULL;

	if (trace->found.n == 0) {
		unknown_tell(trace, doctor);
		return NULL;
	}
	if (several_tell(trace, doctor))
		return NULL;
	/* Of several attachments of a pod: one that has the family, and best of all the one
	 * that is named by its own address or interface. */
	for (size_t i = 0; i < trace->found.n; i++) {
		const struct trace_pod *pod = &trace->found.items[i];

		if (has_family(pod, trace->to.family) &&
		    (!found || is_named_itself(pod, trace->name)))
			found = pod;
	}
	if (found)
		return found;
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "the pod has no %s address, so that it can't send to %s",
		    ip_family_name(trace->to.family), IP_TEXT(&trace->to));
	doctor_advise(doctor,
		      "name an %s address; or give the network a range of %s, and start "
		      "the pod anew",
		      ip_family_name(trace->to.family == ip_families[0] ? ip_families[1]
									: ip_families[0]),
		      ip_family_name(trace->to.family));
	return NULL;
}

const struct trace_pod *trace_find_interface(const struct trace *trace,
					     const struct trace_pod *pod,
					     const char *ifname)
{
	for (size_t i = 0; i < trace->found.n; i++) {
		const struct trace_pod *other = &trace->found.items[i];

		if (strcmp(other->container_id, pod->container_id) == 0 &&
		    strcmp(other->ifname, ifname) == 0)
			return other;
	}
	return NULL;
}
