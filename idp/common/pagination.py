"""Keyset paging for REST: stable under inserts, no counting."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "-id"

    def decode_cursor(self, request: Any) -> Any:
        """The cursor; 404 as for any other that cannot be read where it holds a NUL."""
        found = super().decode_cursor(request)
        if found and "\0" in str(found.position or ""):
            raise NotFound(self.invalid_cursor_message)
        return found
