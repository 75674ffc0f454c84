"""config.json: what it says of itself, and whether the tensors are what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workers.checkpoints import families
from workers.checkpoints.families import FAMILIES, BadNumber, Shape
from workers.checkpoints.files import quoted, read_object
from workers.checkpoints.findings import Defect, Finding
from workers.checkpoints.headers import Tensor

NAME = "config.json"
_HEAD = "lm_head.weight"
_DTYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32", "float64": "F64"}


def read(folder: Path) -> dict[str, Any]:
    """Raises `Defect`."""
    if not (folder / NAME).exists() and not (folder / NAME).is_symlink():
        raise Defect("no-config", folder=quoted(folder))
    return read_object(folder / NAME)


def look(config: dict[str, Any], tensors: dict[str, Tensor], complete: bool) -> Iterator[Finding]:
    """What is wrong with the config itself, then what does not fit it. Missing tensors count where all files were read."""
    if "auto_map" in config:
        yield Finding(NAME, "auto-map")
    if _loses_theta(config):
        yield Finding(NAME, "rope-twice")
    try:
        shape = Shape.of_config(config)
    except BadNumber as problem:
        yield Finding(NAME, "config-number", {"field": str(problem), "value": _shown(config.get(str(problem)))})
        return
    if config.get("quantization_config") is not None and (shape is None or shape.family != "deepseek_v3"):
        yield Finding(NAME, "quantized", level="note")
    elif shape is None:
        yield Finding(NAME, "family-unknown", {"family": _shown(config.get("model_type"))}, "note")
    elif tensors:
        yield from _fit(config, shape, tensors, complete)


def _fit(config: dict[str, Any], shape: Shape, tensors: dict[str, Tensor], complete: bool) -> Iterator[Finding]:
    if found := families.other_family(shape.family, tensors, complete):
        yield Finding(NAME, "other-family", {"said": FAMILIES[shape.family], "found": FAMILIES[found]})
        return
    problems = list(_shapes(config, shape, tensors, complete))
    yield from problems
    yield from _dtypes(config, tensors)
    if not problems:
        yield Finding(NAME, "fits", {"family": FAMILIES[shape.family], "parameters": f"{shape.parameters() / 1e6:,.1f}"}, "ok")


def _shapes(config: dict[str, Any], shape: Shape, tensors: dict[str, Tensor], complete: bool) -> Iterator[Finding]:
    more = config.get("num_nextn_predict_layers") if shape.experts else 0
    layers = families.count_layers(tensors)
    if complete and layers not in (shape.layers, shape.layers + (more if isinstance(more, int) else 0)):
        yield Finding(NAME, "layers", {"said": shape.layers, "found": layers})
        return
    expected = dict(shape.tensors())
    missing = [name for name in expected if name not in tensors]
    if complete and missing:
        yield Finding(NAME, "tensors-missing", {"tensor": missing[0], "count": len(missing)})
    if shape.tied and _HEAD in tensors:  # trained apart after all: loaders use it then
        expected[_HEAD] = (shape.vocab, shape.hidden)
    if unexpected := [name for name in tensors if name not in expected and not _is_allowed(name, shape)]:
        yield Finding(NAME, "tensors-unexpected", {"tensor": unexpected[0], "count": len(unexpected)})
    wrong = [name for name, sides in expected.items() if name in tensors and tensors[name].shape != sides]
    if wrong:
        have, want = str(list(tensors[wrong[0]].shape)), str(list(expected[wrong[0]]))
        yield Finding(NAME, "shape", {"tensor": wrong[0], "have": have, "want": want, "count": len(wrong)})


def _is_allowed(name: str, shape: Shape) -> bool:
    """What published checkpoints have besides and no engine needs."""
    if shape.experts and name.endswith(".weight_scale_inv"):
        return True
    if shape.experts and families.count_layers([name]) > shape.layers:
        return True
    return name.endswith(".rotary_emb.inv_freq")


def _loses_theta(config: dict[str, Any]) -> bool:
    """transformers takes `rope_scaling` in place of `rope_parameters`, and 10,000 for the theta that was only there."""
    scaling, parameters = config.get("rope_scaling"), config.get("rope_parameters")
    if not (scaling and isinstance(scaling, dict) and isinstance(parameters, dict)):
        return False
    return "rope_theta" in parameters and "rope_theta" not in scaling and "rope_theta" not in config


def _dtypes(config: dict[str, Any], tensors: dict[str, Tensor]) -> Iterator[Finding]:
    """Another float is only converted while loading; anything else cannot be weights of this model."""
    named = config.get("torch_dtype", config.get("dtype"))
    said = _DTYPES.get(named) if isinstance(named, str) else None
    is_quantized = config.get("quantization_config") is not None
    odd = [name for name, tensor in tensors.items() if tensor.dtype not in _DTYPES.values()]
    if odd and not is_quantized:
        yield Finding(NAME, "dtype-odd", {"tensor": odd[0], "dtype": tensors[odd[0]].dtype, "count": len(odd)})
    elif said and not is_quantized and (other := [name for name, tensor in tensors.items() if tensor.dtype != said]):
        values: dict[str, str | int] = {"tensor": other[0], "dtype": tensors[other[0]].dtype, "said": said, "count": len(other)}
        yield Finding(NAME, "dtype", values, "note")


def _shown(value: Any) -> str:
    """Not the whole of it: what is nested deeply enough cannot even be printed."""
    return repr(value)[:60] if value is None or isinstance(value, str | int | float) else type(value).__name__
