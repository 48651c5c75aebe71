"""Messages for Slack, as blocks; what others wrote cannot mention, link or format beyond its block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from upkeep.incidents.model import Page
from upkeep.paging.sender import Message
from upkeep.paging.view import View, view

MAX_SECTION = 3000
"""Characters of a section's text that Slack takes; of one field, 2000."""
MAX_FIELDS = 10
MAX_ELEMENTS = 10
_HALF_ENTITY = re.compile(r"&[a-z]{0,3}$")


def escape(text: str) -> str:
    """Return text that Slack shows as it is: no mention, no link, no entity, no formatting.

    >>> escape("<!channel> *now* a & b")
    '&lt;!channel&gt; ∗now∗ a &amp; b'
    """
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Slack has no escape for its formatting: look-alikes stand in.
    return shown.translate({ord("*"): "∗", ord("`"): "ˋ", ord("~"): "∼"})


def slack_message(message: Message) -> dict[str, Any]:
    """Return text (for the notification), blocks and metadata of a message, for `chat.postMessage`."""
    shown = view(message)
    return {
        "text": escape(shown.headline),
        "blocks": [*_head(shown), *_facts(shown.facts), *_lines(shown), *_foot(shown)],
        "metadata": {"event_type": "upkeep_page", "event_payload": _identity(message)},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _identity(message: Message) -> dict[str, str]:
    ids = {"id": str(message.id), "system": message.system}
    return ids | {"incident": str(message.incident_id)} if isinstance(message, Page) else ids


def _head(shown: View) -> list[dict[str, Any]]:
    summary = f"\n{escape(shown.summary)}" if shown.summary else ""
    return [{"type": "section", "text": _text(f"*{escape(shown.headline)}*{summary}")}]


def _facts(facts: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    fields = [_text(f"*{escape(label)}*\n{escape(value)}") for label, value in facts]
    return [
        {"type": "section", "fields": fields[start : start + MAX_FIELDS]}
        for start in range(0, len(fields), MAX_FIELDS)
    ]


def _lines(shown: View) -> list[dict[str, Any]]:
    """A block for as many warnings as fit into it."""
    blocks: list[str] = []
    for one in shown.lines:
        measured = " ".join(filter(None, [one.value, one.limit and f"(limit {one.limit})"]))
        text = "• " + escape(": ".join(filter(None, [one.summary, measured])))
        text += f"\n   {escape(one.runbook)}" if one.runbook else ""
        if blocks and len(blocks[-1]) + len(text) < MAX_SECTION:
            blocks[-1] += f"\n{text}"
        else:
            blocks.append(text)
    return [{"type": "section", "text": _text(block)} for block in blocks]


def _foot(shown: View) -> list[dict[str, Any]]:
    links = [_link(label, url) for label, url in shown.links[: MAX_ELEMENTS - 1]]
    return [{"type": "context", "elements": [_text(text) for text in (escape(shown.answer), *links)]}]


def _link(label: str, url: str) -> str:
    target = url.replace("&", "&amp;")
    return f"<{target}|{escape(label)}>"


def _text(text: str) -> dict[str, Any]:
    # Verbatim: Slack adds no links or mentions of its own to what it finds in the text.
    cut = text if len(text) <= MAX_SECTION else _HALF_ENTITY.sub("", text[:MAX_SECTION])
    return {"type": "mrkdwn", "text": cut, "verbatim": True}
