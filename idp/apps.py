from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class IdpConfig(AppConfig):
    """The composition root: settings, addresses, processes and commands; no models."""

    name = "idp"
    verbose_name = "Slipway"

    def ready(self) -> None:
        autodiscover_modules("registrations")
