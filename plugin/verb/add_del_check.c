/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADD, DEL and CHECK: take the lock, walk the stages, answer. */
#include "add_del_check.h"

#include <errno.h>
#include <string.h>

#include "conf/result.h"
#include "ipam/store/record.h"
#include "plugin/stage/stages.h"

/* The answer, and the strings that nothing else holds. */
struct answer {
	struct cni_result result;
	struct stage_interfaces own;
};

static void answer_clear(struct answer *answer)
{
	free(answer->result.interfaces.items);
	free(answer->result.ips.items);
	free(answer->result.routes.items);
}

static const struct dns *answer_dns(const struct attachment *att)
{
	if (dns_is_set(&att->network->dns))
		return &att->network->dns;
	if (dns_is_set(&att->ipam.dns))
		return &att->ipam.dns;
	return &att->pod->prev_result.dns;
}

/* Adds the interfaces that the stages have made. Returns the index of the pod's
 * interface, or -1. */
static int interfaces_add(const struct attachment *att, struct answer *answer)
{
	struct cni_result *result = &answer->result;
	int pod = -1;

	stages_interfaces(att, &answer->own);
	for (size_t i = 0; i < answer->own.n; i++) {
		if (answer->own.items[i].sandbox)
			pod = result->interfaces.n;
		result->interfaces.items[result->interfaces.n++] = answer->own.items[i];
	}
	return pod;
}

/* Puts what earlier plugins of the chain made (prevResult) before what was made here;
 * unless the pod's interface has got it, as then there is nothing else to tell of. */
static int answer_build(const struct attachment *att, struct answer *answer,
			struct cni_error *err)
{
	static const struct cni_result none;
	const struct cni_result *prev = network_takes_prev_result(att->network)
						? &none
						: &att->pod->prev_result;
	const struct cni_result *ipam = &att->ipam;
	struct cni_result *result = &answer->result;
	int pod;

	result->interfaces.items = calloc(prev->interfaces.n + STAGE_INTERFACES_MAX,
					  sizeof(*result->interfaces.items));
	result->ips.items = calloc(prev->ips.n + ipam->ips.n + 1,
				   sizeof(*result->ips.items));
	result->routes.items = calloc(prev->routes.n + ipam->routes.n + 1,
				      sizeof(*result->routes.items));
	if (!result->interfaces.items || !result->ips.items || !result->routes.items)
		return error_oom(err);

	for (size_t i = 0; i < prev->interfaces.n; i++)
		result->interfaces.items[result->interfaces.n++] =
			prev->interfaces.items[i];
	pod = interfaces_add(att, answer);
	for (size_t i = 0; i < prev->ips.n; i++)
		result->ips.items[result->ips.n++] = prev->ips.items[i];
	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_config *ip = &result->ips.items[result->ips.n++];

		*ip = ipam->ips.items[i];
		ip->address = attachment_pod_address(att, ip);
		ip->interface = pod;
	}
	for (size_t i = 0; i < prev->routes.n; i++)
		result->routes.items[result->routes.n++] = prev->routes.items[i];
	for (size_t i = 0; i < ipam->routes.n; i++)
		result->routes.items[result->routes.n++] = ipam->routes.items[i];
	result->dns = *answer_dns(att);
	return 0;
}

static int answer_print(const struct attachment *att, answer_fn print,
			struct cni_error *err)
{
	_cleanup_(answer_clear) struct answer answer = {};
	_cleanup_(free_p) char *text = NULL;
	int ret = answer_build(att, &answer, err);

	if (ret < 0)
		return ret;
	text = result_text(&answer.result, att->network->version);
	return text ? print(text, err) : error_oom(err);
}

/* Opens what the stages work with. leave() closes it. */
static int enter(struct attachment *att, struct cni_error *err)
{
	struct node *node = &att->op->node;
	int ret = operation_open(att->op, err);

	if (ret < 0)
		return ret;
	node->identity = hash_text(att->pod->host_ifname);
	node->adds = att->op->env->verb == CNI_ADD;
	node->looks = att->op->env->verb == CNI_CHECK;
	node->removes = att->op->env->verb == CNI_DEL;
	return 0;
}

static void leave(struct attachment *att)
{
	pod_ns_close(&att->pod_ns);
	operation_close(att->op);
}

/* The result could not be printed, so the runtime does not know of this ADD: undo it. */
static _noinline_ void undo_unprinted(struct attachment *att, struct cni_error *err)
{
	struct cni_error undo_err = {};

	if (stages_undo(att, &undo_err) < 0)
		error_details(err, "undoing it failed, too: %s", undo_err.msg);
}

static int add_locked(struct attachment *att, answer_fn print, struct cni_error *err)
{
	int ret;

	ret = attachment_open_pod(att, err);
	if (ret == 0)
		ret = node_lock(&att->op->node, NODE_SHARED, err);
	if (ret == 0)
		ret = stages_names(att, err);
	if (ret == 0)
		ret = stages_add(att, err);
	if (ret < 0)
		return ret;
	ret = answer_print(att, print, err);
	if (ret < 0)
		undo_unprinted(att, err);
	return ret;
}

int verb_add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	int ret = enter(att, err);

	if (ret == 0)
		ret = add_locked(att, print, err);
	leave(att);
	return ret;
}

int verb_del(struct attachment *att, struct cni_error *err)
{
	int ret = enter(att, err);

	att->need_not_wait = !att->network->del_waits;
	if (ret == 0)
		ret = node_lock(&att->op->node, NODE_SHARED, err);
	if (ret == 0)
		ret = stages_del(att, err);
	leave(att);
	return ret;
}

/* Takes the part of prevResult that is this interface's, as the stages' ADD had it. */
static int expectation_build(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->pod->prev_result;
	struct cni_result *ipam = &att->ipam;

	ipam->ips.items = calloc(prev->ips.n + 1, sizeof(*ipam->ips.items));
	ipam->routes.items = calloc(prev->routes.n + 1, sizeof(*ipam->routes.items));
	if (!ipam->ips.items || !ipam->routes.items)
		return error_oom(err);
	for (size_t i = 0; i < prev->ips.n; i++) {
		const struct ip_config *ip = &prev->ips.items[i];

		/* Old versions don't say which interface has the address. */
		if (ip->interface >= 0) {
			const struct interface *item =
				&prev->interfaces.items[ip->interface];

			if (!item->name || strcmp(item->name, att->pod->ifname) != 0)
				continue;
		}
		ipam->ips.items[ipam->ips.n++] = *ip;
	}
	for (size_t i = 0; i < prev->routes.n; i++)
		ipam->routes.items[ipam->routes.n++] = prev->routes.items[i];
	return 0;
}

/* Says what helps, where the message about a difference doesn't. */
static void remedy_add(struct cni_error *err)
{
	if (err && err->code == CNI_ERR_CHECK && !strstr(err->msg, "`bridge-cni repair`"))
		error_details(err, "`bridge-cni repair` puts right what is on the node; "
				   "otherwise delete the pod");
}

/* A difference that CHECK has found follows from the switch, where the network got another
 * one while the pod ran. Then this says so in its place. */
static bool blame_switch(struct attachment *att, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	struct cni_error found = {};

	if (!err || ipam_record_read(&att->ipam_env, att->pod, &record, NULL) != 0 ||
	    record.switch_kind == att->switch_kind)
		return false;
	error_copy(&found, err);
	error_clear(err);
	error_set(
		err, CNI_ERR_CHECK, EINVAL,
		"switch: expected %s, as the network has now, found the pod on %s, which "
		"is its switch until it is deleted; delete the pod, so that it is "
		"attached anew",
		switch_word(att->switch_kind), switch_word(record.switch_kind));
	error_details(err, "%s", found.msg);
	return true;
}

int verb_check(struct attachment *att, struct cni_error *err)
{
	bool said = false;
	int ret;

	if (!att->pod->has_prev_result)
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"prevResult: missing; CHECK compares with the result of ADD");
	ret = expectation_build(att, err);
	if (ret == 0)
		ret = enter(att, err);
	if (ret == 0)
		ret = attachment_open_pod(att, err);
	if (ret == 0)
		ret = node_lock(&att->op->node, NODE_SHARED, err);
	if (ret == 0)
		ret = stages_check(att, err);
	if (ret < 0)
		said = blame_switch(att, err);
	leave(att);
	if (ret < 0 && !said)
		remedy_add(err);
	return ret;
}
