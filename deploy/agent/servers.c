/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two http_servers; pages.h has what they answer. */
#include "servers.h"

#include <stdlib.h>

#include "pages.h"
#include "state.h"

int servers_open(struct agent *agent, struct cni_error *err)
{
	struct http_spec spec = {
		.at = {.port = agent->options->port},
		.page = agent_page,
		.data = agent,
		.pages = "/healthz, /readyz or /metrics",
		.option = "--port",
		.shared = true,
	};

	if (!spec.at.port)
		return 0;
	(void)ip_parse("127.0.0.1", &spec.at.addr);
	return http_server_open(&spec, &agent->http, err);
}

/* Pods need the agent more than anybody needs its metrics: it works on without them. */
void servers_open_metrics(struct agent *agent)
{
	const struct http_spec spec = {
		.at = agent->options->metrics,
		.page = agent_metrics_page,
		.data = agent,
		.pages = "/metrics",
		.option = "--metrics-address",
	};
	struct cni_error err = {};

	if (!spec.at.port || agent->metrics)
		return;
	if (http_server_open(&spec, &agent->metrics, &err) < 0) {
		log_error_once(agent->log, &agent->metrics_failure,
			       "metrics can't be had from other machines", &err);
		return;
	}
	if (agent->metrics_failure)
		log_write(agent->log, LOG_LEVEL_INFO,
			  "metrics can be had from other machines now", NULL);
	agent->metrics_failure = 0;
}

int servers_timeout_ms(const struct agent *agent)
{
	int here = http_server_timeout_ms(agent->http);
	int there = http_server_timeout_ms(agent->metrics);

	return here < 0 || (there >= 0 && there < here) ? there : here;
}

void servers_run(struct agent *agent)
{
	http_server_run(agent->http);
	http_server_run(agent->metrics);
}

void servers_close(struct agent *agent)
{
	http_server_close(agent->http);
	http_server_close(agent->metrics);
	free(agent->metrics_text);
}
