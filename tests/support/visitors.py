"""People at browsers of their own, signed in by the form; what their consoles say is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

SOON = 60_000  # milliseconds that work in the background may take on a busy machine


@dataclass
class Visitors:
    """The people of one Slipway; `streams` is where its event streams are, if not at `address`."""

    browser: Browser
    address: str
    password: str
    streams: str = ""
    said: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def enter(self, who: str, path: str = "/") -> Page:
        """The page that somebody who was not signed in came to by opening `path`."""
        page = self._page()
        page.goto(path)
        page.get_by_label("Name", exact=True).fill(who)
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_label(f"Account of {who}")).to_be_visible()
        return page

    def _page(self) -> Page:
        context = self.browser.new_context(
            base_url=self.address, viewport={"width": 1440, "height": 1000}
        )
        context.set_default_timeout(SOON)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: self.said.append(f"{page.url}: {m.type}: {m.text}"))
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: error: {error}"))
        if self.streams:
            page.route("**/events/**", self._to_streams)
        return page

    def _to_streams(self, route: Route) -> None:
        """As a proxy in front of the processes does."""
        route.continue_(url=route.request.url.replace(self.address, self.streams, 1))

    def leave(self) -> None:
        for context in self.contexts:
            context.close()


def keep(page: Page) -> None:
    """Mark the page, to tell later that it was never loaded again."""
    page.wait_for_load_state("domcontentloaded")
    page.evaluate("document.body.dataset.kept = 'yes'")


def kept(page: Page) -> bool:
    return bool(page.evaluate("document.body.dataset.kept === 'yes'"))
