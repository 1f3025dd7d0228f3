"""The languages of the page: a file of strings for each, and the choice of a visitor."""

from __future__ import annotations

import contextvars
import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Channel = Callable[..., Awaitable[Any]]

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""The languages by their codes; the first one is at the root of the site, the others at their codes."""

COOKIE = "studio-language"
"""The cookie in which the page keeps the choice of a visitor."""

_DEFAULT = next(iter(LANGUAGES))
_FOLDER = Path(__file__).parent / "strings"
_chosen: contextvars.ContextVar[str] = contextvars.ContextVar("language", default=_DEFAULT)


@functools.cache
def texts(language: str) -> dict[str, str]:
    """Return the strings of a language by their keys."""
    return dict(json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8")))


def current() -> str:
    """Return the language in which this part of the program speaks."""
    return _chosen.get()


def speak(language: str) -> None:
    """Choose a language for what follows in this context."""
    _chosen.set(language)


def say(key: str, **values: Any) -> str:
    """Return a string, with values for the names in it; without values, the page's script fills them in."""
    text = texts(current())[key]
    return text.format(**values) if values else text


def named(kind: str, name: str) -> str:
    """Return the name of a thing of a kind, such as a key or a style; one that is not in the file keeps its own."""
    return texts(current()).get(f"{kind}.{name}", name)


def choices(kind: str, names: Any) -> list[tuple[str, str]]:
    """Return things of a kind with their names, as Gradio takes choices."""
    return [(named(kind, name), name) for name in names]


def counted(key: str, number: int) -> str:
    """Return a number of things, of which ``key.one`` and ``key.many`` are the strings."""
    return say(f"{key}.{'one' if number == 1 else 'many'}", number=f"{number:,}")


def preferred(cookie: str, accepted: str) -> str:
    """Return the language of a visitor by the headers Cookie and Accept-Language."""
    if (kept := re.search(rf"{COOKIE}=([a-z]+)", cookie)) and kept[1] in LANGUAGES:
        return kept[1]
    weighted = []
    for part in accepted.lower().split(","):
        code, _, weight = part.strip().partition(";q=")
        quality = float(weight or 1) if re.fullmatch(r"(\d\.?\d{0,3})?", weight) else 0
        weighted.append((-quality, code.partition("-")[0]))
    # the sort keeps the order of equals
    return next((code for _, code in sorted(weighted, key=lambda one: one[0]) if code in LANGUAGES), _DEFAULT)


class Languages:
    """ASGI middleware that leads a visitor to the page in their language, and tells that language to Gradio.

    Gradio has strings of its own, in the language of the browser.
    """

    def __init__(self, app: Callable[[Scope, Channel, Channel], Awaitable[None]]) -> None:
        """Let requests pass to an app."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        """Answer a request, or lead to another page."""
        name = scope.get("path", "").strip("/") or _DEFAULT
        if scope["type"] != "http" or scope["method"] != "GET" or name not in LANGUAGES:
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        wanted = preferred(headers.get("cookie", ""), headers.get("accept-language", ""))
        if name == _DEFAULT != wanted:
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            kept = [(b"location", f"{wanted}{query}".encode("latin-1")), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 307, "headers": kept})
            await send({"type": "http.response.body", "body": b""})
            return
        plain = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        await self.app({**scope, "headers": plain}, receive, _telling(name, send))


def _telling(language: str, send: Channel) -> Channel:
    """Return a channel that adds the language to a page."""
    told = f'<head><script>Object.defineProperty(navigator, "language", {{ value: "{language}" }})</script>'.encode()

    async def pass_on(message: Any) -> None:
        if message["type"] == "http.response.start":
            # the server sends a page without its length in chunks
            message["headers"] = [header for header in message["headers"] if header[0] != b"content-length"]
        else:
            message["body"] = message.get("body", b"").replace(b"<head>", told, 1)
        await send(message)

    return pass_on
