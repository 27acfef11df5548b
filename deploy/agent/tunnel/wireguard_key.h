/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard's keys: their text, and the file that a device's private key is kept in. The
 * file is in the directory of locks (plugin/node/node.h), which is empty after each boot:
 * so every boot has a key of its own, and machines that were cloned share none.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_KEY_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "conf/base/error.h"

#define WIREGUARD_KEY_LEN      32 /* bytes: a point or a scalar of Curve25519 */
#define WIREGUARD_KEY_TEXT_LEN 44 /* characters of base64, with one '=' at the end */

struct wireguard_key {
	uint8_t bytes[WIREGUARD_KEY_LEN];
};

/* The key in base64 (RFC 4648, section 4), as `wg` prints it. Returns @buf. */
const char *wireguard_key_format(const struct wireguard_key *key,
				 char buf[WIREGUARD_KEY_TEXT_LEN + 1]);
#define WIREGUARD_KEY_TEXT(key) \
	wireguard_key_format((key), (char[WIREGUARD_KEY_TEXT_LEN + 1]){})

/* Reads the first WIREGUARD_KEY_TEXT_LEN characters at @text, of which there are @len.
 * -EINVAL: they aren't the base64 of a key, in its one spelling, or all bytes of the key
 * are zero, which the kernel takes for no key. */
int wireguard_key_parse(const char *text, size_t len, struct wireguard_key *ret_key);

/* Overwrites a private key that goes out of scope. */
void wireguard_key_wipe(struct wireguard_key *key);

/* An outcome of wireguard_key_load(). */
#define WIREGUARD_KEY_MADE 1

/*
 * Gives the private key of the device @ifname, out of its file. WIREGUARD_KEY_MADE: there
 * was none, and one was made, out of random bytes. A file that nobody but this process'
 * user may have written or read is a key's alone: another one is replaced by a new key.
 * The key is clamped as the kernel does it, also one that somebody else has put there, so
 * that it can be compared with the device's. Code 5, also where others may write to the directory.
 */
int wireguard_key_load(const char *ifname, struct wireguard_key *ret_key,
		       struct cni_error *err);

/*
 * Gives how many seconds ago the file was made; 0: there is none. Its time of modification
 * is counted from the boot (CLOCK_BOOTTIME), as the clock may be set, and no such file
 * outlives a boot. Where somebody else has written it, and its time is in the future, it is
 * given the present time, so that it can become old. Code 5.
 */
int wireguard_key_age(const char *ifname, int64_t *ret_age, struct cni_error *err);

/* Removes that file, and what is left of one that wasn't finished; that there is none is
 * success. Code 5. */
int wireguard_key_remove(const char *ifname, struct cni_error *err);

#endif
