"""What the admin site shows of pipelines; Django finds it here."""

from __future__ import annotations
