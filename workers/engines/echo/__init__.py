"""The engine without a model: it answers what its prompt's directives say. For tests and for the first minute.

Its tokens are the bytes of UTF-8 and R1's six special tokens, here, for whoever writes or reads its prompts.
"""

from __future__ import annotations

END = 256
USER = 257
ASSISTANT = 258
BEGIN = 259
THINK = 260
END_THINK = 261

SPECIAL = {
    "<｜end▁of▁sentence｜>": END,
    "<｜User｜>": USER,
    "<｜Assistant｜>": ASSISTANT,
    "<｜begin▁of▁sentence｜>": BEGIN,
    "<think>": THINK,
    "</think>": END_THINK,
}
