"""What a subject's state of life means to who wants to begin using it somewhere.

Who uses it already goes on: an end is for new uses, and for its users to plan by. Read by
`schemas.dependants.worlds`.
"""

from __future__ import annotations

from datetime import date

from django.utils import timezone

from schemas.dependants.parties import SHARED_TIERS, Party
from schemas.models import Subject

State = Subject.State


def today() -> date:
    """The day of sunsets, by UTC."""
    return timezone.now().date()


def forbidden(party: Party) -> str:
    """Why nobody may begin this use, with the way out; empty where anybody may."""
    subject = party.subject
    team = f"team {subject.owner.name}{f' ({subject.contact})' if subject.contact else ''}"
    if subject.state == State.RETIRED:
        return f"{_use(party)}, which is retired: use what took its place, or ask {team}."
    if subject.state == State.SUNSET and subject.sunset_on and subject.sunset_on < today():
        return (
            f"{_use(party)}, which ended on {subject.sunset_on}: use what took its place, or ask"
            f" {team} for a later end."
        )
    if subject.state == State.DRAFT and party.tier in SHARED_TIERS:
        return (
            f"{_use(party)}, which is a draft and stays out of {party.tier}: make it active first;"
            f" {team} can."
        )
    return ""


def note(party: Party) -> str:
    """What a user of it should know; empty where there is nothing."""
    subject = party.subject
    if subject.state == State.SUNSET and subject.sunset_on:
        return f"{subject} ends on {subject.sunset_on}."
    if subject.state in {State.SUNSET, State.DEPRECATED, State.RETIRED}:
        return f"{subject} is {subject.state}."
    return ""


def _use(party: Party) -> str:
    verb = "writes" if party.role == "producer" else "reads"
    return f"{party.holder} {verb} {party.subject}"
