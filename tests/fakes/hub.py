"""A model hub on free loopback ports, as the real one: an API with LFS metadata, redirects to a store on another address,
ranges, ETags; and failing as it is told. Unmodified huggingface_hub talks to it through HF_ENDPOINT.

`asked` holds every request: method, path, range and whether a token came with it.
"""

import hashlib
import json
import re
import select
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.serving import Handler, Serving

TOKEN = "hf_testtokentesttokentesttokentest12"
_STEP = 1 << 14


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str
    has_token: bool


class Repo:
    """One model: its files, and who may see it. Every publication is a commit of its own."""

    def __init__(self, files, gated=False, private=False):
        self.gated, self.private = gated, private
        self.commits, self.refs = {}, {}
        self.publish(files)

    def publish(self, files, ref="main"):
        """`files`: name to bytes."""
        commit = hashlib.sha1(repr(sorted((name, sha256(data)) for name, data in files.items())).encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.refs[ref] = commit
        return commit

    def resolve(self, revision):
        commit = self.refs.get(revision, revision)
        return commit if commit in self.commits else None


class Hub(Serving):
    """`fault` says what goes wrong with the next downloads of a file (or `*`, any request), one each; with "for ever" it stays.

    "cut N" ends after N bytes, "busy N" is 429 with `Retry-After`, "broken" 503, "wrong" other bytes, "stall" silence,
    "no ranges" sends all anew, "longer" more than was said, "short" a tidy end too early, "page" a login page.
    """

    def __init__(self):
        self.repos, self.asked, self._faults = {}, [], {}
        self.bytes_a_second = 0
        self.num_running = self.most_running = 0
        self.released = threading.Event()
        super().__init__(_HubHandler)
        self.store = _Store(self)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def publish(self, model, folder, **more):
        """A model out of a folder."""
        files = {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
        self.repos[model] = Repo(files, **more)
        return self.repos[model]

    def fault(self, name, *faults):
        with self.lock:
            self._faults.setdefault(name, []).extend(faults)

    def heal(self):
        with self.lock:
            self._faults.clear()

    def next_fault(self, name):
        with self.lock:
            waiting = self._faults.get(name, [])
            if waiting[1:] == ["for ever"]:
                return waiting[0]
            return waiting.pop(0) if waiting else ""

    def downloads(self, name):
        """The ranges in which a file was asked for; "" is the whole."""
        return [asked.range for asked in self.asked if asked.method == "GET" and asked.path.endswith(f"/{name}")]

    @contextmanager
    def running(self):
        with self.lock:
            self.num_running += 1
            self.most_running = max(self.most_running, self.num_running)
        try:
            yield
        finally:
            with self.lock:
                self.num_running -= 1

    def stop(self):
        self.released.set()
        super().stop()
        self.store.stop()


class _Store(Serving):
    """Where the large files are: another origin, which refuses a token that was not meant for it."""

    def __init__(self, hub):
        self.hub = hub
        super().__init__(_StoreHandler)


class _Noting(Handler):
    def note(self, hub):
        has_token = "Authorization" in self.headers
        with hub.lock:
            hub.asked.append(Asked(self.command, unquote(urlsplit(self.path).path), self.headers.get("Range", ""), has_token))

    def send(self, hub, data, fault, **headers):
        """The file, or the rest of it that was asked for, going wrong as it shall."""
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if (asked := self.headers.get("Range")) else 0
        if start >= len(data) and asked:
            return self.whole(416, "", Content_Range=f"bytes */{len(data)}")
        is_part = bool(asked) and fault != "no ranges"
        rest = data[start:] if is_part else data
        if fault == "wrong":
            rest = bytes(byte ^ 255 for byte in rest[:100]) + rest[100:]
        self.send_response(206 if is_part else 200)
        if is_part:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if fault in ("longer", "short"):
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = len(rest)
        for name, value in {"Accept-Ranges": "bytes", **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        return self._write(hub, rest, fault) if self.command == "GET" else None

    def _write(self, hub, rest, fault):
        most = int(fault.removeprefix("cut ")) if fault.startswith("cut ") else len(rest)
        if fault in ("short", "stall"):
            most = len(rest) // 2
        pieces = [rest[at : min(at + _STEP, most)] for at in range(0, most, _STEP)]
        for piece in [*pieces, *([b"x" * _STEP] * 4 if fault == "longer" else [])]:
            self.wfile.write(piece)
            self._wait(len(piece) / hub.bytes_a_second if hub.bytes_a_second else 0, hub)
        if fault == "stall":
            self._wait(3600, hub)
        if fault.startswith("cut ") or fault in ("short", "longer"):
            self.cut()

    def _wait(self, seconds, hub):
        """Unless the client leaves, or the server is switched off."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not hub.released.is_set():
            if select.select([self.connection], [], [], min(0.02, seconds))[0]:
                raise ConnectionResetError


class _HubHandler(_Noting):
    def answer(self):
        self.note(self.fake)
        if self._went_wrong(self.fake.next_fault("*")):
            return None
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._api("/".join(parts[2:4]), parts[4:])
        if "resolve" in parts[2:3]:
            return self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        return self.whole(404, "Not Found", "text/plain")

    def _went_wrong(self, fault):
        """Before anything of a file is sent."""
        if fault.startswith("busy "):
            self.whole(429, "", Retry_After=fault.removeprefix("busy "))
        elif fault == "broken":
            self.whole(503, "")
        elif fault == "page":
            self.whole(200, "<!doctype html><html>Log in</html>", "text/html")
        elif fault == "forbidden":
            self.whole(403, "")
        else:
            return False
        return True

    def _api(self, model, rest):
        repo = self._seen(model)
        if repo is None:
            return None
        kind, revision = (rest[0], rest[1]) if len(rest) > 1 else ("revision", "main")
        commit = repo.resolve(revision)
        if commit is None:
            return self._refuse(404, "RevisionNotFound")
        files = repo.commits[commit]
        if kind == "tree":
            return self.whole(200, json.dumps([_entry(name, data) for name, data in files.items()]))
        wants_sizes = parse_qs(urlsplit(self.path).query).get("blobs") == ["True"] or "blobs=true" in self.path
        siblings = [_sibling(name, data, wants_sizes) for name, data in files.items()]
        known = {"_id": "0", "id": model, "modelId": model, "sha": commit, "siblings": siblings}
        more = {"private": repo.private, "gated": "manual" if repo.gated else False, "tags": [], "downloads": 0, "likes": 0}
        return self.whole(200, json.dumps(known | more))

    def _seen(self, model):
        """The repo, or None after the refusal."""
        given = self.headers.get("Authorization")
        if given is not None and given != f"Bearer {TOKEN}":
            message = "Invalid credentials in Authorization header"
            return self.whole(401, json.dumps({"error": message}), X_Error_Message=message)
        repo = self.fake.repos.get(model)
        if repo is None or (repo.private and given is None):
            return self._refuse(404 if given else 401, "RepoNotFound")
        return repo

    def _refuse(self, status, code):
        self.whole(status, json.dumps({"error": code}), X_Error_Code=code, X_Error_Message=code)

    def _file(self, model, revision, name):
        repo = self._seen(model)
        if repo is None:
            return None
        if repo.gated and "Authorization" not in self.headers:
            return self._refuse(401, "GatedRepo")
        commit = repo.resolve(revision)
        data = repo.commits.get(commit, {}).get(name)
        if data is None:
            return self._refuse(404, "EntryNotFound" if commit else "RevisionNotFound")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hash_of(name, data)}"'}
        if is_large(name):
            return self._redirect(name, data, headers)
        fault = self.fake.next_fault(name) if self.command == "GET" else ""
        return None if self._went_wrong(fault) else self.send(self.fake, data, fault, **headers)

    def _redirect(self, name, data, headers):
        place = f"http://127.0.0.1:{self.fake.store.port}/{hash_of(name, data)}/{name}"
        linked = {"X-Linked-Etag": f'"{hash_of(name, data)}"', "X-Linked-Size": len(data), "Location": place}
        self.whole(302, f"Found. Redirecting to {place}", "text/plain", **headers, **linked)


class _StoreHandler(_Noting):
    def answer(self):
        hub = self.fake.hub
        self.note(hub)
        if "Authorization" in self.headers:
            return self.whole(400, "Only one auth mechanism allowed", "text/plain")
        _, digest, name = unquote(urlsplit(self.path).path).split("/", 2)
        fault = hub.next_fault(name) if self.command == "GET" else ""
        if fault.startswith("busy "):
            return self.whole(429, "", Retry_After=fault.removeprefix("busy "))
        if fault == "broken":
            return self.whole(503, "")
        every = (files for repo in hub.repos.values() for files in repo.commits.values())
        data = next(files[name] for files in every if name in files and sha256(files[name]) == digest)
        with hub.running():
            return self.send(hub, data, fault, ETag=f'"{digest}"')


def is_large(name):
    return name.endswith((".safetensors", ".bin", ".gguf"))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def hash_of(name, data):
    """As the hub names it: git-lfs's SHA-256 of large files, git's own of the others."""
    return sha256(data) if is_large(name) else _git_id(data)


def _git_id(data):
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def _sibling(name, data, with_sizes):
    known = {"rfilename": name}
    if with_sizes:
        known |= {"size": len(data), "blobId": _git_id(data)}
        if is_large(name):
            known["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
    return known


def _entry(name, data):
    lfs = {"lfs": {"oid": sha256(data), "size": len(data), "pointerSize": 134}} if is_large(name) else {}
    return {"type": "file", "path": name, "size": len(data), "oid": _git_id(data), **lfs}
