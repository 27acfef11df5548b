/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a request of a runtime, and frees it. */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "advice.h"
#include "conf/json/json_doc.h"
#include "config.h"
#include "identity.h"
#include "ovs_keys.h"
#include "prev_result.h"
#include "switch_keys.h"

/* The version of the specification that has the operation. */
static int version_check(enum cni_verb verb, enum cni_version version,
			 struct cni_error *err)
{
	static const enum cni_version since[] = {
		[CNI_ADD] = CNI_0_1_0,	    [CNI_DEL] = CNI_0_1_0,
		[CNI_CHECK] = CNI_0_4_0,    [CNI_STATUS] = CNI_1_1_0,
		[CNI_GC] = CNI_1_1_0,	    [CNI_VERSION] = CNI_0_1_0,
		[CNI_REPAIR] = CNI_0_1_0,   [CNI_CLEANUP] = CNI_0_1_0,
		[CNI_VALIDATE] = CNI_0_1_0, [CNI_SHOW] = CNI_0_1_0,
		[CNI_DOCTOR] = CNI_0_1_0,
	};

	if (version >= since[verb])
		return 0;
	return error_set(err, CNI_ERR_VERSION, EINVAL,
			 "cniVersion: %s has no %s, expected at least %s",
			 cni_version_names[version], cni_verb_name(verb),
			 cni_version_names[since[verb]]);
}

/* Is the configuration to be good for an ADD? */
static bool is_for_add(const struct cni_env *env)
{
	return env->verb == CNI_ADD || env->verb == CNI_VALIDATE;
}

static enum config_scope scope_of(const struct cni_env *env)
{
	bool ipam_only = env->program == PROGRAM_HOST_LOCAL;

	if (env->program == PROGRAM_LOOPBACK)
		return env->verb == CNI_ADD ? CONFIG_PREV_RESULT : CONFIG_NAME;
	if (env->verb == CNI_DEL || env->verb == CNI_GC || env->verb == CNI_CLEANUP)
		return ipam_only ? CONFIG_IPAM_IDENTITY : CONFIG_IDENTITY;
	if (env->verb == CNI_REPAIR || env->verb == CNI_SHOW || env->verb == CNI_DOCTOR)
		return CONFIG_NETWORK;
	if (env->verb == CNI_VALIDATE)
		return CONFIG_FILE;
	if (ipam_only)
		return env->verb == CNI_CHECK ? CONFIG_IPAM_CHECK : CONFIG_IPAM;
	return CONFIG_WHOLE;
}

/* Up to 0.2.0 an answer has nothing but addresses, and libcni takes an answer without any
 * for an error. */
static int answer_check(const struct network *network, const struct pod *pod,
			struct cni_error *err)
{
	if (network->version >= CNI_0_3_0 ||
	    (network->ipam.type && *network->ipam.type) || pod->prev_result.ips.n > 0 ||
	    network_takes_prev_result(network))
		return 0;
	return error_set(err, CNI_ERR_CONFIG, EINVAL,
			 "cniVersion: %s has no answer without an address, expected at "
			 "least 0.3.0 for a network without ipam.type",
			 cni_version_names[network->version]);
}

/* An ADD carries out what an earlier plugin of the list gave. A file doesn't say that;
 * validate looks at the list. */
static int prev_result_check(const struct cni_env *env, const struct network *network,
			     const struct pod *pod, struct cni_error *err)
{
	int ret;

	if (env->verb != CNI_ADD || !network_takes_prev_result(network))
		return 0;
	ret = network_check_prev_result(network, pod->prev_result.ips.n > 0, err);
	if (ret < 0)
		return ret;
	ret = result_families_check(&pod->prev_result, err);
	if (ret < 0)
		error_wrap(err, "prevResult");
	return ret;
}

/* A network that is leaving the node takes no new pods. DEL, GC and CHECK don't look at
 * the key, so that the pods that are left are served to their end. */
static int draining_check(const struct cni_env *env, const struct network *network,
			  struct cni_error *err)
{
	if (!network->draining || (!is_for_add(env) && env->verb != CNI_STATUS))
		return 0;
	return error_set(err, CNI_ERR_UNAVAILABLE, ESHUTDOWN,
			 "draining: network %s is being taken off this node and takes no "
			 "new pods; drain the node; to keep the network, remove the key, "
			 "or BRIDGE_CNI_UNINSTALL where the node agent has set the key",
			 network->name);
}

/* Without the agent's routes a new pod would send in the clear what is to be encrypted.
 * After a boot the configuration is there before these. */
static int wait_check(const struct cni_env *env, const struct network *network,
		      struct cni_error *err)
{
	if (!network->wait_for_agent || (env->verb != CNI_ADD && env->verb != CNI_STATUS))
		return 0;
	if (access(AGENT_READY_FILE, F_OK) == 0)
		return 0;
	return error_set(err, CNI_ERR_UNAVAILABLE, errno,
			 "waitForAgent: network %s takes no new pods before the node "
			 "agent has made its routes, and the file " AGENT_READY_FILE
			 "; see its log",
			 network->name);
}

/* Decides which MAC address is asked for: runtimeConfig.mac goes before args.cni.mac, and
 * that before CNI_ARGS. The key `mac` of a macvlan network comes last. */
static int mac_settle(const struct cni_args *args, const struct network *network,
		      struct pod *pod, struct cni_error *err)
{
	const char *configured = network->macvlan.mac_text;

	if (!pod->mac.set && !args->mac.set && configured && *configured)
		mac_parse(configured, &pod->mac);
	if (pod->mac.set || !args->mac.set)
		return 0;
	if (!mac_is_unicast(&args->mac))
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "CNI_ARGS: MAC=%s is a multicast address or all zero, "
				 "expected one that an interface can have",
				 MAC_TEXT(&args->mac));
	pod->mac = args->mac;
	return 0;
}

static bool is_dns_name(const char *text)
{
	return *text &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(text);
}

/* Fills in the parts of the pod that the environment has. */
static void pod_from_env(const struct cni_env *env, const struct network *network,
			 struct pod *pod)
{
	const struct cni_args *args = &env->args;

	pod->container_id = env->container_id;
	pod->ifname = env->ifname;
	pod->netns = env->netns;
	pod->args_ip = ip_unmap(&args->ip);
	if (network->name && *env->container_id)
		identity_host_ifname(network->name, env->container_id, env->ifname,
				     pod->host_ifname);
	if (is_dns_name(args->pod_namespace) && is_dns_name(args->pod_name))
		snprintf(pod->name, sizeof(pod->name), "%.63s/%.253s",
			 args->pod_namespace, args->pod_name);
}

/* Reads the keys of the log first, as a refusal is logged, too. An error in these keys
 * comes last: log_check() returns it. */
static bool log_settle(struct request *request, struct cni_error *err)
{
	bool right = log_conf_read(request->doc, &request->network.log, err) == 0;

	error_clear(err);
	return right;
}

/* An operation that takes something away doesn't fail over its log. */
static int log_check(struct request *request, struct cni_error *err)
{
	bool removes = request->env.verb == CNI_DEL || request->env.verb == CNI_GC;

	return removes ? 0 : log_conf_read(request->doc, &request->network.log, err);
}

static int conf_settle(struct request *request, enum cni_version *ret_version,
		       struct cni_error *err)
{
	bool log_right = log_settle(request, err);
	const struct log_conf log = request->network.log;
	const struct cni_env *env = &request->env;
	int ret = cni_version_read(request->doc, ret_version, err);

	/* A list is refused before its version is, which is not the version of a
	 * plugin. */
	if (ret == 0)
		ret = network_refuse_list(request->doc, err);
	if (ret == 0)
		ret = version_check(env->verb, *ret_version, err);
	if (ret == 0)
		ret = config_read(request->doc, scope_of(env), &request->network,
				  &request->pod, err);
	request->network.log = log;
	request->pod.ranges = (struct range_set_list){request->network.ipam.sets.items,
						      request->network.ipam.runtime_sets};
	if (ret == 0)
		ret = draining_check(env, &request->network, err);
	if (ret == 0)
		ret = wait_check(env, &request->network, err);
	if (ret == 0 && is_for_add(env) && env->program == PROGRAM_BRIDGE)
		ret = answer_check(&request->network, &request->pod, err);
	if (ret == 0 && env->program == PROGRAM_BRIDGE)
		ret = prev_result_check(env, &request->network, &request->pod, err);
	if (ret == 0 && scope_of(env) == CONFIG_WHOLE)
		ret = mac_settle(&env->args, &request->network, &request->pod, err);
	if (ret == 0 && scope_of(env) == CONFIG_WHOLE)
		ret = switch_keys_settle(&request->network, &request->pod, err);
	if (ret == 0 && scope_of(env) == CONFIG_WHOLE)
		ret = ovs_args_check(&request->network, &env->args, err);
	if (ret == 0 && !log_right)
		ret = log_check(request, err);
	return ret;
}

/* Only an ADD and validate give advice: CHECK and STATUS come again and again, and would
 * repeat it. */
static void advise(const struct request *request, bool is_read, struct notices *notices)
{
	const struct advice advice = {
		.doc = request->doc,
		.network = &request->network,
		.ipam_only = request->env.program == PROGRAM_HOST_LOCAL,
		.all_keys = request->env.verb == CNI_VALIDATE,
		.notices = notices,
	};

	advise_keys(&advice);
	if (!is_read)
		return;
	advise_ipam(&advice);
	advise_effects(&advice);
	switch_keys_tell(&request->network, notices);
	if (advice.all_keys)
		macvlan_keys_tell(request->doc, request->network.switch_kind, notices);
}

int request_read(const char *text, size_t len, const struct cni_env *env,
		 struct request *ret_request, enum cni_version *ret_version,
		 struct notices *notices, struct cni_error *err)
{
	struct request *request = ret_request;
	int ret;

	memset(request, 0, sizeof(*request));
	request->env = *env;
	ret = json_parse(text, len, &request->doc, err);
	if (ret < 0)
		return ret;
	ret = conf_settle(request, ret_version, err);
	if (ret < 0)
		request->network.name = network_name_find(request->doc);
	if (is_for_add(env) && env->program != PROGRAM_LOOPBACK)
		advise(request, ret == 0, notices);
	request->network.text = text;
	request->network.text_len = len;
	pod_from_env(env, &request->network, &request->pod);
	return ret;
}

void request_clear(struct request *request)
{
	network_clear(&request->network);
	pod_clear(&request->pod);
	json_doc_free(request->doc);
	*request = (struct request){};
}
