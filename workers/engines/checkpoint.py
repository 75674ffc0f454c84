"""Find a checkpoint and look at its files before anything heavy is imported: most mistakes are found here, at once."""

from __future__ import annotations

import re
from pathlib import Path

from workers.engines.base import Progress
from workers.engines.errors import EngineLoadFailed

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_LFS = b"version https://git-lfs"


def find(model: str, progress: Progress) -> Path:
    """The folder of `model`, a path or a hub id (downloaded if need be); raises `EngineLoadFailed`."""
    if not model:
        raise EngineLoadFailed("No model is set. Give a folder or the name of a model on Hugging Face.")
    folder = Path(model).expanduser()
    if not folder.exists():
        folder = _download(model, progress)
    _check(folder)
    return folder


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise EngineLoadFailed(f"{folder} is a file; the model must be a folder with config.json and *.safetensors.")
    if not (folder / "config.json").is_file():
        raise EngineLoadFailed(f"There is no config.json in {folder}. Is it the folder of a model?")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights and any(folder.glob("*.bin")):
        raise EngineLoadFailed(
            f"{folder} has its weights only as pickle (*.bin), which can run foreign code and is refused. Use a copy"
            " with *.safetensors, or convert it on a machine you can lose: load it and `save_pretrained` it again."
        )
    if not weights:
        raise EngineLoadFailed(f"There are no weights (*.safetensors) in {folder}. Download the model again.")
    if unfetched := [file.name for file in weights if _is_pointer(file)]:
        raise EngineLoadFailed(f"{unfetched[0]} in {folder} is a git-lfs pointer. Run `git lfs pull` in that folder.")


def _is_pointer(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_LFS)) == _LFS


def _download(model: str, progress: Progress) -> Path:
    if not _HUB_ID.fullmatch(model):
        raise EngineLoadFailed(f"There is no folder {model}.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    progress("loading", f"looking for {model} on Hugging Face")
    try:
        return Path(snapshot_download(model, allow_patterns=["*.json", "*.safetensors"], ignore_patterns=["*/*"]))
    except GatedRepoError as error:
        raise EngineLoadFailed(f"{model} is only for those who accepted its terms: do so, then set HF_TOKEN.") from error
    except RepositoryNotFoundError as error:
        raise EngineLoadFailed(f"There is neither a folder {model} nor such a model on Hugging Face.") from error
    except Exception as error:
        # The hub's client raises its own errors, httpx's, and OSError, for the same cut wire.
        raise EngineLoadFailed(
            f"There is no folder {model}, and Hugging Face cannot be reached ({type(error).__name__})."
            " Check the network, or give a folder.",
            heals=True,
        ) from error
