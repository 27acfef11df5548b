/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads an attachment from what a runtime gives, and frees it. */
#include "attachment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "conf/json/json.h"
#include "conf/base/printable.h"

/* The version of the specification that has the operation. */
static int version_check(enum cni_verb verb, enum cni_version version,
			 struct cni_error *err)
{
	static const enum cni_version since[] = {
		[CNI_ADD] = CNI_0_1_0,	  [CNI_DEL] = CNI_0_1_0,
		[CNI_CHECK] = CNI_0_4_0,  [CNI_STATUS] = CNI_1_1_0,
		[CNI_GC] = CNI_1_1_0,	  [CNI_VERSION] = CNI_0_1_0,
		[CNI_REPAIR] = CNI_0_1_0, [CNI_CLEANUP] = CNI_0_1_0,
	};

	if (version >= since[verb])
		return 0;
	return error_set(err, CNI_ERR_VERSION, EINVAL,
			 "cniVersion: %s has no %s, expected at least %s",
			 cni_version_names[version], cni_verb_name(verb),
			 cni_version_names[since[verb]]);
}

static enum net_conf_scope scope_of(const struct cni_env *env)
{
	if (env->verb == CNI_DEL || env->verb == CNI_GC || env->verb == CNI_CLEANUP)
		return env->ipam_only ? NET_CONF_IPAM_IDENTITY : NET_CONF_IDENTITY;
	if (env->verb == CNI_REPAIR)
		return NET_CONF_NETWORK;
	if (env->ipam_only)
		return env->verb == CNI_CHECK ? NET_CONF_IPAM_CHECK : NET_CONF_IPAM;
	return NET_CONF_WHOLE;
}

/* Up to 0.2.0 an answer is its addresses; libcni takes none without for an error. */
static int answer_check(const struct net_conf *conf, struct cni_error *err)
{
	if (conf->version >= CNI_0_3_0 || (conf->ipam.type && *conf->ipam.type) ||
	    conf->prev_result.ips.n > 0)
		return 0;
	return error_set(err, CNI_ERR_CONFIG, EINVAL,
			 "cniVersion: %s has no answer without an address, expected at "
			 "least 0.3.0 for a network without ipam.type",
			 cni_version_names[conf->version]);
}

/* runtimeConfig.mac over args.cni.mac over CNI_ARGS. */
static int mac_settle(struct attachment *att, struct cni_error *err)
{
	if (att->conf.mac.set || !att->env.args.mac.set)
		return 0;
	if (!mac_is_unicast(&att->env.args.mac))
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "CNI_ARGS: MAC=%s is a multicast address or all zero, "
				 "expected one that an interface can have",
				 MAC_TEXT(&att->env.args.mac));
	att->conf.mac = att->env.args.mac;
	return 0;
}

static bool is_dns_name(const char *text)
{
	return *text &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(text);
}

static void pod_settle(struct attachment *att)
{
	const struct cni_args *args = &att->env.args;

	if (is_dns_name(args->pod_namespace) && is_dns_name(args->pod_name))
		snprintf(att->pod, sizeof(att->pod), "%.63s/%.253s", args->pod_namespace,
			 args->pod_name);
}

/* The log's keys are read first, as a refusal is logged, too. An error in them is told last:
 * by log_check(). */
static bool log_settle(struct attachment *att, struct cni_error *err)
{
	bool right = log_conf_read(att->doc, &att->log, err) == 0;

	error_clear(err);
	return right;
}

/* What takes something away doesn't fail over its log. */
static int log_check(struct attachment *att, struct cni_error *err)
{
	bool removes = att->env.verb == CNI_DEL || att->env.verb == CNI_GC;

	return removes ? 0 : log_conf_read(att->doc, &att->log, err);
}

static int conf_settle(struct attachment *att, enum cni_version *ret_version,
		       struct cni_error *err)
{
	bool log_right = log_settle(att, err);
	int ret = net_conf_read_version(att->doc, ret_version, err);

	/* Before anything is said of the version, which is then the list's. */
	if (ret == 0)
		ret = net_conf_refuse_list(att->doc, err);
	if (ret == 0)
		ret = version_check(att->env.verb, *ret_version, err);
	if (ret == 0)
		ret = net_conf_read(att->doc, scope_of(&att->env), &att->conf, err);
	if (ret == 0 && att->env.verb == CNI_ADD && !att->env.ipam_only)
		ret = answer_check(&att->conf, err);
	if (ret == 0 && scope_of(&att->env) == NET_CONF_WHOLE)
		ret = mac_settle(att, err);
	if (ret == 0 && !log_right)
		ret = log_check(att, err);
	return ret;
}

/* Only an ADD gives advice: CHECK and STATUS come again and again, and would repeat it. */
static void advise(struct attachment *att, bool is_read)
{
	advise_keys(att);
	if (!is_read)
		return;
	advise_ipam(att);
	advise_effects(att);
}

int attachment_read(const char *text, size_t len, const struct cni_env *env,
		    struct attachment *ret_att, enum cni_version *ret_version,
		    struct cni_error *err)
{
	struct attachment *att = ret_att;
	int ret;

	memset(att, 0, sizeof(*att));
	att->env = *env;
	att->text = text;
	att->text_len = len;
	ret = json_parse(text, len, &att->doc, err);
	if (ret < 0)
		return ret;
	ret = conf_settle(att, ret_version, err);
	if (ret < 0)
		att->conf.name = net_conf_name(att->doc);
	if (env->verb == CNI_ADD)
		advise(att, ret == 0);
	pod_settle(att);
	return ret;
}

void attachment_clear(struct attachment *att)
{
	cni_result_clear(&att->ipam);
	free(att->resolv_text);
	free(att->notice);
	json_doc_free(att->ipam_doc);
	net_conf_clear(&att->conf);
	json_doc_free(att->doc);
	*att = (struct attachment){};
}

struct attachment attachment_beside(const struct attachment *att, enum cni_verb verb,
				    const char *container_id, const char *ifname)
{
	struct attachment other = {
		.env = {.verb = verb,
			.container_id = container_id,
			.ifname = ifname,
			.netns = "",
			.path = att->env.path},
		.text = att->text,
		.text_len = att->text_len,
		.doc = att->doc,
		.conf = att->conf,
		.kernel = att->kernel,
		.node = att->node,
		.report = att->report,
	};

	identity_host_ifname(att->conf.name, container_id, ifname, other.host_ifname);
	return other;
}

bool attachment_uses(const struct attachment *att, int family)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (att->ipam.ips.items[i].address.addr.family == family)
			return true;
	return false;
}

void attachment_notice(struct attachment *att, const char *fmt, ...)
{
	struct text lines = {.text = att->notice};
	_cleanup_(free_p) char *line = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&line, fmt, args);
	va_end(args);
	if (len < 0) {
		line = NULL;
		return;
	}
	lines.len = att->notice ? strlen(att->notice) : 0;
	lines.size = att->notice ? lines.len + 1 : 0;
	len = lines.len;
	text_add_printable(&lines, line);
	text_put(&lines, "\n", 1);
	if (lines.failed)
		text_cut(&lines, len);
	att->notice = lines.text;
}

void attachment_notices_move(struct attachment *from, struct attachment *to)
{
	char *both;

	if (from->notice &&
	    asprintf(&both, "%s%s", to->notice ? to->notice : "", from->notice) >= 0) {
		free(to->notice);
		to->notice = both;
	}
	free(from->notice);
	from->notice = NULL;
}
