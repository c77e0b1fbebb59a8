"""Every permission of the registry, on one screen.

Reading is asked for at the subject's project. Whoever develops in the project's development tier
publishes its schemas, so registering, describing and deleting are asked for there (`keeper` of a
subject); settings and permanent deletion are asked for at the project itself.
"""

from rbac.models import Scope
from rbac.permissions import Permission, register_permissions

VIEW = "subject.view"
REGISTER = "subject.register"
MANAGE = "subject.manage"
DELETE = "subject.delete"
PURGE = "subject.purge"
CONFIGURE = "subject.configure"
CONFIGURE_REGISTRY = "registry.configure"

PERMISSIONS = (
    Permission(VIEW, "See subjects and read their schemas", ("viewer",)),
    Permission(REGISTER, "Register schemas", ("developer", "deployer")),
    Permission(MANAGE, "Describe a subject and move it through its life", ("developer",)),
    Permission(DELETE, "Delete subjects and versions, so that they can come back", ("developer",)),
    Permission(PURGE, "Delete subjects and versions for good", ("maintainer",)),
    Permission(CONFIGURE, "Set a subject's compatibility and mode", ("maintainer",)),
    Permission(
        CONFIGURE_REGISTRY,
        "Set compatibility and mode of the registry and of its contexts",
        scope_kinds=(Scope.Kind.EVERYTHING.value,),
    ),
)
register_permissions("schemas", PERMISSIONS)
