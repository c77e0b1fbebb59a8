"""The small company that the browser tests look at: the demo data, and objects on every page."""

from __future__ import annotations

from idp import demo
from portal.models import Component
from portal.services import create_component
from rbac.actors import Actor
from rbac.models import Project, User

AUTHOR = "dana.dev"
LEAD = "liam.lead"
ADMINISTRATOR = "pia.platform"
VIEWER = "vic.viewer"


def build() -> None:
    demo.make("http://127.0.0.1:9")  # an account that nobody reaches: no page waits for it
    orders = Project.objects.get(name="orders")
    create_component(
        Actor(user=User.objects.get(username=AUTHOR)),
        project=orders,
        name="orders-web",
        title="Shop window",
        description="What customers see.",
        type="website",
        owner=orders.team,
        tags=["typescript", "public"],
        links=[{"url": "https://runbooks.example.org/orders-web", "title": "Runbook"}],
        provides_apis=["orders-events"],
        consumes_apis=["orders", "payments"],
    )
    Component.objects.filter(name="orders-api").update(
        description="Takes orders and keeps them.",
        links=[{"url": "https://runbooks.example.org/orders", "title": "Runbook"}],
    )
