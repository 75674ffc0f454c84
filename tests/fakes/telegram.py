"""A Telegram Bot API server on a free loopback port, as strict as the real one, that a test reads as a person would.

Unmodified python-telegram-bot talks to it through `base_url`. People are `Person`s: they write, press, block and look.
What is not known is refused. `floods=True` limits every chat as Telegram does; `clock` may be a virtual one.
"""

import contextlib
import email
import email.policy
import inspect
import itertools
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

TOKEN = "7000004242:AAfaketokenfaketokenfaketokenfake-1"
BOT_ID = 7000004242
ANONYMOUS_ID = 1087968824
_TEXT_UNITS, _CAPTION_UNITS, _ENTITIES, _CALLBACK_BYTES = 4096, 1024, 100, 64
_DRAFT_SECONDS = 30
_ENTITY_TYPES = {
    *("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "url", "text_mention", "mention"),
    *("blockquote", "expandable_blockquote", "custom_emoji", "hashtag", "cashtag", "bot_command", "email", "phone_number"),
    "date_time",
}
_PRIVATE_BURST, _PRIVATE_RATE, _GROUP_CALLS, _GROUP_SECONDS = 5, 1.0, 20, 60
_BOT_CALLS = 30
_FIRST_BAN = 5


class Refused(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.parameters = code, parameters


class Cut(Exception):
    """The connection breaks after so many seconds."""


class Hold:
    """A call that hangs, done already if `after`, until `released`; `reached` tells that it is there."""

    def __init__(self, *, after):
        self.after, self.reached, self.released = after, threading.Event(), threading.Event()

    def hang(self):
        self.reached.set()
        self.released.wait(60)
        raise Cut(0)


def units(text):
    return len(text.encode("utf-16-le")) // 2


def check_text(text, entities, most=_TEXT_UNITS):
    """What the server says to a text with its entities, in the server's own words."""
    if not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if units(text) > most:
        raise Refused(400, "Bad Request: message is too long")
    check_entities(text, entities)


def check_entities(text, entities):
    if len(entities) > _ENTITIES:
        raise Refused(400, "Bad Request: too many entities")
    encoded = text.encode("utf-16-le")
    open_until = []
    for one in sorted(entities, key=lambda one: (one["offset"], -one["length"])):
        start, end = one["offset"], one["offset"] + one["length"]
        if one["type"] not in _ENTITY_TYPES:
            raise Refused(400, f"Bad Request: can't parse entities: unknown type {one['type']}")
        if start < 0 or one["length"] < 1 or end > len(encoded) // 2:
            raise Refused(400, "Bad Request: ENTITY_BOUNDS_INVALID")
        for edge in (start, end):
            if edge * 2 < len(encoded) and 0xDC <= encoded[edge * 2 + 1] <= 0xDF:
                raise Refused(400, "Bad Request: ENTITY_BOUNDS_INVALID")
        while open_until and open_until[-1] <= start:
            open_until.pop()
        if open_until and end > open_until[-1]:
            raise Refused(400, "Bad Request: can't parse entities: they cross")
        open_until.append(end)


@dataclass
class Chat:
    id: int
    type: str
    title: str = ""
    is_forum: bool = False
    members: list = field(default_factory=list)
    messages: dict = field(default_factory=dict)
    draft: dict | None = None
    typing_until: float = 0.0
    gone: str = ""
    moved_to: int = 0
    tokens: float = _PRIVATE_BURST
    refilled_at: float = 0.0
    calls: deque = field(default_factory=deque)
    banned_until: float = 0.0
    ban: float = _FIRST_BAN

    def as_json(self):
        told = {"id": self.id, "type": self.type}
        if self.type == "private":
            return told | {"first_name": self.title}
        return told | {"title": self.title} | ({"is_forum": True} if self.is_forum else {})


class Person:
    """Somebody with a Telegram app."""

    def __init__(self, server, id, name, language):
        self.server, self.id, self.name, self.language = server, id, name, language
        self.chat = server.chats.setdefault(id, Chat(id, "private", name))

    def as_json(self):
        told = {"id": self.id, "is_bot": False, "first_name": self.name}
        return told | ({"language_code": self.language} if self.language else {})

    def write(self, text="", where=None, **more):
        """A message: `reply_to`, `thread`, `age` in seconds, and any field of the Bot API's Message. Gives it as it is kept."""
        return self.server.say(self, text, where or self.chat, **more)

    def edit(self, message, text):
        message = message | {"text": text, "edit_date": int(self.server.wall()), "entities": entities_of(text)}
        self.server.chats[message["chat"]["id"]].messages[message["message_id"]] = message
        return self.server.update(edited_message=message)

    def press(self, label, where=None, message=None):
        """The newest button of that label; `message` picks another message. Gives the callback's id."""
        chat = where or self.chat
        found = [message] if message else list(reversed(chat.messages.values()))
        for one in found:
            for row in one.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if label in button["text"]:
                        return self.press_raw(one, button["callback_data"])
        raise AssertionError(f"no button {label!r} in {[m.get('reply_markup') for m in chat.messages.values()]}")

    def press_raw(self, message, data):
        id = str(next(self.server.ids))
        query = {"id": id, "from": self.as_json(), "message": message, "chat_instance": "1", "data": data}
        self.server.update(callback_query=query)
        return id

    def stop_draft(self):
        """Telegram's own Stop under a draft."""
        assert (self.chat.draft or {}).get("can_stop"), "there is no Stop"
        self.server.update(stopped_message_generation={"chat": self.chat.as_json(), "draft_id": self.chat.draft["id"]})

    def block(self):
        self.chat.gone = "Forbidden: bot was blocked by the user"
        self._membership("member", "kicked")

    def unblock(self):
        self.chat.gone = ""
        self._membership("kicked", "member")

    def _membership(self, old, new, chat=None):
        self.server.membership(self, chat or self.chat, old, new)

    def sees(self, where=None):
        """The texts of the bot that stand in the chat now."""
        return self.server.texts(where or self.chat)

    def buttons(self, where=None):
        """The labels under each message of the bot that has some."""
        chat = where or self.chat
        rows = [message["reply_markup"]["inline_keyboard"] for message in chat.messages.values() if message.get("reply_markup")]
        return [[button["text"] for row in keyboard for button in row] for keyboard in rows]

    def draft(self):
        """The text of the draft that is shown now; None when there is none."""
        with self.server.lock:
            draft = self.chat.draft
            is_alive = draft is not None and self.server.clock() < draft["until"]
            return draft["text"] if is_alive else None


def entities_of(text):
    """What Telegram's apps mark by themselves."""
    found = []
    for match in re.finditer(r"(?<!\S)/\w+(?:@\w+)?|@\w{4,}", text):
        kind = "bot_command" if match[0].startswith("/") else "mention"
        found.append({"type": kind, "offset": units(text[: match.start()]), "length": units(match[0])})
    return found


class TelegramServer:
    """`fail` injects faults; `calls` counts what was asked; `seen` is every call in order: (time, method, parameters)."""

    def __init__(self, token=TOKEN, username="Companion_Bot", clock=time.monotonic, wall=time.time, floods=False):
        self.token, self.username, self.clock, self.wall, self.floods = token, username, clock, wall, floods
        self.bot_id = int(token.partition(":")[0])
        self.chats, self.updates, self.toasts, self.commands, self.descriptions = {}, [], {}, {}, {}
        self.calls, self.faults, self.seen, self.num_floods = Counter(), [], [], 0
        self.ids, self.update_ids = itertools.count(100), itertools.count(7000)
        self.lock = threading.RLock()
        self.news = threading.Condition(self.lock)
        self.recent = deque()
        self.poller, self.webhook, self.secret, self.documents = 0, "", "", []
        self._is_bringing = False
        self.acknowledged = 0
        self._http = None

    # -- what people do

    def person(self, id, name="Ann", language="en"):
        return Person(self, id, name, language)

    def group(self, id, *members, title="Friends", type="supergroup", is_forum=False):
        self.chats[id] = Chat(id, type, title, is_forum, list(members))
        return self.chats[id]

    def me(self):
        name = {"id": self.bot_id, "is_bot": True, "first_name": "Companion", "username": self.username}
        return name | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    def say(self, who, text, chat, *, reply_to=None, thread=None, age=0.0, **more):
        with self.lock:
            message = {
                "message_id": next(self.ids),
                "date": int(self.wall() - age),
                "chat": chat.as_json(),
                "from": who.as_json() if isinstance(who, Person) else who,
            }
            if text:
                message |= {"text": text} | ({"entities": entities_of(text)} if entities_of(text) else {})
            if reply_to is not None:
                message["reply_to_message"] = {k: v for k, v in reply_to.items() if k != "reply_to_message"}
            if thread is not None:
                message |= {"message_thread_id": thread, "is_topic_message": True}
            message |= more
            chat.messages[message["message_id"]] = message
            self.update(message=message)
            return message

    def membership(self, who, chat, old, new):
        member = {"user": self.me(), "status": old}
        new = {"user": self.me(), "status": new} | ({"until_date": 0} if new == "kicked" else {})
        old = member | ({"until_date": 0} if old == "kicked" else {})
        change = {"chat": chat.as_json(), "from": who.as_json(), "date": int(self.wall())}
        self.update(my_chat_member=change | {"old_chat_member": old, "new_chat_member": new})

    def migrate(self, group, new_id, who):
        """A group becomes a supergroup: its old id is refused from now on, with the new one."""
        new = self.group(new_id, *group.members, title=group.title)
        group.moved_to = new_id
        self.say(who, "", group, migrate_to_chat_id=new_id)
        self.say(who, "", new, migrate_from_chat_id=group.id)
        return new

    def update(self, **what):
        with self.news:
            update = {"update_id": next(self.update_ids), **what}
            self.updates.append(update)
            self.news.notify_all()
            return update

    # -- what a test looks at

    def fail(self, method, fault, times=1):
        """The next calls of a method: "cut", "cut after", "hang after", an HTTP status, a `Refused`, or a `Hold`."""
        with self.lock:
            self.faults += [(method, fault)] * times

    def texts(self, chat):
        with self.lock:
            mine = [message for message in chat.messages.values() if message["from"]["id"] == self.bot_id]
            return [message.get("text") or f"[{message['document']['file_name']}]" for message in mine]

    def entities(self, chat):
        """What stands out in the newest text of the bot: (type, the words)."""
        with self.lock:
            last = [message for message in chat.messages.values() if message["from"]["id"] == self.bot_id][-1]
            return [(one["type"], piece(last["text"], one)) for one in last.get("entities", [])]

    def transcript(self, chat):
        """The chat as everybody in it reads it now."""
        with self.lock:
            return [f"{message['from']['first_name']}: {message.get('text', '…')}" for message in chat.messages.values()]

    def asked(self, method):
        with self.lock:
            return [parameters for _, name, parameters in self.seen if name == method]

    # -- the Bot API

    def call(self, method, parameters, files=None):
        """Do one call; gives its result or raises `Refused` or `Cut`."""
        fault = self._next_fault(method)
        self._fail_before(fault)
        result = self._do(method, parameters, files)
        if isinstance(fault, Hold):
            fault.hang()
        if fault in ("cut after", "hang after"):
            raise Cut(30 if fault == "hang after" else 0)
        return result

    def _fail_before(self, fault):
        if fault == "cut":
            raise Cut(0)
        if isinstance(fault, int):
            raise Refused(fault, "Bad Gateway" if fault == 502 else "Internal Server Error")
        if isinstance(fault, Refused):
            raise fault
        if isinstance(fault, Hold) and not fault.after:
            fault.hang()

    def _do(self, method, parameters, files):
        handler = getattr(self, "_do_" + re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), method), None)
        if handler is None:
            raise Refused(404, "Not Found")
        with self.lock:
            self.calls[method] += 1
            self.seen.append((self.clock(), method, parameters))
            allowed = inspect.signature(handler).parameters
            if unknown := parameters.keys() - {name.rstrip("_") for name in allowed}:
                raise Refused(400, f"Bad Request: {method} does not know {sorted(unknown)}")
            if "chat_id" in parameters:
                self._flood(self._chat(parameters["chat_id"]))
            try:
                return handler(**parameters, **(files or {}))
            except TypeError as problem:
                raise Refused(400, f"Bad Request: {problem}") from None

    def _next_fault(self, method):
        with self.lock:
            for place, (name, fault) in enumerate(self.faults):
                if name in (method, "*"):
                    del self.faults[place]
                    return fault
        return None

    def _chat(self, id):
        chat = self.chats.get(int(id))
        if chat is None:
            raise Refused(400, "Bad Request: chat not found")
        if chat.moved_to:
            raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
        if chat.gone:
            raise Refused(403, chat.gone)
        return chat

    def _flood(self, chat):
        if not self.floods:
            return
        now = self.clock()
        self._flood_of_the_bot(now)
        if now < chat.banned_until:
            chat.ban *= 2  # whoever asks again too early waits longer
            chat.banned_until = now + chat.ban
        elif self._is_within(chat, now):
            chat.ban = max(_FIRST_BAN, chat.ban / 2)
            return
        else:
            chat.banned_until = now + chat.ban
        self.num_floods += 1
        wait = int(chat.banned_until - now) + 1
        raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)

    def _flood_of_the_bot(self, now):
        while self.recent and self.recent[0] <= now - 1:
            self.recent.popleft()
        if len(self.recent) >= _BOT_CALLS:
            self.num_floods += 1
            raise Refused(429, "Too Many Requests: retry after 1", retry_after=1)
        self.recent.append(now)

    def _is_within(self, chat, now):
        if chat.type == "private":
            chat.tokens = min(_PRIVATE_BURST, chat.tokens + (now - chat.refilled_at) * _PRIVATE_RATE)
            chat.refilled_at = now
            chat.tokens -= 1
            return chat.tokens >= 0
        while chat.calls and chat.calls[0] <= now - _GROUP_SECONDS:
            chat.calls.popleft()
        chat.calls.append(now)
        return len(chat.calls) <= _GROUP_CALLS

    def _do_get_me(self):
        return self.me()

    def _do_get_updates(self, offset=0, limit=100, timeout=0, allowed_updates=()):
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        with self.news:
            self.poller += 1
            mine, end = self.poller, time.monotonic() + min(timeout, 2)
            self.news.notify_all()
            if offset:
                self.acknowledged = max(self.acknowledged, offset - 1)
                self.updates = [update for update in self.updates if update["update_id"] >= offset]
            while not (found := self._allowed(allowed_updates)[:limit]) and time.monotonic() < end:
                self.news.wait(end - time.monotonic())
                if mine != self.poller:
                    raise Refused(
                        409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
                    )
            return found

    def _allowed(self, kinds):
        return [update for update in self.updates if not kinds or any(kind in update for kind in kinds)]

    def _do_send_message(
        self,
        chat_id,
        text,
        entities=(),
        reply_markup=None,
        reply_parameters=None,
        message_thread_id=None,
        link_preview_options=None,
        disable_notification=False,
    ):
        chat = self._chat(chat_id)
        check_text(text, entities)
        check_markup(reply_markup)
        if reply_parameters and reply_parameters["message_id"] not in chat.messages:
            if not reply_parameters.get("allow_sending_without_reply"):
                raise Refused(400, "Bad Request: message to be replied not found")
            reply_parameters = None
        message = self._land(chat, message_thread_id, text=text, entities=list(entities), reply_markup=reply_markup)
        if reply_parameters:
            message["reply_to_message"] = chat.messages[reply_parameters["message_id"]]
        return message

    def _land(self, chat, thread, **content):
        message = {"message_id": next(self.ids), "date": int(self.wall()), "chat": chat.as_json(), "from": self.me()}
        message |= {name: value for name, value in content.items() if value}
        if thread is not None:
            message |= {"message_thread_id": int(thread)} | ({"is_topic_message": True} if chat.is_forum else {})
        chat.messages[message["message_id"]] = message
        chat.draft, chat.typing_until = None, 0.0
        return message

    def _do_send_document(
        self, chat_id, document, caption=None, message_thread_id=None, reply_parameters=None, disable_notification=False
    ):
        name, content = document
        self.documents.append((int(chat_id), name, content))
        return self._land(
            self._chat(chat_id), message_thread_id, document={"file_id": name, "file_unique_id": name, "file_name": name}
        )

    def _do_send_message_draft(
        self, chat_id, draft_id, text="", entities=(), message_thread_id=None, can_stop=False, keep_on_stop=False
    ):
        chat = self._chat(chat_id)
        if chat.type != "private":
            raise Refused(400, "Bad Request: message drafts can be sent only to private chats")
        if not draft_id:
            raise Refused(400, "Bad Request: DRAFT_ID_INVALID")
        if text:
            check_text(text, entities)
        chat.draft = {"id": draft_id, "text": text, "until": self.clock() + _DRAFT_SECONDS, "can_stop": can_stop}
        return True

    def _do_edit_message_text(self, chat_id, message_id, text, entities=(), reply_markup=None, link_preview_options=None):
        message = self._mine(chat_id, message_id)
        check_text(text, entities)
        check_markup(reply_markup)
        self._change(message, text=text, entities=list(entities), reply_markup=reply_markup)
        return message

    def _do_edit_message_reply_markup(self, chat_id, message_id, reply_markup=None):
        message = self._mine(chat_id, message_id)
        check_markup(reply_markup)
        self._change(message, text=message["text"], entities=message.get("entities", []), reply_markup=reply_markup)
        return message

    def _mine(self, chat_id, message_id):
        message = self._chat(chat_id).messages.get(int(message_id))
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if message["from"]["id"] != self.bot_id:
            raise Refused(400, "Bad Request: message can't be edited")
        return message

    def _change(self, message, **content):
        old = {name: message.get(name) or None for name in content}
        if old == {name: value or None for name, value in content.items()}:
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message",
            )
        for name, value in content.items():
            if value:
                message[name] = value
            else:
                message.pop(name, None)

    def _do_delete_message(self, chat_id, message_id):
        if self._chat(chat_id).messages.pop(int(message_id), None) is None:
            raise Refused(400, "Bad Request: message to delete not found")
        return True

    def _do_send_chat_action(self, chat_id, action, message_thread_id=None):
        self._chat(chat_id).typing_until = self.clock() + 5
        return True

    def _do_answer_callback_query(self, callback_query_id, text="", show_alert=False, cache_time=0):
        if units(text) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        self.toasts[callback_query_id] = text
        return True

    def _do_set_my_commands(self, commands, scope=None, language_code=""):
        for one in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]) or not 1 <= len(one["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        scope = scope or {"type": "default"}
        self.commands[scope["type"], scope.get("chat_id"), language_code] = [one["command"] for one in commands]
        return True

    def _do_delete_my_commands(self, scope=None, language_code=""):
        scope = scope or {"type": "default"}
        self.commands.pop((scope["type"], scope.get("chat_id"), language_code), None)
        return True

    def _do_set_my_description(self, description="", language_code=""):
        self.descriptions["long", language_code] = description
        if len(description) > 512:
            raise Refused(400, "Bad Request: too long")
        return True

    def _do_set_my_short_description(self, short_description="", language_code=""):
        self.descriptions["short", language_code] = short_description
        if len(short_description) > 120:
            raise Refused(400, "Bad Request: too long")
        return True

    def _do_set_webhook(self, url="", secret_token="", allowed_updates=(), max_connections=40):
        if url and not re.match("https://|http://127.0.0.1", url):
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook, self.secret = url, secret_token
        if not self._is_bringing:
            self._is_bringing = True
            threading.Thread(target=self._bring_all, daemon=True).start()
        return True

    def _bring_all(self):
        """One update after the other, each until it is taken."""
        while self._http is not None:
            with self.news:
                self.news.wait_for(lambda: self.updates and self.webhook, 0.1)
                update, url = next(iter(self.updates), None), self.webhook
            if update is None or not url:
                continue
            if self._bring(url, update) == 200:
                with self.lock:
                    self.updates.remove(update)
                    self.acknowledged = update["update_id"]
            else:
                time.sleep(0.05)

    def _bring(self, url, update):
        head = {"X-Telegram-Bot-Api-Secret-Token": self.secret, "Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(update).encode(), head)
        self.calls["webhook"] += 1
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as problem:
            return problem.code
        except OSError:
            return 0

    def _do_delete_webhook(self, drop_pending_updates=False):
        self.webhook = ""
        return True

    # -- HTTP

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self._http.server_port}/bot"

    def __enter__(self):
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.fake = self
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._http = None


def piece(text, entity):
    encoded = text.encode("utf-16-le")
    return encoded[entity["offset"] * 2 : (entity["offset"] + entity["length"]) * 2].decode("utf-16-le")


def check_markup(markup):
    for row in (markup or {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button["callback_data"].encode()) <= _CALLBACK_BYTES:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Clients that leave in the middle are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        fake, (token, method) = self.server.fake, re.fullmatch(r"/bot([^/]*)/(\w+)", self.path).groups()
        parameters, files = self._read()
        if token != fake.token:
            return self._answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        try:
            result = fake.call(method, parameters, files)
        except Cut as cut:
            time.sleep(cut.args[0])
            self.close_connection = True
            return None
        except Refused as no:
            told = {"ok": False, "error_code": no.code, "description": str(no)}
            return self._answer(no.code, told | ({"parameters": no.parameters} if no.parameters else {}))
        return self._answer(200, {"ok": True, "result": result})

    def _read(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            return self._read_parts(kind, body)
        return {name: value_of(name, values[0]) for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}, {}

    def _read_parts(self, kind, body):
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parameters, files = {}, {}
        for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts():
            name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            if part.get_filename():
                files[name] = (part.get_filename(), content)
            else:
                parameters[name] = value_of(name, content.decode())
        # PTB names a file apart and refers to it.
        for name, value in list(parameters.items()):
            if isinstance(value, str) and value.startswith("attach://"):
                files[name] = files.pop(value.removeprefix("attach://"))
                del parameters[name]
        return parameters, files

    def _answer(self, status, told):
        body = json.dumps(told).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def value_of(name, text):
    """Texts are texts; everything else is JSON."""
    if name in ("text", "caption", "callback_query_id", "description", "short_description", "language_code", "action"):
        return text
    if name in ("url", "secret_token"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
