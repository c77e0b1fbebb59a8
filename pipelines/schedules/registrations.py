"""What schedules hand to others: their page, and the look at what is due."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from pipelines.permissions import RUN, VIEW
from pipelines.schedules import due

host.navigation.register(
    host.NavEntry("Deliver", "Schedules", "pipelines:schedules", "calendar-time", VIEW, order=31)
)
host.commands.register(
    host.Command(
        "schedules",
        "Schedules",
        url_name="pipelines:schedules",
        permission=VIEW,
        icon="calendar-time",
        words="cron nightly pipelines timer",
    ),
    host.Command(
        "new-schedule",
        "New schedule of pipelines…",
        url_name="pipelines:schedule-new",
        permission=RUN,
        icon="plus",
        group="Do",
        order=31,
        words="cron nightly ci",
    ),
)
controller.register_periodic("schedules that are due", due.EVERY_SECONDS, due.begin, vital=True)
