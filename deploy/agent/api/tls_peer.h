/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks for what a TLS connection's certificate may be used. libcurl checks, by GnuTLS,
 * who has signed it, for which name and until when; with GnuTLS it doesn't check what
 * for. Every kubelet has a certificate of the cluster's CA for being a client: it must
 * not serve to stand in for the API server.
 */
#ifndef BRIDGE_CNI_AGENT_API_TLS_PEER_H
#define BRIDGE_CNI_AGENT_API_TLS_PEER_H

#include <stdbool.h>

/* @session: a gnutls_session_t whose handshake is over. True: the peer's certificate, and
 * those that vouch for it, are for servers or for any purpose (RFC 5280, 4.2.1.12). */
bool tls_peer_is_server(void *session);

#endif
