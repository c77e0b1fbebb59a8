"""The client that is made when a command first asks the server: most of a start is its library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from idp.cli.config import Config

if TYPE_CHECKING:
    from idp.cli.client import RestClient


class LazyClient:
    """Implements `idp.common.console.Client`; the options are kept until it is made."""

    def __init__(self, config: Config, **options: Any) -> None:
        self.as_json = False
        self._first = config
        self._options = options
        self._configured: dict[str, Any] = {}
        self._made: RestClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._made is not None:
            self._made.__exit__(kind, error, trace)

    def configure(self, *, as_json: bool, url: str, timeout: float) -> None:
        self.as_json = as_json
        self._configured = {"as_json": as_json, "url": url, "timeout": timeout}
        if self._made is not None:
            self._made.configure(**self._configured)

    @property
    def _rest(self) -> RestClient:
        if self._made is None:
            self._made = import_module("idp.cli.client").RestClient(self._first, **self._options)
            if self._configured:
                self._made.configure(**self._configured)
        return self._made

    @property
    def config(self) -> Config:
        return self._rest.config

    def use(self, config: Config) -> None:
        self._rest.use(config)

    def get(self, path: str, **params: Any) -> Any:
        return self._rest.get(path, **params)

    def send(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Any:
        return self._rest.send(method, path, body, headers=headers)

    def upload(self, path: str, data: bytes, kind: str, **params: Any) -> Any:
        return self._rest.upload(path, data, kind, **params)

    def download(self, path: str, **params: Any) -> Iterator[bytes]:
        return self._rest.download(path, **params)

    def raw(self, path: str, **params: Any) -> tuple[bytes, Mapping[str, str]]:
        return self._rest.raw(path, **params)

    def rows(self, path: str, limit: int, **params: Any) -> Iterator[dict[str, Any]]:
        return self._rest.rows(path, limit, **params)

    def lines(self, path: str, **params: Any) -> Iterator[str]:
        return self._rest.lines(path, **params)
