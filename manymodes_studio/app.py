"""The page: its tabs in every language, and a theme. It uses system fonts and sends nothing to other computers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes_studio.language import COOKIE, LANGUAGES, Languages, say, speak, texts

if TYPE_CHECKING:
    import gradio as gr

    from manymodes_studio.models import Models
    from manymodes_studio.workspace import Workspace

TITLE = "manymodes studio"

_STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("studio.js", "piano.js", "folders.js", "lessons.js")
_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Helvetica Neue", "sans-serif")
_FONTS_OF_CODE = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
_SWEPT_SECONDS, _KEPT_SECONDS = 600, 3600
# Turn off the telemetry and the version checks of Gradio and Hugging Face.
_SILENCE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}


def build(models: Models, workspace: Workspace) -> gr.Blocks:
    """Build the page."""
    os.environ.update(_SILENCE, GRADIO_TEMP_DIR=str(workspace.root))

    import gradio as gr

    from manymodes_studio.tabs import common, drums, judge, learn, letters, melody, song, sound

    page = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(_SWEPT_SECONDS, _KEPT_SECONDS))
    made: tuple[Any, ...] = (models, workspace)
    tabs = {song: made, melody: made, drums: made, letters: made, sound: made, judge: (workspace,), learn: ()}
    for number, (language, name) in enumerate(LANGUAGES.items()):
        with page.route(name, language, show_in_navbar=False) if number else page:
            speak(language)
            gr.HTML(_head(language))
            with gr.Tabs(overflow_behavior="wrap", elem_classes="studio-tabs"):
                for tab, given in tabs.items():
                    with gr.Tab(say(f"tab.{tab.__name__.rpartition('.')[2]}")):
                        tab.add(*given)
            gr.HTML('<div id="studio-shelf" class="studio-shelf"></div>')
            common.forget_at_leave(page, workspace)
    speak(next(iter(LANGUAGES)))
    return page.queue()


def _head(language: str) -> str:
    """Return the title, and links to the page in other languages."""
    first = next(iter(LANGUAGES))
    links = "".join(
        f'<a lang="{code}" href="./{"" if code == first else code}" data-language="{code}">{name}</a>'
        for code, name in LANGUAGES.items()
        if code != language
    )
    return f'<header class="studio-title"><h1>{TITLE}</h1><nav aria-label="{say("language")}">{links}</nav></header>'


def serve(page: gr.Blocks, host: str, port: int | None, workspace: Workspace) -> str:
    """Serve a page until it is closed; return its address. Without a port, it is the first free one from 7860 on.

    Uploads go to the workspace, as `build` says, and are refused while it has no room.

    A port that is taken raises an OSError.
    """
    from starlette.middleware import Middleware

    from manymodes_studio.guard import LOOPBACK, Guard
    from manymodes_studio.uploads import LARGEST_BYTES

    hosts = LOOPBACK if host in LOOPBACK else ()
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        theme=theme(),
        css_paths=[_STATIC / "studio.css"],
        head=f"<script>{_script()}</script>",
        footer_links=[],
        run_history=False,
        max_file_size=LARGEST_BYTES,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        state_session_capacity=200,
        app_kwargs={"middleware": [Middleware(Guard, hosts=hosts, has_room=workspace.sweep), Middleware(Languages)]},
    )
    return str(address)


def script_words(language: str) -> dict[str, str]:
    """Return the strings of a language that the page's script needs."""
    return {
        key.removeprefix("script."): text
        for key, text in texts(language).items()
        if key.startswith(("script.", "tab."))
    }


def _script() -> str:
    """Return the page's script, with its strings in all languages."""
    words = {language: script_words(language) for language in LANGUAGES}
    begin = f"window.studioWords = {json.dumps({'cookie': COOKIE, **words})};"
    return "\n".join([begin, *((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)])


def theme() -> Any:
    """Return the theme: muted colours and system fonts."""
    import gradio as gr

    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=list(_FONTS),
        font_mono=list(_FONTS_OF_CODE),
    ).set(**json.loads((_STATIC / "theme.json").read_text(encoding="utf-8")))
