/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ovs_keys.h"

#include <errno.h>
#include <string.h>

#include "conf/json/json_table.h"

#define OFPORT_MAX 65279
#define TRUNKS_MAX (OVS_VLAN_MAX + 1)

static int trunk_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const struct vlan_trunk *trunk = value;

	if (!trunk->min_id != !trunk->max_id)
		return json_error(path, trunk->min_id ? "maxID" : "minID", err,
				  "missing, expected minID and maxID together");
	if (trunk->min_id > trunk->max_id)
		return json_error(path, "minID", err, "%u is greater than maxID %u",
				  trunk->min_id, trunk->max_id);
	if (!trunk->id_set && !trunk->min_id)
		return json_error(path, NULL, err, "expected id, or minID and maxID");
	return 0;
}

static const struct json_type vlan_id_type = {.kind = JSON_U32, .max = OVS_VLAN_MAX};
static const struct json_field trunk_fields[] = {
	FIELD_SET(struct vlan_trunk, id, id_set, "id", &vlan_id_type),
	FIELD(struct vlan_trunk, min_id, "minID", &vlan_id_type),
	FIELD(struct vlan_trunk, max_id, "maxID", &vlan_id_type),
};
static const struct json_type trunk_type = {
	.kind = JSON_OBJECT,
	.fields = trunk_fields,
	.n_fields = ARRAY_SIZE(trunk_fields),
	.check = trunk_check,
};
static const struct json_type trunks_type = {
	.kind = JSON_LIST,
	.max = TRUNKS_MAX,
	.item = &trunk_type,
	.item_size = sizeof(struct vlan_trunk),
};
static const struct json_type ofport_type = {.kind = JSON_U32, .max = OFPORT_MAX};

static const struct json_field socket_fields[] = {
	FIELD(struct network, ovs.socket_file, "socket_file", &text_type),
};
static const struct json_type socket_root = OBJECT(socket_fields);

static const struct json_field args_cni_fields[] = {
	FIELD(struct network, ovs.ovn_port, "ovnPort", &text_type),
};
static const struct json_type args_cni_type = OBJECT(args_cni_fields);
static const struct json_field args_fields[] = {{.key = "cni", .type = &args_cni_type}};
static const struct json_type args_type = OBJECT(args_fields);

static const struct json_field ovs_fields[] = {
	FIELD(struct network, ovs.socket_file, "socket_file", &text_type),
	FIELD(struct network, ovs.trunk, "trunk", &trunks_type),
	FIELD(struct network, ovs.ofport_request, "ofport_request", &ofport_type),
	FIELD(struct network, ovs.interface_type, "interface_type", &text_type),
	FIELD(struct network, ovs.configuration_path, "configuration_path", &text_type),
	FIELD(struct network, ovs.device_id, "deviceID", &text_type),
	{.key = "args", .type = &args_type},
};
const struct json_type ovs_root = OBJECT(ovs_fields);

static int unsupported(struct cni_error *err, const char *key, const char *value,
		       const char *why)
{
	return error_set(err, CNI_ERR_UNSUPPORTED_FIELD, ENOTSUP,
			 "%s: \"%s\" is not supported: %s", key, value, why);
}

static int ovn_port_refuse(const char *what, struct cni_error *err)
{
	return error_set(err, CNI_ERR_UNSUPPORTED_FIELD, ENOTSUP,
			 "%s is not supported: the port would not be OVN's logical port; "
			 "attach such pods by OVN's own plugin",
			 what);
}

/* Finds the path behind "unix:", which may be left out. */
static int socket_settle(struct ovs_conf *ovs, struct cni_error *err)
{
	const char *file = ovs->socket_file;

	ovs->socket = DEFAULT_OVS_SOCKET;
	if (!file || !*file)
		return 0;
	if (strncmp(file, "unix:", strlen("unix:")) == 0)
		file += strlen("unix:");
	else if (strncmp(file, "tcp:", strlen("tcp:")) == 0 ||
		 strncmp(file, "ssl:", strlen("ssl:")) == 0)
		return unsupported(err, "socket_file", file,
				   "the database is that of this node, by its UNIX "
				   "socket");
	if (*file != '/')
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "socket_file: expected an absolute path, got \"%s\"",
				 file);
	ovs->socket = file;
	return 0;
}

static bool is_given(const char *text)
{
	return text && *text;
}

static int refuse_unserved(const struct network *network, struct cni_error *err)
{
	const struct ovs_conf *ovs = &network->ovs;

	/* A veth is a "system" interface, and so is one that names no type. */
	if (is_given(ovs->interface_type) && strcmp(ovs->interface_type, "system") != 0)
		return unsupported(err, "interface_type", ovs->interface_type,
				   "a pod's interface is a veth, of the type \"system\"");
	if (is_given(ovs->configuration_path))
		return unsupported(err, "configuration_path", ovs->configuration_path,
				   "give the keys of that file here");
	if (is_given(ovs->device_id))
		return unsupported(err, "deviceID", ovs->device_id,
				   "a pod's interface is a veth, not a function of a "
				   "network card");
	if (is_given(ovs->ovn_port))
		return ovn_port_refuse("args.cni.ovnPort", err);
	if (!network->bridge_set)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "bridge: missing, expected the name of a bridge of Open "
				 "vSwitch");
	if ((network->is_gateway || network->is_default_gateway) && network->vlan)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "isGateway: can't be set together with vlan on a bridge "
				 "of Open vSwitch, whose own interface is in no VLAN; "
				 "remove one of the two");
	return 0;
}

int ovs_socket_read(const struct json_doc *doc, struct network *network,
		    struct cni_error *err)
{
	int ret = json_read(doc, &socket_root, network, err);

	return ret < 0 ? ret : socket_settle(&network->ovs, err);
}

int ovs_conf_read(const struct json_doc *doc, struct network *network,
		  struct cni_error *err)
{
	int ret = json_read(doc, &ovs_root, network, err);

	if (ret == 0)
		ret = socket_settle(&network->ovs, err);
	if (ret == 0)
		ret = refuse_unserved(network, err);
	/* Without a VLAN a port has all of them. */
	network->all_vlans = !network->vlan_set && network->ovs.trunk.n == 0;
	return ret;
}

int ovs_args_check(const struct network *network, const struct cni_args *args,
		   struct cni_error *err)
{
	return network->switch_kind == SWITCH_OVS && args->has_ovn_port
		       ? ovn_port_refuse("CNI_ARGS: OvnPort", err)
		       : 0;
}
