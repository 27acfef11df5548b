/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-512 (FIPS 180-4). The reference plugins make names of it, and it tells the owners
 * of rules apart (conf/identity.h). */
#ifndef BRIDGE_CNI_CONF_BASE_SHA512_H
#define BRIDGE_CNI_CONF_BASE_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define SHA512_LEN 64 /* bytes */

void sha512(const void *data, size_t len, uint8_t ret_digest[SHA512_LEN]);

#endif
