"""What this app hands to others when Django starts."""

from __future__ import annotations

from django.urls import reverse

from gitops import (
    permissions,  # noqa: F401  # registers this app's table
    pushes,
    selectors,
    watching,
)
from gitops.hosted import looking, notices
from gitops.review import following
from gitops.sync.abandoning import AbandonKind
from gitops.sync.kind import SyncKind
from idp.changes import controller, kinds
from idp.common import host
from rbac.actors import Actor

kinds.register(SyncKind())
kinds.register(AbandonKind())
controller.register_periodic("git", 5, pushes.sweep)
controller.register_periodic("health", 30, watching.relist)
controller.register_periodic("git hosts to look at", 5, looking.sweep, vital=True)
controller.register_periodic("git hosts to tell", 5, notices.sweep, vital=True)
controller.register_periodic("git hosts without webhooks", 15, looking.poll)
controller.register_periodic("merge requests", 30, following.sweep)
controller.register_watcher("health", watching.run_forever)


def find(actor: Actor, text: str, limit: int) -> list[host.Hit]:
    """Clusters and accounts whose name has `text`."""
    found = [
        host.Hit(row.name, reverse("gitops:cluster", args=[row.name]), "Cluster", icon="server")
        for row in selectors.clusters(actor).filter(name__icontains=text)[:limit]
    ]
    found += [
        host.Hit(row.name, reverse("gitops:account", args=[row.name]), "Account", icon="cloud")
        for row in selectors.accounts(actor).filter(name__icontains=text)[:limit]
    ]
    return found[:limit]


host.navigation.register(
    host.NavEntry(
        "Deliver", "Repositories", "gitops:repositories", "git-branch", "repository.read", order=60
    ),
    host.NavEntry("Operate", "Clusters", "gitops:clusters", "server", "cluster.view", order=70),
    host.NavEntry("Operate", "Accounts", "gitops:accounts", "cloud", "account.view", order=80),
)
host.search.register(host.SearchProvider("Clusters and accounts", find, order=80))
host.commands.register(
    host.Command(
        "repositories",
        "Repositories",
        "gitops:repositories",
        "",
        "",
        "repository.read",
        "git-branch",
        words="git github gitlab gitea webhook",
    ),
    host.Command("clusters", "Clusters", "gitops:clusters", "", "", "cluster.view", "server"),
    host.Command("accounts", "Accounts", "gitops:accounts", "", "", "account.view", "cloud"),
)
