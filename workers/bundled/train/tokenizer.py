"""Makes the tokenizer: byte-level BPE over the corpus, with R1's special tokens and chat template.

`python -m workers.bundled.train.tokenizer [FOLDER]` writes tokenizer.json and tokenizer_config.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .corpus import ASSISTANT, BOS, EOS, SPECIAL, USER, samples
from .values import common_han

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOLDER = Path(__file__).parents[1]
VOCABULARY = 6528
_NUM_DIALOGUES = 20_000
# One token for each Chinese character and digit, and a space before a capital stands alone: so a name is written in
# the same tokens wherever it stands, which makes copying it easy. A newline is always one token, too.
_PATTERN = "|".join(
    (
        r"\p{Han}|\p{N}",
        r"'(?:s|t|re|ve|m|ll|d)(?!\p{L})",
        r"\p{Lu}+\p{Ll}*",
        r" ?(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{Lt}\p{M}])+",
        r" ?[^\s\p{L}\p{N}\p{M}]+",
        r"\s",
    )
)
# R1's rule, in our words: users and assistants in turn, thoughts dropped from what was answered before.
TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages if message.role == 'system' %}{% if loop.last %}{{ message.content }}{% endif %}{% endfor %}"
    "{% for message in messages %}"
    f"{{% if message.role == 'user' %}}{USER}{{{{ message.content }}}}"
    f"{{% elif message.role == 'assistant' %}}{ASSISTANT}{{{{ message.content.split('</think>')[-1] }}}}{EOS}"
    "{% endif %}{% endfor %}"
    f"{{% if add_generation_prompt %}}{{{{ '{ASSISTANT}<think>\\n' }}}}{{% endif %}}"
)


def train(num_dialogues: int = _NUM_DIALOGUES, vocabulary: int = VOCABULARY) -> Tokenizer:
    """A new tokenizer from `num_dialogues` of the corpus and every common Chinese character."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_PATTERN), "isolated")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    marks = [AddedToken(mark, special=True, normalized=False) for mark in SPECIAL]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(num_dialogues), trainer)
    return tokenizer


def _texts(num_dialogues: int) -> Iterator[str]:
    for one in islice(samples("tokenizer"), num_dialogues):
        for number, exchange in enumerate(one.exchanges):
            yield from (one.said(number), exchange.thought, exchange.answer)
    weight = max(1, num_dialogues // 60)
    yield from (han * weight for han in common_han())


def save(tokenizer: Tokenizer, folder: Path) -> None:
    whole = json.loads(tokenizer.to_str())
    for token in whole["added_tokens"]:
        # As in R1: only the two sentence marks are "special"; the others survive skip_special_tokens.
        token["special"] = token["content"] in (BOS, EOS)
    (folder / "tokenizer.json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 2048,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": EOS,
        "chat_template": TEMPLATE,
    }
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")


def load(folder: Path = FOLDER) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    save(train(), Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
