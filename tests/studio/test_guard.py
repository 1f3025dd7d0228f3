"""Who may talk to the studio."""

import asyncio

import pytest

from manymodes_studio.guard import LOOPBACK, Guard


def answered(headers, hosts=LOOPBACK, kind="http", path="/", has_room=True):
    """Send a request; return what came back."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "passed"})

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Guard(app, hosts, lambda: has_room)(scope, None, send))
    return sent[0].get("status", sent[0]["type"])


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"host": "127.0.0.1:7860"}, True),
        ({"host": "localhost:7860", "origin": "http://localhost:7860"}, True),
        ({"host": "[::1]:7860"}, True),
        ({"host": "evil.example:7860"}, False),
        ({"host": "127.0.0.1:7860", "origin": "https://evil.example"}, False),
        ({"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:8000"}, False),
        ({"host": "127.0.0.1:7860", "origin": "null"}, False),
        ({"host": "[", "origin": "http://["}, False),
        ({}, False),
    ],
)
def test_only_the_own_page_is_answered(headers, passes):
    assert answered(headers) == ("passed" if passes else 403)
    assert answered(headers, kind="websocket") == ("passed" if passes else "websocket.close")


def test_uploads_are_refused_while_there_is_no_room():
    own = {"host": "127.0.0.1:7860"}
    assert answered(own, path="/gradio_api/upload") == "passed"
    assert answered(own, path="/gradio_api/upload", has_room=False) == 413
    assert answered(own, path="/", has_room=False) == "passed"
    assert answered({"host": "evil.example"}, path="/gradio_api/upload", has_room=False) == 403


def test_a_studio_for_a_network_answers_under_any_name_but_to_no_other_page():
    assert answered({"host": "studio.example:7860", "origin": "http://studio.example:7860"}, ()) == "passed"
    assert answered({"host": "studio.example:7860", "origin": "http://evil.example"}, ()) == 403
    assert answered({}, (), kind="lifespan") == "passed"
