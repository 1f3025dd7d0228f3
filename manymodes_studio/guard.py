"""Refuse requests that come from other pages, or under names that are not this computer's, and uploads without room."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from manymodes_studio.language import Channel, Scope

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FORBIDDEN, _TOO_LARGE = 403, 413
_REFUSALS = {
    _FORBIDDEN: b"This studio answers only its own page.",
    _TOO_LARGE: b"This studio has no room for more files: wait ten minutes.",
}


class Guard:
    """ASGI middleware that answers 403 to strangers, and 413 to uploads that find no room.

    A page elsewhere can make a visitor's browser send requests to this computer, in its own name (Origin) or, by
    DNS rebinding, under a name that it owns (Host).
    """

    def __init__(
        self,
        app: Callable[[Scope, Channel, Channel], Awaitable[None]],
        hosts: Collection[str],
        has_room: Callable[[], bool],
    ) -> None:
        """Let requests pass to an app.

        Args:
            app: the app.
            hosts: names under which it is known; none means any, for a studio that is open to a network.
            has_room: whether another file may be uploaded.
        """
        self.app = app
        self.hosts = hosts
        self.has_room = has_room

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        """Answer or refuse a request."""
        is_known = scope["type"] not in {"http", "websocket"} or self._is_known(dict(scope["headers"]))
        if is_known and (not scope.get("path", "").endswith("/upload") or self.has_room()):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            status = _TOO_LARGE if is_known else _FORBIDDEN
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": _REFUSALS[status]})

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        host, origin = (headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"origin"))
        try:
            named = not self.hosts or urlsplit(f"//{host}").hostname in self.hosts
            return named and (not origin or urlsplit(origin).netloc == host)
        except ValueError:
            return False
