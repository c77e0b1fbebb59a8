"""`decide` with loaded grants against a check of django-guardian, over 1,000 environments."""

import logging
import sys

import django  # after `world`, which names the settings

from bench import world

django.setup()

from django.contrib.auth.models import Permission as DjangoPermission
from django.core.management import call_command
from guardian.core import ObjectPermissionChecker
from guardian.models import UserObjectPermission

from bench import company
from environments.models import Environment
from rbac.access import can
from rbac.actors import Actor


def main() -> int:
    logging.disable(logging.CRITICAL)
    call_command("migrate", verbosity=0)
    person = company.make()
    actor = Actor(user=person)
    places = list(Environment.objects.select_related("scope").order_by("pk"))
    permission = DjangoPermission.objects.get(
        content_type__app_label="environments", codename="change_environment"
    )
    UserObjectPermission.objects.bulk_create(
        UserObjectPermission(
            user=person,
            permission=permission,
            content_type=permission.content_type,
            object_pk=str(place.pk),
        )
        for place in places[::2]
    )
    turn = {"ours": 0, "guardian": 0}

    def ours() -> bool:
        turn["ours"] += 1
        return can(actor, "environment.scale", places[turn["ours"] % len(places)])

    def guardian() -> bool:
        turn["guardian"] += 1
        place = places[turn["guardian"] % len(places)]
        return bool(ObjectPermissionChecker(person).has_perm("change_environment", place))

    mine, theirs = world.alternating(ours, guardian)
    print(
        f"decide: {mine:.0f}/s; guardian's check: {theirs:.0f}/s in the same run; "
        f"ratio {mine / theirs:.1f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
