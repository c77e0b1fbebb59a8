"""What the composition root hands to the portal: the word that everything here is simulated."""

from collections.abc import Sequence

from django.conf import settings

from idp.common.host import Banner, BannerSource, banners
from rbac.actors import Actor


def simulated(_: Actor) -> Sequence[Banner]:
    """The banner of `make run`: nothing leaves this machine."""
    if not settings.EMBEDDED:
        return ()
    return (
        Banner(
            title="Simulated",
            text="Cluster and AWS account “local” live in this process; nothing leaves it.",
            tone="idle",
            icon="flask",
        ),
    )


banners.register(BannerSource(simulated, order=900))
