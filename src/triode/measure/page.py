"""Pages that hold everything in one file: style, one script, sound; nothing is loaded from anywhere."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import triode
from triode.measure.report_audio import Channel


def page(title: str, body: str, *, scripts: Sequence[str], styles: Sequence[str] = (), data: str = "") -> str:
    """A page of the HTML `body`, with `styles` after those of the report, run by `scripts` joined to one.

    Both are names of files beside this one; `data` are elements that the script reads.
    """
    script = "\n".join(asset(name) for name in scripts)
    return Template(asset("report.html")).substitute(
        title=escape(title),
        version=escape(triode.__version__),
        css="\n".join(asset(name) for name in ("report.css", *styles)),
        script=script,
        script_hash=source_hash(script),
        body=body,
        audio=data,
    )


def asset(name: str) -> str:
    """The text of a file beside this one."""
    return files("triode.measure").joinpath(name).read_text(encoding="utf-8")


def source_hash(script: str) -> str:
    """What the page's content security policy knows its one script by; no other runs."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def json_block(name: str, value: Any) -> str:
    """A value for the script to read, in an element called `name`; no text in it can end the element."""
    text = json.dumps(value).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def pcm_block(name: str, pcm: str) -> str:
    """16-bit samples in base64 for the script to read, as the signal `name`."""
    return f'<script type="text/plain" id="pcm-{name}">{pcm}</script>'


def audio_blocks(facts: Mapping[str, Any], channels: Mapping[str, Channel]) -> str:
    """The sound of a player: `facts` about it, with the names and gains of all `channels`, and their samples."""
    gains = {name: {"gain": channel.gain, "matched_gain": channel.matched_gain} for name, channel in channels.items()}
    blocks = [json_block("audio-facts", {**facts, "signals": list(channels), **gains})]
    return "\n".join([*blocks, *(pcm_block(name, channel.pcm) for name, channel in channels.items())])
