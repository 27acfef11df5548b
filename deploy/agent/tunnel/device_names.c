/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first device of each mode has no number. */
#include "device_names.h"

const char *const vxlan_device_names[] = {VXLAN_DEVICES, VXLAN_DEVICES "6"};

const char *const wireguard_device_names[] = {WIREGUARD_DEVICES, WIREGUARD_DEVICES "2"};
