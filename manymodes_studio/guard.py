"""Refuse requests that come from other pages, or under names that are not this computer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, MutableMapping

    Scope = MutableMapping[str, Any]
    Channel = Callable[..., Awaitable[Any]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_REFUSAL = b"This studio answers only its own page."


class Guard:
    """ASGI middleware that answers 403 to strangers.

    A page elsewhere can make a visitor's browser send requests to this computer, in its own name (Origin) or, by
    DNS rebinding, under a name that it owns (Host).
    """

    def __init__(self, app: Callable[[Scope, Channel, Channel], Awaitable[None]], hosts: Collection[str]) -> None:
        """Let requests pass to an app.

        Args:
            app: the app.
            hosts: names under which it is known; none means any, for a studio that is open to a network.
        """
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        """Answer or refuse a request."""
        if scope["type"] not in {"http", "websocket"} or self._is_known(dict(scope["headers"])):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": _REFUSAL})

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        host, origin = (headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"origin"))
        try:
            named = not self.hosts or urlsplit(f"//{host}").hostname in self.hosts
            return named and (not origin or urlsplit(origin).netloc == host)
        except ValueError:
            return False
