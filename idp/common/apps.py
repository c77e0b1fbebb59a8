from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "idp.common"
    label = "common"
