"""In which language something is written, as far as its characters tell."""

from __future__ import annotations


def written_in(text: str) -> str:
    """`zh` for Chinese characters without Japanese or Korean ones; Latin letters do not tell, so "" for all else."""
    has_han = any("\u4e00" <= char <= "\u9fff" for char in text)
    is_other = any("\u3040" <= char <= "\u30ff" or "\uac00" <= char <= "\ud7af" for char in text)
    return "zh" if has_han and not is_other else ""
