"""Every permission of the registry, on one screen.

Reading is asked for at the subject's project. Whoever develops in the project's development tier
publishes its schemas, so registering, describing and deleting are asked for there (`keeper` of a
subject); settings and permanent deletion are asked for at the project itself. A database's schema
is declared where subjects are registered; live ones are registered at the project, and looked at
where they live. Policies are seen and made where they stand: at a project, or at everything.
"""

from rbac.models import Scope
from rbac.permissions import Permission, register_permissions

VIEW = "subject.view"
REGISTER = "subject.register"
MANAGE = "subject.manage"
DELETE = "subject.delete"
PURGE = "subject.purge"
CONFIGURE = "subject.configure"
CHECK_IN = "subject.check-in"
CONFIGURE_REGISTRY = "registry.configure"
POLICY_VIEW = "schema-policy.view"
POLICY_MANAGE = "schema-policy.manage"
DATABASE_VIEW = "database.view"
DATABASE_DECLARE = "database.declare"
DATABASE_SNAPSHOT = "database.snapshot"
DATABASE_MANAGE = "database.manage"

PERMISSIONS = (
    Permission(VIEW, "See subjects and read their schemas", ("viewer",)),
    Permission(REGISTER, "Register schemas", ("developer", "deployer")),
    Permission(MANAGE, "Describe a subject and move it through its life", ("developer",)),
    Permission(DELETE, "Delete subjects and versions, so that they can come back", ("developer",)),
    Permission(PURGE, "Delete subjects and versions for good", ("maintainer",)),
    Permission(CONFIGURE, "Set a subject's compatibility and mode", ("maintainer",)),
    Permission(CHECK_IN, "Say which versions a program holds", ("developer", "deployer")),
    Permission(
        CONFIGURE_REGISTRY,
        "Set compatibility and mode of the registry and of its contexts",
        scope_kinds=(Scope.Kind.EVERYTHING.value,),
    ),
    Permission(POLICY_VIEW, "See the policies that schemas obey", ("viewer",)),
    Permission(POLICY_MANAGE, "Make policies that schemas obey", ("maintainer",)),
    Permission(DATABASE_VIEW, "See databases, their declared schemas and drift", ("viewer",)),
    Permission(DATABASE_DECLARE, "Declare a database's schema", ("developer", "deployer")),
    Permission(DATABASE_SNAPSHOT, "Read a live database's schema now", ("developer", "deployer")),
    Permission(DATABASE_MANAGE, "Register databases and where they live", ("maintainer",)),
)
register_permissions("schemas", PERMISSIONS)
