/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chain is verified once more, now with a purpose. */
#include "tls_peer.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

bool tls_peer_is_server(void *session)
{
	static char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st wanted[] = {
		{.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose},
	};
	unsigned int status = 0;

	return gnutls_certificate_verify_peers(session, wanted, 1, &status) >= 0 &&
	       status == 0;
}
