"""Calls a job with two public clients of Healthchecks: one with a ping key and a slug, one with the job's own address."""

import sys

from healthchecks_decorator import healthcheck
from healthchecks_io import Client

server, key, uuid = sys.argv[1:]
with Client(ping_key=key, ping_url=f"{server}/ping/") as client:
    print(client.start_ping(slug="export"))
    print(client.success_ping(slug="export", data="18 204 rows"))
    print(client.exit_code_ping(3, slug="export", data="disk full"))
    print(client.fail_ping(slug="export"))
    print(client.success_ping(uuid=uuid))


@healthcheck(url=f"{server}/ping/{uuid}", send_start=True)
def work():
    return {"rows": 7}


print(work())
