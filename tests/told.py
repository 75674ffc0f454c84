"""How long people are told, in English, that they wait: read back."""

import re

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def of_words(text):
    """From when till when a text says that it will be; one figure may be wrong by a factor of two."""
    if "only a moment" in text:
        return 0, 6
    if figure := re.search(r"about (\d+) seconds", text):
        return int(figure[1]) / 2, int(figure[1]) * 2
    latest, unit = re.search(r"(\d+|one) (second|minute|hour)s? to go", text).groups()
    most = _number(latest) * _SECONDS[unit]
    if "up to" in text:
        return 0, most
    earliest, own_unit = re.search(r"probably (\d+|one)(?: (second|minute|hour)s?)? to", text).groups()
    return _number(earliest) * _SECONDS[own_unit or unit], most


def _number(word):
    return 1 if word == "one" else int(word)
