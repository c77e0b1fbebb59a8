"""What rbac hands to others when Django starts."""

from django.apps import apps
from django.db.models.signals import post_migrate

from rbac import (
    invalidation,
    permissions,  # noqa: F401  # registers this app's table
    sync,
)

invalidation.connect()
post_migrate.connect(sync.sync, sender=apps.get_app_config("rbac"), dispatch_uid="rbac.sync")
