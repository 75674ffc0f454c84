"""All settings as a table in Markdown: docs/settings.md is made from it."""

from __future__ import annotations

from bot.core.settings import PREFIX, Settings


def table() -> str:
    """A row a setting."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = (
            "the user's data folder" if name == "data_dir" else "–" if field.default in (None, (), "") else f"`{field.default}`"
        )
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)
