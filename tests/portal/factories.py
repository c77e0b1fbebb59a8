from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from portal.models import Component


class ComponentFactory(DjangoModelFactory[Component]):
    class Meta:
        model = Component

    name = factory.Sequence(lambda n: f"component-{n:03}")
    owner = factory.SelfAttribute("project.team")
