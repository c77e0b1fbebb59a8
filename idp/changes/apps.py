from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "idp.changes"
    label = "changes"
    verbose_name = "Changes"
