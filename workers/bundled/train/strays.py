"""Signs that stand in no text here but in what people send: emoji, emoticons, and names with letters of other scripts.

Without them most bytes of the tokenizer are never met in training, and a single one says anything at all to the model.
"""

from __future__ import annotations

from random import Random

_FACES = range(0x1F600, 0x1F650)
_BLOCKS = ((0x1F300, 0x1F600), (0x1F680, 0x1F6FD), (0x1F90C, 0x1FA00), (0x1FA70, 0x1FAFD), (0x2600, 0x27C0), (0x2B00, 0x2B60))
_PICTURES = [code for first, end in _BLOCKS for code in range(first, end)]
_JOINED = ("❤️", "👍🏽", "🙏🏻", "✌️", "👩‍💻", "🏳️‍🌈", "🇩🇪", "🇨🇳", "☀️", "‼️")
_SMILEYS = (":)", ":D", ";)", ":(", ":-)", "<3", "xD", "^^", "~", "...", "…", "=)", ":P", "T_T")
_EMOTICONS = (*_SMILEYS, ">.<", "\\o/", "._.", ":|", "ʕ•ᴥ•ʔ", "(╯°□°)╯", "(・∀・)")
_SCRIPTS = (
    "абвгдежзийклмнопрстуфхцчшщыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "áàâäãåæçéèêëíìîïñóòôöõøúùûüýÿ",
    "ąćęłńśźżčďěňřšťůžőűğışăâîșțđ",
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろん",
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワンー",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "कखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
    "กขคงจฉชซญดตถทธนบปผพฟมยรลวสหอ",
)
_HANGUL = range(0xAC00, 0xD7A4)
_LETTERS = "abcdefghijklmnoprstuvyz"
_MARKS = "$@#%&*+-_=~^/\\`'0123456789"  # none that a template or a list of values has a use for


def decorated(text: str, rng: Random) -> str:
    """A message with emoji or an emoticon at its end, now and then before it."""
    if rng.random() < 0.2:
        return f"{text} {rng.choice(_EMOTICONS)}"
    found, gap = emoji(rng), rng.choice(("", " "))
    return f"{found}{gap}{text}" if rng.random() < 0.1 else f"{text}{gap}{found}"


def emoji(rng: Random) -> str:
    """One to three of them."""
    sign = rng.choice(_JOINED) if rng.random() < 0.1 else chr(rng.choice(_FACES if rng.random() < 0.5 else _PICTURES))
    return sign * rng.choice((1, 1, 1, 2, 3)) if rng.random() < 0.8 else sign + chr(rng.choice(_FACES))


def strange_name(rng: Random) -> str:
    """Letters of one other script, or of this one with a sign or a digit among them."""
    way, length = rng.random(), rng.randint(2, 7)
    if way < 0.1:
        return "".join(chr(rng.choice(_HANGUL)) for _ in range(min(length, 4)))
    letters = rng.choice(_SCRIPTS) if way < 0.5 else _LETTERS
    word = [rng.choice(letters) for _ in range(length)]
    if way >= 0.3:
        mixed = [rng.choice(_LETTERS) if way < 0.5 else rng.choice(_MARKS) for _ in range(rng.randint(1, 2))]
        for sign in mixed:
            word.insert(rng.randint(0, len(word)), sign)
    text = "".join(word)
    return text[:1].upper() + text[1:] if rng.random() < 0.7 else text
