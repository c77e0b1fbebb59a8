"""The durable runner: takes a change by lease and carries it as far as it can go now.

Called by the Celery task `changes.work`, and by tests directly. Everything it knows is in rows:
whoever takes the change next goes on where this one stopped.
"""

from idp.changes.runner.work import WORKED, work

__all__ = ["WORKED", "work"]
