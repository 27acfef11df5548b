/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains and their hooks. */
#include "chains.h"

const struct rules_chain chain_raw = {
	.name = "raw",
	.hook = "type filter hook prerouting priority raw",
};

const struct rules_chain chain_forward = {
	.name = "forward",
	.hook = "type filter hook forward priority filter",
};

const struct rules_chain chain_postrouting = {
	.name = "postrouting",
	.hook = "type nat hook postrouting priority srcnat",
};
