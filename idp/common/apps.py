from django.apps import AppConfig

from idp.common import checks


class CommonConfig(AppConfig):
    """Importing `checks` registers them."""

    name = "idp.common"
    label = "common"
    checks = checks
