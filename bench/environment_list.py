"""The environment list of 1,000 environments against a bare DRF list of the same rows."""

import logging
import sys

import django  # after `world`, which names the settings

from bench import world

django.setup()

from django.conf import settings  # after setup, as every import of models
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import company

LISTS = (("REST", "/api/v1/environments/"), ("page", "/environments/"))
QUERIES = 8


def main() -> int:
    logging.disable(logging.CRITICAL)
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    person = company.make()
    settings.ROOT_URLCONF = "bench.urls"
    client = Client()
    client.force_login(person)
    well = True
    for name, address in LISTS:
        for path in (address, "/bench/bare/"):
            answer = client.get(path)
            if answer.status_code != 200:
                print(f"{path} answered {answer.status_code}")
                return 1
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(address)
        asked = len(queries)  # now: the next request empties the log
        ours, bare = world.alternating(
            lambda address=address: client.get(address), lambda: client.get("/bench/bare/")
        )
        well = well and asked <= QUERIES
        print(
            f"environment list by {name}, 50 of {world.ENVIRONMENTS}: {ours:.0f}/s; bare DRF list "
            f"{bare:.0f}/s in the same run; ratio {ours / bare:.2f}; {asked} queries "
            f"(at most {QUERIES})"
        )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
