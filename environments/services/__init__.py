"""Writes: each decides, validates and proposes a directory; pages and REST call the same."""

from environments.services.blueprints import create_version, publish_version
from environments.services.components import set_component
from environments.services.contracts import set_config_schema, set_schemas
from environments.services.creation import adopt_directory, create_environment
from environments.services.day2 import (
    delete_environment,
    extend,
    remove_secret,
    restart,
    scale,
    set_image,
    set_secret,
    set_variables,
    start,
    stop,
    sync,
)
from environments.services.deploys import deploy
from environments.services.limits import remove_limit, save_limit

__all__ = [
    "adopt_directory",
    "create_environment",
    "create_version",
    "delete_environment",
    "deploy",
    "extend",
    "publish_version",
    "remove_limit",
    "remove_secret",
    "restart",
    "save_limit",
    "scale",
    "set_component",
    "set_config_schema",
    "set_image",
    "set_schemas",
    "set_secret",
    "set_variables",
    "start",
    "stop",
    "sync",
]
