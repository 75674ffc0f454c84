"""`model explain`: what a model is, what it needs, and how fast it can be on this machine at best."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.core.settings import load
from workers.checkpoints import catalog, quantised
from workers.checkpoints.families import FAMILIES
from workers.checkpoints.files import quoted, show_bytes
from workers.checkpoints.findings import Defect, Value
from workers.checkpoints.local import local
from workers.checkpoints.machine import Machine, this_computer, this_machine
from workers.checkpoints.subject import Subject, of_catalog, of_folder, of_gguf
from workers.engines.auto import engine_for_family
from workers.models import choose
from workers.texts import plain, say

Line = tuple[str, dict[str, Value]]
_CONTEXTS = (4096, 16384)
# What the engine itself, its graphs and the steps between take of a GPU.
_USABLE = 0.9


def print_explanation(name: str, as_json: bool, language: str) -> int:
    """Gives the exit status: 1 when there is nothing to explain."""
    try:
        subject = _find(name)
    except Defect as defect:
        print(defect.in_file(name).sentence(language))
        return 1
    machine = this_machine() if not subject.is_gguf else this_computer()
    if as_json:
        print(json.dumps(facts(subject, machine), indent=1))
    else:
        for key, values in lines(subject, machine):
            print(say(language, key, **values))
    return 0


def lines(subject: Subject, machine: Machine) -> Iterator[Line]:
    """The keys of the texts, with their values."""
    yield from _what(subject)
    if not subject.is_gguf:
        yield from _converter(subject)
    yield from _size(subject)
    yield from _room(subject, machine)
    yield from _speed(subject, machine)
    yield from _engine(subject, machine)
    if subject.kind in ("distill", "original"):
        sampling = catalog.sampling()
        yield "explain-sampling", {"temperature": str(sampling["temperature"]), "top_p": str(sampling["top_p"])}


def facts(subject: Subject, machine: Machine) -> dict[str, Any]:
    """The same for programs."""
    return {
        "name": plain(subject.name),
        "kind": subject.kind,
        "family": subject.shape.family,
        "like": subject.model.name if subject.model else None,
        "parameters": subject.shape.parameters(),
        "weight_bytes": subject.weight_bytes,
        "kv_bytes_per_token": subject.shape.kv_per_token(),
        "keys": list(subject.keys),
        "whole": subject.is_whole,
        "gpus": machine.count,
        "people": {str(context): people(subject, machine, context) for context in _CONTEXTS},
        "ceiling_tokens_per_second": ceiling(subject, machine),
        "engine": "server" if needs_server(subject, machine) else _own_engine(subject, machine),
    }


def people(subject: Subject, machine: Machine, context: int) -> int | None:
    """How many conversations of this length fit beside the weights; None where the memory is not known."""
    room = _memory(subject, machine)
    if room is None:
        return None
    return max(0, int(room - subject.weight_bytes) // (context * subject.shape.kv_per_token()))


def ceiling(subject: Subject, machine: Machine) -> float | None:
    """Tokens a second of one conversation if reading the weights were all there is to do."""
    bandwidth = catalog.bandwidth(machine.name) if machine.count else None
    if bandwidth is None or not people(subject, machine, 1):
        return None
    width = subject.weight_bytes / subject.shape.parameters()
    return _cards_needed(subject, machine) * bandwidth * 1e9 / (subject.shape.read_per_token() * width)


def needs_server(subject: Subject, machine: Machine) -> bool:
    """Our own engine runs on one GPU and knows no mixture of experts."""
    return subject.shape.experts is not None or (machine.count > 1 and not _fits_one(subject, machine))


def _find(name: str) -> Subject:
    if (model := catalog.find(name)) and not Path(name).exists():
        return of_catalog(model)
    if (folder := local(name)) is None:
        raise Defect("explain-no-such", names=", ".join(catalog.models()))
    try:
        if file := quantised.find(folder):
            return of_gguf(file)
        if not folder.is_dir():
            raise Defect("a-file", folder=quoted(folder.parent))
        return of_folder(folder)
    except OSError as problem:
        raise Defect("unreadable", problem=problem.strerror or "?") from problem


def _what(subject: Subject) -> Iterator[Line]:
    model = subject.model
    values: dict[str, Value] = {"name": subject.name, "family": FAMILIES[subject.shape.family]}
    if model:
        values |= {"base": model.base, "like": model.id, "license": model.license}
    yield f"explain-{subject.kind}", values
    yield "explain-keys", {"keys": ", ".join(subject.keys)}
    if subject.claims_original:
        yield "explain-claims", {}
    if subject.kind in ("distill", "original"):
        yield "explain-license", values
    if not subject.is_whole:
        yield "explain-damaged", {"path": subject.place}


def _converter(subject: Subject) -> Iterator[Line]:
    if subject.shape.experts:
        yield "explain-converter-original", {}
    else:
        yield "explain-converter-dense", {"family": FAMILIES[subject.shape.family]}


def _size(subject: Subject) -> Iterator[Line]:
    shape = subject.shape
    values: dict[str, Value] = {"parameters": _count(shape.parameters()), "active": _count(shape.read_per_token())}
    yield "explain-active" if shape.experts else "explain-parameters", values
    token, thousand = show_bytes(shape.kv_per_token()), show_bytes(1000 * shape.kv_per_token())
    yield "explain-memory", {"weights": show_bytes(subject.weight_bytes), "token": token, "thousand": thousand}


def _room(subject: Subject, machine: Machine) -> Iterator[Line]:
    if machine.memory is None:
        yield "explain-memory-unknown", {}
        return
    values: dict[str, Value] = {"name": machine.name, "count": machine.count, "memory": show_bytes(machine.memory)}
    yield "explain-gpus" if machine.count else "explain-cpu", values
    if not people(subject, machine, 1):
        yield "explain-too-large", {"weights": show_bytes(subject.weight_bytes)}
        if smaller := _largest_that_fits(machine):
            yield "explain-smaller", {"name": smaller}
        return
    longest = (subject.context,) if subject.context > max(_CONTEXTS) else ()
    for context in (*_CONTEXTS, *longest):
        yield "explain-people", {"people": people(subject, machine, context) or 0, "context": f"{context:,}"}


def _speed(subject: Subject, machine: Machine) -> Iterator[Line]:
    fastest = ceiling(subject, machine)
    if fastest is not None:
        bandwidth = catalog.bandwidth(machine.name) or 0
        yield "explain-speed", {"ceiling": f"{fastest:.0f}", "bandwidth": bandwidth, "count": _cards_needed(subject, machine)}
    elif machine.count and people(subject, machine, 1):
        yield "explain-speed-unknown", {"name": machine.name}


def _engine(subject: Subject, machine: Machine) -> Iterator[Line]:
    fits = people(subject, machine, 1) != 0
    if needs_server(subject, machine):
        count = _cards_needed(subject, machine) if fits and machine.count else 8
        values: dict[str, Value] = {"id": subject.place, "count": count}
        yield "explain-original-needs" if subject.shape.experts else "explain-several", values
        yield "explain-server", values
        yield "explain-use-server", {}
    elif fits:
        yield "explain-engine", {"engine": _own_engine(subject, machine)}


def _own_engine(subject: Subject, machine: Machine) -> str:
    engine = choose(load(model=subject.place)).engine
    if engine == "auto" and subject.is_gguf:
        return "llamacpp"
    return engine_for_family(subject.shape.family, "cuda" if machine.count else "cpu") if engine == "auto" else engine


def _largest_that_fits(machine: Machine) -> str:
    """The short name of the largest distill that one GPU, or the CPU, holds."""
    fitting = [model for model in catalog.models().values() if model.is_distill and _fits_one(of_catalog(model), machine)]
    return max(fitting, key=lambda model: model.weight_bytes).name if fitting else ""


def _memory(subject: Subject, machine: Machine) -> float | None:
    """Of one GPU where the model fits into one, else of all."""
    if machine.memory is None:
        return None
    return machine.memory * _USABLE * _cards_needed(subject, machine)


def _cards_needed(subject: Subject, machine: Machine) -> int:
    """Attention's heads are shared out among GPUs, each the same number."""
    if _fits_one(subject, machine) and not subject.shape.experts:
        return 1
    return max((count for count in range(1, machine.count + 1) if subject.shape.heads % count == 0), default=1)


def _fits_one(subject: Subject, machine: Machine) -> bool:
    return machine.memory is not None and subject.weight_bytes < machine.memory * _USABLE


def _count(number: int) -> str:
    return f"{number / 1e9:.2f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"
