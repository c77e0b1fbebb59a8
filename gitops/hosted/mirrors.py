"""Where mirrors stand on this machine's disk, and which repository a project's code is in."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from gitops.hosted.models import HostConnection, HostedRepository
from gitops.hosts.base import Host, Place
from gitops.hosts.mirror import Mirror
from rbac.models import Project


def host_class(kind: str) -> type[Host]:
    """The class that settings name for a kind of host."""
    found: type[Host] = import_string(settings.GIT_HOST_KINDS[kind])
    return found


def host_of(repository: HostedRepository) -> Host:
    """The host, for this repository; raises `Invalid` for one that Slipway does not go to."""
    connection = repository.connection
    place = Place(connection.base_url, repository.path, connection.token)
    return host_class(connection.kind)(place)


def folder_name(repository: HostedRepository, connection: HostConnection) -> str:
    """Of the mirror: another address or name is another repository, and never told before."""
    text = f"{connection.kind} {connection.base_url} {repository.path}"
    return f"{repository.public_id.hex}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.git"


def mirror_of(repository: HostedRepository) -> Mirror:
    return Mirror(Path(settings.MIRRORS_DIR) / repository.folder)


def of_project(project: Project) -> HostedRepository | None:
    """The repository that a project is connected to, if it is."""
    return HostedRepository.objects.filter(project=project).first()


def remove_others(repository: HostedRepository) -> None:
    """Remove mirrors of what the project was connected to before."""
    for path in Path(settings.MIRRORS_DIR).glob(f"{repository.public_id.hex}-*.git"):
        if path.name != repository.folder:
            shutil.rmtree(path, ignore_errors=True)


def remove(folder: str) -> None:
    shutil.rmtree(Path(settings.MIRRORS_DIR) / folder, ignore_errors=True)
