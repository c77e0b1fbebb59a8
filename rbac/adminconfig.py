"""Makes our site the admin site: named in INSTALLED_APPS in place of `django.contrib.admin`."""

from django.contrib.admin.apps import AdminConfig


class SlipwayAdminConfig(AdminConfig):
    default_site = "rbac.adminsite.SlipwayAdminSite"
