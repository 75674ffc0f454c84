"""An OpenAI-compatible server on a free loopback port, stricter than any real one, and failing as it is told.

It answers as the echo engine does, four bytes a token. Whatever it does not know is refused; what it was asked is in `asked`.
"""

import codecs
import json
import re
import select
import socket
import threading
import time
from contextlib import contextmanager
from itertools import islice

from tests.fakes.serving import Handler, Serving
from workers.engines.echo import ASSISTANT, END, END_THINK, SPECIAL, THINK, USER, reply
from workers.engines.openai.ids import pack, unpack

FIELDS = {"model", "stream", "max_tokens", "temperature", "top_p", "top_k", "seed", "stream_options"}
KINDS = {"/v1/chat/completions": {"messages"}, "/v1/completions": {"prompt", "stop"}}
_MARK = re.compile(f"({'|'.join(map(re.escape, SPECIAL))})")
_TEXTS = {id: text for text, id in SPECIAL.items()}


class Refusal(Exception):
    def __init__(self, status, message, **headers):
        super().__init__(message)
        self.status, self.headers = status, headers


class OpenAIServer(Serving):
    """`thought`, how it tells thoughts: `reasoning_content`, `reasoning`, `tags`, `opened` (by the template, unmarked), `none`.

    `fault` says what the next replies do wrong, one each, by the names of methods of `_Handler`; with "for ever" it stays.
    """

    def __init__(self, models=("tiny",), *, key=None, thought="reasoning_content", speed=0.0, context=16_384, **more):
        self.models, self.key, self.thought, self.speed, self.context = list(models), key, thought, speed, context
        self.knows_usage, self.lists_models = more.pop("knows_usage", True), more.pop("lists_models", True)
        assert not more, more
        self.asked, self.faults, self.num_gone, self.num_running, self.most_running = [], [], 0, 0, 0
        self.health = []
        self.released = threading.Event()
        super().__init__(_Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def last(self):
        return self.asked[-1]

    def fault(self, *faults):
        with self.lock:
            self.faults += faults

    def next_fault(self):
        with self.lock:
            if self.faults[1:] == ["for ever"]:
                return self.faults[0]
            return self.faults.pop(0) if self.faults else ""

    def stop(self):
        self.released.set()
        super().stop()

    def start_again(self):
        self.released.clear()
        super().start_again()


class _Handler(Handler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what = self._complete if self.command == "POST" else self._models
        try:
            self._check_key()
            what(body)
        except Refusal as refusal:
            error = {"message": str(refusal), "type": "invalid_request_error", "code": refusal.status}
            self.whole(refusal.status, json.dumps({"error": error}), **refusal.headers)
        except (BrokenPipeError, ConnectionResetError):
            with self.fake.lock:
                self.fake.num_gone += 1
            self.close_connection = True

    def _check_key(self):
        if self.fake.key and self.headers.get("Authorization") != f"Bearer {self.fake.key}":
            raise Refusal(401, f"Incorrect API key provided: {self.headers.get('Authorization')}")

    def _models(self, _):
        with self.fake.lock:
            self.fake.health.append(time.monotonic())
        if self.path != "/v1/models" or not self.fake.lists_models:
            raise Refusal(404, "Not Found")
        data = [{"id": name, "object": "model", "max_model_len": self.fake.context} for name in self.fake.models]
        self.whole(200, json.dumps({"object": "list", "data": data}))

    def _complete(self, body):
        asked = self._checked(body)
        fault = self.fake.next_fault()
        with self.fake.lock:
            self.fake.asked.append(asked)
        with self._running():
            if fault:
                return getattr(self, f"_{fault.replace('-', '_')}")(asked)
            return self._stream(asked)

    @contextmanager
    def _running(self):
        fake = self.fake
        with fake.lock:
            fake.num_running += 1
            fake.most_running = max(fake.most_running, fake.num_running)
        try:
            yield
        finally:
            with fake.lock:
                fake.num_running -= 1

    def _checked(self, body):
        if self.path not in KINDS:
            raise Refusal(404, "Not Found")
        if self.headers.get("Content-Type") != "application/json":
            raise Refusal(415, "not JSON")
        asked = json.loads(body)
        allowed = (FIELDS | KINDS[self.path]) - (set() if self.fake.knows_usage else {"stream_options"})
        if unknown := asked.keys() - allowed:
            raise Refusal(400, f"Unknown fields: {', '.join(sorted(unknown))}")
        if asked.get("model") not in self.fake.models:
            raise Refusal(404, f"The model `{asked.get('model')}` does not exist.")
        self._check_values(asked)
        return asked

    def _check_values(self, asked):
        good = (
            asked["stream"] is True and asked["max_tokens"] >= 1 and 0 <= asked["temperature"] <= 2 and 0 < asked["top_p"] <= 1
        )
        roles = [message["role"] for message in asked.get("messages", [])]
        alternate = all(role == ("user", "assistant")[place % 2] for place, role in enumerate(roles))
        if not good or (roles and (not alternate or roles[-1] != "user")) or not (roles or asked.get("prompt")):
            raise Refusal(400, "Values that make no sense")
        if num_prompt(asked) + asked["max_tokens"] > self.fake.context:
            raise Refusal(
                400, f"This model's maximum context length is {self.fake.context} tokens. You said: {secret_of(asked)}"
            )

    # What it sends

    def _begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _raw(self, text):
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _event(self, choices, **more):
        chunk = {"id": "x", "object": "chunk", "created": 1, "model": self.fake.models[0], "choices": choices, **more}
        self._raw(f"data: {json.dumps(chunk, ensure_ascii=len(choices) % 2 == 0)}\n\n")

    def _end(self):
        self._raw("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _choice(self, delta, finish=None):
        if self.path == "/v1/completions":
            self._event([{"index": 0, "text": delta.get("content", ""), "finish_reason": finish}])
        else:
            self._event([{"index": 0, "delta": delta, "finish_reason": finish}])

    def _stream(self, asked, most=None):
        """A whole reply; with `most`, its first tokens alone, and no end."""
        self._begin()
        self._raw(": keep-alive\n\n")
        self._choice({"role": "assistant", "content": ""})
        ids = list(islice(tokens_of(asked, self.fake.thought), asked["max_tokens"]))
        teller = _Teller("tags" if "prompt" in asked else self.fake.thought)
        for id in ids[:most]:
            self._pause(1 / self.fake.speed if self.fake.speed else 0)
            if delta := teller.tell(id):
                self._choice(delta)
        if most is None:
            if delta := teller.rest():
                self._choice(delta)
            self._choice({}, "length" if len(ids) == asked["max_tokens"] else "stop")
            if "stream_options" in asked:
                self._event([], usage={"prompt_tokens": 1000 + num_prompt(asked), "completion_tokens": len(ids)})
            self._end()

    def _pause(self, seconds):
        """Wait, unless the client leaves meanwhile."""
        if select.select([self.connection], [], [], seconds)[0] and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError

    # What it does wrong, by the names that `faults` takes

    def _key(self, _):
        raise Refusal(401, "Incorrect API key provided")

    def _busy(self, _):
        raise Refusal(429, "Too many requests", Retry_After="1")

    def _loading(self, _):
        raise Refusal(503, "Loading model")

    def _broken(self, asked):
        raise Refusal(500, f"Internal error while reading: {secret_of(asked)}")

    def _refused(self, asked):
        raise Refusal(422, f"Input should be valid: {secret_of(asked)}")

    def _moved(self, _):
        self.whole(308, "", Location="https://elsewhere.invalid/v1")

    def _page(self, _):
        self.whole(200, "<!doctype html><html><body>Sign in</body></html>", "text/html; charset=utf-8")

    def _page_404(self, _):
        self.whole(404, "<html><body>404 Not Found</body></html>", "text/html")

    def _one_piece(self, _):
        self.whole(200, json.dumps({"choices": [{"message": {"role": "assistant", "content": "hello"}}]}))

    def _close(self, _):
        self.cut()

    def _cut_at_once(self, _):
        self._begin()
        self._close(None)

    def _cut(self, asked):
        self._stream(asked, most=12)
        self._close(None)

    def _end_early(self, asked):
        """A tidy end of the transfer, but neither a finish reason nor [DONE]."""
        self._stream(asked, most=12)
        self.wfile.write(b"0\r\n\r\n")

    def _bad_json(self, asked):
        self._stream(asked, most=12)
        self._raw('data: {"choices": [{"delta": {"cont\n\n')
        self._end()

    def _error_event(self, asked):
        self._stream(asked, most=12)
        self._raw(f"data: {json.dumps({'error': {'message': f'CUDA error: {secret_of(asked)}', 'code': 500}})}\n\n")
        self._end()

    def _mention(self, _):
        """An answer of a model without thoughts, about those of others."""
        self._tell("R1 ends its thoughts with </think> and answers then.", "stop")

    def _hidden_thought(self, _):
        """One that took all the tokens, and is not shown."""
        self._tell("", "length")

    def _name_tags(self, _):
        """A reply about thoughts, of a server that parts its own from its answers."""
        self._begin()
        for name, text in [
            ("reasoning", "What is </th"),
            ("reasoning", "ink>?"),
            ("content", "It ends <thi"),
            ("content", "nk>."),
        ]:
            self._choice({name: text})
        self._choice({}, "stop")
        self._end()

    def _filter(self, _):
        """What the model was about to say is nothing that this server passes on."""
        self._tell("It begins well. And then", "content_filter")

    def _tell(self, text, finish):
        self._begin()
        self._choice({"role": "assistant", "content": text})
        self._choice({}, finish)
        self._end()

    def _silent(self, _):
        self._sleep()

    def _silent_stream(self, _):
        self._begin()
        self._sleep(": still queued\n\n")

    def _stall(self, asked):
        self._stream(asked, most=12)
        self._sleep()

    def _sleep(self, word=""):
        while not self.fake.released.is_set():
            self._pause(0.05)
            if word:
                self._raw(word)
        self._close(None)


class _Teller:
    """Tokens to the deltas in which this kind of server tells them; half a character waits for its other half."""

    def __init__(self, thought):
        self._kind, self._is_thinking = thought, False
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def tell(self, id):
        if id in (THINK, END_THINK):
            self._is_thinking = id == THINK
            return {"content": _TEXTS[id]} if self._kind in ("tags", "opened") else None
        return self._told(self._utf8.decode(unpack(id)))

    def rest(self):
        return self._told(self._utf8.decode(b"", final=True))

    def _told(self, text):
        is_field = self._is_thinking and self._kind.startswith("reasoning")
        return {self._kind if is_field else "content": text} if text else None


def tokens_of(asked, thought):
    """The echo engine's reply to this request: four bytes a token, and one for each mark."""
    ids = prompt_of(asked, thought)
    run = bytearray()
    opens = THINK not in ids[-12:] and thought not in ("opened", "none") and "messages" in asked
    if opens:
        yield THINK
        ids += [THINK, 10]
    for id in reply.write(reply.read(ids)):
        if id < 256:
            run.append(id)
            if len(run) == 4:
                yield from pack(bytes(run))
                run.clear()
            continue
        yield from pack(bytes(run))
        run.clear()
        if id == END:
            return
        yield id


def prompt_of(asked, thought):
    if "prompt" in asked:
        parts = _MARK.split(asked["prompt"])
        return [id for part in parts for id in ([SPECIAL[part]] if part in SPECIAL else part.encode())]
    ids = []
    for message in asked["messages"]:
        ids += [USER if message["role"] == "user" else ASSISTANT, *message["content"].encode()]
        ids += [END] if message["role"] == "assistant" else []
    return [*ids, ASSISTANT, *((THINK, 10) if thought == "opened" else ())]


def num_prompt(asked):
    return len(json.dumps(asked.get("messages") or asked["prompt"], ensure_ascii=False).encode()) // 4


def secret_of(asked):
    """What a careless server repeats of a request in its error."""
    return asked["messages"][-1]["content"] if "messages" in asked else asked["prompt"]
