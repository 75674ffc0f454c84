"""Discord's REST API and gateway on a free loopback port, as strict as the real ones, that a test reads as a person would.

Unmodified discord.py talks to it through `base_url`. People are `Person`s: they write, use commands, press and look. Text is
hidden from a bot that may not see it. What is not known is refused. `limits=True` counts calls as Discord does, and
`identify_pace` is how many seconds are to be between two introductions.
"""

import asyncio
import base64
import contextlib
import fnmatch
import itertools
import json
import re
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

BOT_ID = 7000004242000000001
TOKEN = f"{base64.urlsafe_b64encode(str(BOT_ID).encode()).decode().rstrip('=')}.Gfaket.faketokenfaketokenfaketokenfake-1"
MESSAGE_CONTENT = 1 << 15
VIEW, SEND, MANAGE_MESSAGES, ATTACH, HISTORY, SEND_IN_THREADS = 1 << 10, 1 << 11, 1 << 13, 1 << 15, 1 << 16, 1 << 38
MANAGE_GUILD, ADMINISTRATOR, MANAGE_THREADS = 1 << 5, 1 << 3, 1 << 34
THREADS, EMBED = 1 << 35, 1 << 14
NEEDED = VIEW | THREADS | SEND | ATTACH | HISTORY | SEND_IN_THREADS
_EPOCH_MS = 1420070400000
_EPHEMERAL, SUPPRESS_EMBEDS, _LOADING = 1 << 6, 1 << 2, 1 << 7
_MOST = 2000
_CALLS, _SECONDS = 5, 5.0
_NONCE_SECONDS = 300
_INTERACTION_SECONDS = 900
_ACK_SECONDS = 3.0


class Refused(Exception):
    def __init__(self, status, code=0, message="refused"):
        super().__init__(message)
        self.status, self.code = status, code


def stamp(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06d}+00:00"


def check_components(rows):
    """What Discord says to buttons."""
    ids = [key["custom_id"] for row in rows for key in row["components"]]
    if len(rows) > 5 or any(not 1 <= len(row["components"]) <= 5 for row in rows):
        raise Refused(400, 50035, "Invalid Form Body: components")
    if len(set(ids)) < len(ids) or any(not 1 <= len(id) <= 100 for id in ids):
        raise Refused(400, 50035, "Invalid Form Body: custom_id")


@dataclass
class Channel:
    id: int
    type: int
    guild: object = None
    name: str = "general"
    parent: object = None
    owner_id: int = 0
    recipient: object = None
    messages: dict = field(default_factory=dict)
    denied: int = 0
    is_archived: bool = False
    is_locked: bool = False
    is_gone: bool = False
    slow_for: int = 0
    num_typing: int = 0

    def as_json(self):
        told = {"id": str(self.id), "type": self.type, "last_message_id": None, "flags": 0}
        if self.type == 1:
            return told | {"recipients": [self.recipient.as_json()]}
        told |= {"guild_id": str(self.guild.id), "name": self.name, "parent_id": str(self.parent.id) if self.parent else None}
        if self.type == 11:
            meta = {"archived": self.is_archived, "auto_archive_duration": 60, "locked": self.is_locked}
            meta["archive_timestamp"] = stamp(time.time())
            return told | {"owner_id": str(self.owner_id), "message_count": 0, "member_count": 1, "thread_metadata": meta}
        denied = [{"id": str(BOT_ID), "type": 1, "allow": "0", "deny": str(self.denied)}] if self.denied else []
        return told | {"position": 0, "permission_overwrites": denied, "nsfw": False, "topic": None, "rate_limit_per_user": 0}


@dataclass
class Guild:
    id: int
    members: list
    channels: list = field(default_factory=list)
    rights: int = NEEDED
    managers: set = field(default_factory=set)
    system: object = None

    def rights_of(self, person):
        return self.rights | (MANAGE_GUILD if person.id in self.managers else 0)

    def as_json(self, bot):
        roles = [_role(self.id, "@everyone", VIEW | HISTORY | THREADS), _role(self.id + 1, "bot", self.rights)]
        roles.append(_role(self.id + 2, "managers", MANAGE_GUILD))
        threads = [one.as_json() for one in self.channels if one.type == 11 and not one.is_archived]
        member = _member(bot, [self.id + 1])
        return {
            "id": str(self.id), "name": "A server", "owner_id": "1", "roles": roles, "emojis": [], "stickers": [],
            "features": [], "members": [member], "member_count": 3, "threads": threads, "preferred_locale": "en-US",
            "channels": [one.as_json() for one in self.channels if one.type != 11], "voice_states": [], "presences": [],
            "system_channel_id": str(self.system.id) if self.system else None, "unavailable": False, "large": False,
            "premium_tier": 0, "verification_level": 0, "nsfw_level": 0, "mfa_level": 0, "system_channel_flags": 0,
            "explicit_content_filter": 0, "default_message_notifications": 0, "afk_timeout": 60, "afk_channel_id": None,
            "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [], "premium_progress_bar_enabled": False,
        }  # fmt: skip


def _role(id, name, rights):
    told = {"id": str(id), "name": name, "permissions": str(rights), "position": 1, "color": 0, "hoist": False}
    return told | {"managed": False, "mentionable": False, "flags": 0}


def _member(user, roles=()):
    told = {"user": user, "roles": [str(role) for role in roles], "joined_at": stamp(0), "flags": 0}
    return told | {"deaf": False, "mute": False, "nick": None, "premium_since": None}


class Person:
    """Somebody with a Discord client."""

    def __init__(self, server, id, name, language):
        self.server, self.id, self.name, self.language = server, id, name, language
        self.dm = Channel(server.snowflake(), 1, recipient=self)
        server.channels[self.dm.id] = self.dm
        self.is_closed = False

    def as_json(self):
        told = {"id": str(self.id), "username": self.name.lower(), "discriminator": "0", "global_name": self.name}
        return told | {"avatar": None, "bot": False}

    @property
    def mention(self):
        return f"<@{self.id}>"

    def write(self, text="", where=None, **more):
        """A message, by default a direct one: `reply_to` (with a ping unless `ping=False`), and fields of Discord's Message."""
        return self.server.say(self.as_json(), text, where or self.dm, **more)

    def edit(self, message, text):
        message |= {"content": text, "edited_timestamp": stamp(time.time()), **self.server.mentions_in(text)}
        self.server.tell("MESSAGE_UPDATE", message)

    def delete(self, message):
        del self.server.channels[int(message["channel_id"])].messages[int(message["id"])]
        self.server.tell("MESSAGE_DELETE", {key: message[key] for key in ("id", "channel_id", "guild_id") if key in message})

    def use(self, name, where=None, /, **options):
        """A command, such as `persona set`. Gives its interaction."""
        command, *rest = name.split()
        words = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
        if rest:
            words = [{"name": rest[0], "type": 1, "options": words}]
        known = self.server.commands.get(command)
        assert known, f"no command {command}: {list(self.server.commands)}"
        return self.interact(2, {"id": known["id"], "name": command, "type": known.get("type", 1), "options": words}, where)

    def completes(self, name, current, where=None, option="value"):
        """What is suggested for `persona set value:` so far."""
        command, *rest = name.split()
        words = [{"name": option, "type": 3, "value": current, "focused": True}]
        options = [{"name": rest[0], "type": 1, "options": words}]
        return self.interact(4, {"id": "1", "name": command, "type": 1, "options": options}, where)

    def report(self, message, where=None):
        data = {"id": self.server.commands["Report"]["id"], "name": "Report", "type": 3, "target_id": message["id"]}
        return self.interact(2, data | {"resolved": {"messages": {message["id"]: message}}}, where)

    def press(self, label, where=None, message=None):
        """The newest button of that label; `message` picks another message. Gives the interaction."""
        place = where or self.dm
        for one in [message] if message else list(reversed(place.messages.values())):
            for row in one.get("components", []):
                for key in row["components"]:
                    if label in key["label"]:
                        return self.press_raw(one, key["custom_id"], place)
        raise AssertionError(f"no button {label!r} in {[m.get('components') for m in place.messages.values()]}")

    def press_raw(self, message, data, where=None):
        return self.interact(3, {"custom_id": data, "component_type": 2}, where, message)

    def interact(self, type, data, where=None, message=None):
        made = Interaction(self.server, self, where or self.dm, message, self.server.snowflake(), type)
        self.server.interactions[made.token] = made
        self.server.tell("INTERACTION_CREATE", made.as_json(data))
        return made

    def sees(self, where=None):
        """What the bot says there, in order."""
        return self.server.texts(where or self.dm)

    def buttons(self, where=None):
        """The labels of each message that has any."""
        found = [one["components"] for one in (where or self.dm).messages.values() if one.get("components")]
        return [[key["label"] for row in rows for key in row["components"]] for rows in found]


@dataclass
class Interaction:
    server: object
    person: Person
    where: Channel
    message: dict | None
    id: int
    type: int
    began_at: float = field(default_factory=time.monotonic)
    original: dict | None = None
    followups: list = field(default_factory=list)
    choices: list | None = None
    is_acknowledged: bool = False
    is_expired: bool = False

    @property
    def token(self):
        return f"tok{self.id}"

    @property
    def text(self):
        """What stands in the answer; None while Discord shows that the bot thinks, or when there is none."""
        return self.original["content"] if self.original and not self.original["flags"] & _LOADING else None

    @property
    def is_hidden(self):
        return bool(self.original and self.original["flags"] & _EPHEMERAL)

    def as_json(self, data):
        guild = self.where.guild
        told = {
            "id": str(self.id), "application_id": str(BOT_ID), "type": self.type, "token": self.token, "version": 1,
            "data": data, "channel_id": str(self.where.id), "channel": self.where.as_json(), "locale": self.person.language,
            "attachment_size_limit": 10_000_000, "entitlements": [], "authorizing_integration_owners": {},
            "app_permissions": str(guild.rights if guild else NEEDED),
        }  # fmt: skip
        if self.message:
            told["message"] = self.message
        if guild is None:
            return told | {"user": self.person.as_json(), "context": 1}
        member = _member(self.person.as_json()) | {"permissions": str(guild.rights_of(self.person))}
        return told | {"guild_id": str(guild.id), "guild_locale": "en-US", "member": member, "context": 0}


class DiscordServer:
    """Use as a context manager. `calls` counts requests by method and last part of the path."""

    def __init__(self, limits=False, reads_all=False):
        self.limits, self.reads_all = limits, reads_all
        self.token = TOKEN
        self.bot = {"id": str(BOT_ID), "username": "companion", "discriminator": "0", "global_name": "Companion"}
        self.bot |= {"avatar": None, "bot": True}
        self.channels, self.guilds, self.people, self.interactions, self.commands = {}, {}, {}, {}, {}
        self.calls, self.asked, self.documents = Counter(), [], []
        self.num_limited = self.num_identified = self.num_sessions = self.num_resumed = self.num_syncs = 0
        self.identify_left, self.identify_pace, self.num_too_soon, self._identified_at = 1000, 0.0, 0, float("-inf")
        self.sockets, self.session, self.log, self.intents = [], None, [], 0
        self._serial, self._faults, self._nonces = itertools.count(), [], {}
        self._buckets = defaultdict(lambda: [_CALLS, 0.0])
        self._global_until = 0.0
        self.refuses_resume = self.loses_events = False
        self._is_up = threading.Event()

    # What tests do

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._is_up.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def snowflake(self):
        return (int(time.time() * 1000) - _EPOCH_MS) << 22 | next(self._serial) % 4096

    def person(self, name="Ann", language="en-US"):
        one = Person(self, self.snowflake(), name, language)
        self.people[one.id] = one
        return one

    def guild(self, *members, managers=()):
        """A server with one channel, which is given."""
        id = self.snowflake() & ~0xFFF
        while id in self.guilds:  # made within the same millisecond
            id += 1 << 12
        guild = Guild(id, list(members), managers={one.id for one in managers})
        self.guilds[guild.id] = guild
        channel = self.channel(guild, tell=False)
        self.tell("GUILD_CREATE", guild.as_json(self.bot))
        return channel

    def channel(self, guild, tell=True, **more):
        made = Channel(self.snowflake(), 0, guild, **more)
        guild.channels.append(made)
        self.channels[made.id] = made
        if tell:
            self.tell("CHANNEL_CREATE", made.as_json())
        return made

    def thread(self, parent, owner_id=BOT_ID):
        made = Channel(self.snowflake(), 11, parent.guild, "talk", parent, owner_id)
        parent.guild.channels.append(made)
        self.channels[made.id] = made
        self.tell("THREAD_CREATE", made.as_json() | {"newly_created": True})
        return made

    def change(self, channel, **to):
        for name, value in to.items():
            setattr(channel, name, value)
        self.tell("THREAD_UPDATE" if channel.type == 11 else "CHANNEL_UPDATE", channel.as_json())

    def remove_bot(self, guild):
        del self.guilds[guild.id]
        self.tell("GUILD_DELETE", {"id": str(guild.id)})

    def texts(self, channel):
        return [one["content"] for one in channel.messages.values() if one["author"]["id"] == str(BOT_ID)]

    def fail(self, method, path, status, times=1, code=0, **body):
        """The next calls to a path such as `/channels/*/messages` fail.

        "cut" breaks the connection, "after" does so when it was done, and "ban" refuses the whole address.
        """
        self._faults.append([method, path, status, times, {"code": code, "message": "injected", **body}])

    def limit_globally(self, seconds):
        self._global_until = time.monotonic() + seconds

    def use_up(self, method, channel, seconds):
        """Nothing of that kind is allowed there for a while, and no bucket header has told the bot."""
        self._buckets[method, str(channel.id)] = [0, time.monotonic() + seconds]

    def say(self, author, text, where, reply_to=None, ping=True, **more):
        id = self.snowflake()
        message = self._message(id, author, where, text) | more
        if reply_to:
            message |= {"type": 19, "message_reference": {"message_id": reply_to["id"], "channel_id": str(where.id)}}
            message["referenced_message"] = reply_to
            if ping and all(one["id"] != reply_to["author"]["id"] for one in message["mentions"]):
                message["mentions"] = [*message["mentions"], reply_to["author"]]
        where.messages[id] = message
        self.tell("MESSAGE_CREATE", message)
        return message

    def tell(self, name, data):
        """An event, which a session that is away for a moment gets when it resumes."""
        self.log.append((name, data))
        event = {"op": 0, "t": name, "s": len(self.log), "d": self._visible(name, data)}
        if not self.loses_events:
            for socket in list(self.sockets):
                asyncio.run_coroutine_threadsafe(self._send(socket, event), self._loop)

    def disconnect(self, code=4000):
        for socket in list(self.sockets):
            asyncio.run_coroutine_threadsafe(socket.close(code=code), self._loop).result(5)

    def send_raw(self, payload):
        for socket in list(self.sockets):
            asyncio.run_coroutine_threadsafe(socket.send_str(json.dumps(payload)), self._loop).result(5)

    # The server

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self):
        self._ended = asyncio.Event()
        app = web.Application()
        app.router.add_get("/gateway", self._gateway)
        app.router.add_route("*", "/api/v10/{path:.*}", self._api)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._is_up.set()
        await self._ended.wait()
        for socket in list(self.sockets):
            await socket.close()
        await runner.cleanup()

    # Gateway

    async def _gateway(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
        async for got in socket:
            if got.type is not WSMsgType.TEXT:
                break
            told = json.loads(got.data)
            if told["op"] == 1:
                await socket.send_json({"op": 11})
            elif told["op"] == 2:
                await self._identify(socket, told["d"])
            elif told["op"] == 6:
                await self._resume(socket, told["d"])
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def _identify(self, socket, told):
        now, before = time.monotonic(), self._identified_at
        if now < before + self.identify_pace:
            self.num_too_soon += 1
            await socket.send_json({"op": 9, "d": False})
            return
        self._identified_at = now
        self.num_identified += 1
        self.identify_left -= 1
        if told["token"] != self.token:
            await socket.close(code=4004)
            return
        if told["intents"] & MESSAGE_CONTENT and not self.reads_all:
            await socket.close(code=4014)
            return
        self.intents, self.session = told["intents"], f"s{self.num_identified}"
        guilds = [{"id": str(id), "unavailable": True} for id in self.guilds]
        ready = {"v": 10, "user": self.bot, "guilds": guilds, "session_id": self.session, "shard": told["shard"]}
        ready |= {"resume_gateway_url": f"ws://127.0.0.1:{self.port}/gateway", "application": {"id": str(BOT_ID), "flags": 0}}
        self.log.append(("READY", ready))
        await socket.send_json({"op": 0, "t": "READY", "s": len(self.log), "d": ready})
        for guild in self.guilds.values():
            await socket.send_json({"op": 0, "t": "GUILD_CREATE", "s": len(self.log), "d": guild.as_json(self.bot)})
        self.sockets.append(socket)
        self.num_sessions += 1

    async def _resume(self, socket, told):
        if self.refuses_resume or told["session_id"] != self.session:
            await socket.send_json({"op": 9, "d": False})
            return
        self.num_resumed += 1
        for number, (name, data) in enumerate(self.log[told["seq"] :], told["seq"] + 1):
            await self._send(socket, {"op": 0, "t": name, "s": number, "d": self._visible(name, data)})
        await socket.send_json({"op": 0, "t": "RESUMED", "s": len(self.log), "d": {}})
        self.sockets.append(socket)

    async def _send(self, socket, event):
        with contextlib.suppress(ConnectionError):
            await socket.send_json(event)

    def _visible(self, name, data):
        """Without the intent a bot sees the text of its own messages, of direct ones, and of those that name it."""
        if name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or self.intents & MESSAGE_CONTENT:
            return data
        return self._hidden(data)

    def _hidden(self, data):
        is_named = any(one["id"] == str(BOT_ID) for one in data["mentions"])
        if "guild_id" not in data or is_named or data["author"]["id"] == str(BOT_ID):
            return data
        return data | {"content": "", "attachments": [], "embeds": [], "components": []}

    # REST

    async def _api(self, request):
        path = "/" + request.match_info["path"]
        self.calls[f"{request.method} {re.sub(r'[0-9]{6,}|tok[0-9]+', '*', path)}"] += 1
        body, files = await self._body(request)
        self.asked.append((request.method, path, body))
        fault = self._fault(request.method, path)
        if fault is not None and fault[2] != "after":
            return self._failed(request, fault)
        if not self._is_known(request, path):
            return _answer(401, {"message": "401: Unauthorized", "code": 0})
        headers = {}
        if limited := self._limited(request.method, path, headers):
            return limited
        try:
            status, told = self._do(request.method, path, body, files, request.query)
        except Refused as refusal:
            return _answer(refusal.status, {"code": refusal.code, "message": str(refusal)}, headers)
        if fault is not None:
            request.transport.close()
        return _answer(status, told, headers)

    def _fault(self, method, path):
        fault = next((one for one in self._faults if one[0] == method and fnmatch.fnmatch(path, one[1])), None)
        if fault is not None:
            fault[3] -= 1
            if fault[3] < 1:
                self._faults.remove(fault)
        return fault

    def _failed(self, request, fault):
        if fault[2] == "ban":  # by what stands before Discord, which says so in HTML
            return web.Response(status=429, text="<html>error 1015</html>", content_type="text/html")
        if fault[2] != "cut":
            return _answer(fault[2], fault[4])
        request.transport.close()
        return _answer(500, {})

    def _is_known(self, request, path):
        """Interactions bear their own token."""
        return path.startswith(("/interactions", "/webhooks")) or request.headers.get("Authorization") == f"Bot {self.token}"

    async def _body(self, request):
        if request.content_type == "multipart/form-data":
            form = await request.post()
            files = [(one.filename, one.file.read()) for key, one in form.items() if key.startswith("files")]
            return json.loads(form["payload_json"]) if "payload_json" in form else {}, files
        return (await request.json() if request.can_read_body else {}), []

    def _limited(self, method, path, headers):
        """Five calls in five seconds for each method in each channel, and by each token; and what the test says of all."""
        now = time.monotonic()
        if now < self._global_until and not path.startswith(("/webhooks", "/interactions")):
            self.num_limited += 1
            seconds = self._global_until - now
            told = {"message": "You are being rate limited.", "retry_after": seconds, "global": True}
            return _answer(429, told, {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"})
        match = re.match(r"/channels/(\d+)/messages|/webhooks/\d+/(\w+)", path)
        if not self.limits or match is None or method not in ("POST", "PATCH"):
            return None
        bucket = self._buckets[match[2] or (method, match[1])]
        if now >= bucket[1]:
            bucket[:] = [_CALLS, now + _SECONDS]
        headers |= {"X-RateLimit-Bucket": f"b{method}", "X-RateLimit-Limit": str(_CALLS)}
        headers |= {
            "X-RateLimit-Reset-After": f"{bucket[1] - now:.3f}",
            "X-RateLimit-Reset": f"{time.time() + bucket[1] - now:.3f}",
        }
        if bucket[0] < 1:
            self.num_limited += 1
            told = {"message": "You are being rate limited.", "retry_after": bucket[1] - now, "global": False}
            return _answer(429, told, headers | {"X-RateLimit-Remaining": "0", "X-RateLimit-Scope": "user"})
        bucket[0] -= 1
        headers["X-RateLimit-Remaining"] = str(bucket[0])
        return None

    def _do(self, method, path, body, files, query):
        for pattern, do in _ROUTES.items():
            wanted, _, form = pattern.partition(" ")
            if method == wanted and (match := re.fullmatch(form, path)):
                return getattr(self, do)(*match.groups(), body=body, files=files, query=query)
        raise Refused(404, 0, f"404: Not Found: {method} {path}")

    def _me(self, **_):
        return 200, self.bot

    def _application(self, **_):
        told = {"id": str(BOT_ID), "name": "Companion", "description": "", "icon": None, "bot_public": True, "flags": 0}
        return 200, told | {"bot_require_code_grant": False, "owner": self.bot, "verify_key": "0"}

    def _gateway_bot(self, **_):
        limit = {"total": 1000, "remaining": self.identify_left, "reset_after": 300, "max_concurrency": 1}
        return 200, {"url": f"ws://127.0.0.1:{self.port}/gateway", "shards": 1, "session_start_limit": limit}

    def _open_dm(self, body, **_):
        person = self.people.get(int(body["recipient_id"]))
        if person is None:
            raise Refused(400, 50033, "Invalid Recipient(s)")
        return 200, person.dm.as_json()

    def _begin_thread(self, id, body, **_):
        thread = self.thread(self._channel(id, THREADS))
        thread.name = body["name"]
        return 201, thread.as_json()

    def _take_in(self, id, _person, **_):
        self._channel(id)
        return 204, None

    def _get_channel(self, id, **_):
        return 200, self._channel(id).as_json()

    def _edit_channel(self, id, body, **_):
        channel = self._channel(id)
        if channel.is_locked:
            raise Refused(403, 50013, "Missing Permissions")
        channel.is_archived = body.get("archived", channel.is_archived)
        return 200, channel.as_json()

    def _history(self, id, query, **_):
        channel = self._channel(id, HISTORY)
        after, before, limit = (int(query.get(key, value)) for key, value in (("after", 0), ("before", 1 << 63), ("limit", 50)))
        found = [one for key, one in channel.messages.items() if after < key < before]
        found = found[:limit] if "after" in query else found[-limit:]
        is_open = self.intents & MESSAGE_CONTENT
        return 200, [one if is_open else self._hidden(one) for one in reversed(found)]

    def _typing(self, id, **_):
        self._channel(id, SEND).num_typing += 1
        return 204, None

    def _post(self, id, body, files, **_):
        channel = self._channel(id, SEND_IN_THREADS if self._channel(id).type == 11 else SEND)
        if channel.is_archived:
            raise Refused(400, 50083, "Thread is archived")
        if channel.recipient and channel.recipient.is_closed:
            raise Refused(403, 50007, "Cannot send messages to this user")
        if channel.slow_for > 0:
            channel.slow_for -= 1
            raise Refused(400, 20016, "This action cannot be performed due to slowmode rate limit")
        self._check(body, files)
        nonce = (id, body.get("nonce"))
        if body.get("enforce_nonce") and nonce in self._nonces and time.monotonic() < self._nonces[nonce][1]:
            return 200, self._nonces[nonce][0]
        message = self._message(self.snowflake(), self.bot, channel, body.get("content") or "") | self._extras(body)
        if reference := body.get("message_reference"):
            message |= self._referred(channel, reference)
        self.documents += [(channel.id, name, content) for name, content in files]
        channel.messages[int(message["id"])] = message
        if body.get("enforce_nonce"):
            self._nonces[nonce] = message, time.monotonic() + _NONCE_SECONDS
        self.log.append(("MESSAGE_CREATE", message))
        self._loop.create_task(self._echo("MESSAGE_CREATE", message, len(self.log)))
        return 200, message

    async def _echo(self, name, message, number):
        """A bot hears itself."""
        for socket in list(self.sockets):
            await self._send(socket, {"op": 0, "t": name, "s": number, "d": message})

    def _referred(self, channel, reference):
        answered = channel.messages.get(int(reference["message_id"]))
        if answered is None:
            if reference.get("fail_if_not_exists", True):
                raise Refused(400, 50035, "Invalid Form Body: Unknown message")
            return {}
        return {"type": 19, "message_reference": reference, "referenced_message": answered}

    def _patch(self, id, message_id, body, **_):
        channel = self._channel(id)
        if channel.is_archived:
            raise Refused(400, 50083, "Thread is archived")
        message = channel.messages.get(int(message_id))
        if message is None or message["flags"] & _EPHEMERAL:
            raise Refused(404, 10008, "Unknown Message")
        if message["author"]["id"] != str(BOT_ID):
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        return 200, self._changed(message, body)

    def _changed(self, message, body):
        self._check({"components": message["components"]} | body, [], is_new=False)
        message |= {key: body[key] for key in ("content", "components") if key in body}
        message |= {"edited_timestamp": stamp(time.time()), "flags": message["flags"] & ~_LOADING}
        return message

    def _delete(self, id, message_id, **_):
        if self._channel(id).messages.pop(int(message_id), None) is None:
            raise Refused(404, 10008, "Unknown Message")
        return 204, None

    def _sync(self, _app, body, **_):
        self.num_syncs += 1
        for one in body:
            if not re.fullmatch(r"[-_\w]{1,32}", one["name"]) or (
                one.get("type", 1) == 1 and not 1 <= len(one["description"]) <= 100
            ):
                raise Refused(400, 50035, f"Invalid Form Body: {one['name']}")
        self.commands = {one["name"]: one | {"id": str(self.snowflake()), "application_id": str(BOT_ID)} for one in body}
        told = {"version": "1", "default_member_permissions": None, "description": "", "options": []}
        return 200, [told | one for one in self.commands.values()]

    def _callback(self, id, token, body, **_):
        made = self._interaction(token)
        if made.is_acknowledged:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if time.monotonic() > made.began_at + _ACK_SECONDS:
            raise Refused(404, 10062, "Unknown interaction")
        made.is_acknowledged, data = True, body.get("data") or {}
        if body["type"] == 8:
            made.choices = data["choices"]
        elif body["type"] in (4, 5):
            flags = data.get("flags", 0) | (_LOADING if body["type"] == 5 else 0)
            made.original = self._reply(made, data | {"flags": flags})
        else:
            made.original = made.message
        told = {"interaction": {"id": str(id), "type": made.type, "response_message_id": made.original and made.original["id"]}}
        return 200, told | {"resource": {"type": body["type"], "message": made.original} if made.original else {"type": 6}}

    def _original(self, _app, token, **_):
        return 200, self._interaction(token).original

    def _edit_original(self, _app, token, body, files, **_):
        made = self._interaction(token)
        self.documents += [(made.where.id, name, content) for name, content in files]
        return 200, self._changed(made.original, body)

    def _delete_original(self, _app, token, **_):
        made = self._interaction(token)
        made.where.messages.pop(int(made.original["id"]), None)
        made.original = None
        return 204, None

    def _followup(self, _app, token, body, files, **_):
        made = self._interaction(token)
        self._check(body, files)
        self.documents += [(made.where.id, name, content) for name, content in files]
        made.followups.append(self._reply(made, body))
        return 200, made.followups[-1]

    def _edit_followup(self, _app, token, id, body, **_):
        return 200, self._changed(self._followed(token, id), body)

    def _delete_followup(self, _app, token, id, **_):
        made, message = self._interaction(token), self._followed(token, id)
        made.followups.remove(message)
        made.where.messages.pop(int(id), None)
        return 204, None

    def _followed(self, token, id):
        for message in self._interaction(token).followups:
            if message["id"] == str(id):
                return message
        raise Refused(404, 10008, "Unknown Message")

    def _reply(self, made, body):
        message = self._message(self.snowflake(), self.bot, made.where, body.get("content") or "") | self._extras(body)
        if not message["flags"] & _EPHEMERAL:
            made.where.messages[int(message["id"])] = message
        return message

    def _interaction(self, token):
        made = self.interactions.get(token)
        if made is None or made.is_expired or time.monotonic() > made.began_at + _INTERACTION_SECONDS:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return made

    def _channel(self, id, *rights):
        channel = self.channels.get(int(id))
        if channel is None or channel.is_gone:
            raise Refused(404, 10003, "Unknown Channel")
        if channel.guild is None:
            return channel
        place = channel.parent or channel
        if channel.guild.id not in self.guilds or place.denied & VIEW:
            raise Refused(403, 50001, "Missing Access")
        for right in rights:
            if not channel.guild.rights & right or place.denied & right:
                raise Refused(403, 50013, "Missing Permissions")
        return channel

    def _check(self, body, files, is_new=True):
        content = body.get("content") or ""
        if (is_new or "content" in body) and not content.strip() and not files:
            raise Refused(400, 50006, "Cannot send an empty message")
        if len(content) > _MOST:
            raise Refused(400, 50035, "Invalid Form Body: content: Must be 2000 or fewer in length.")
        if len(str(body.get("nonce") or "")) > 25:
            raise Refused(400, 50035, "Invalid Form Body: nonce")
        check_components(body.get("components") or [])
        if content and body.get("allowed_mentions") != {"parse": []}:
            raise AssertionError("the bot would ping people")

    def _extras(self, body):
        keys = ("components", "nonce")
        return {key: body[key] for key in keys if body.get(key)} | {"flags": body.get("flags", 0)}

    def _message(self, id, author, where, text):
        told = {
            "id": str(id), "channel_id": str(where.id), "author": author, "content": text, "timestamp": stamp(time.time()),
            "edited_timestamp": None, "tts": False, "mention_everyone": "@everyone" in text, "attachments": [], "embeds": [],
            "pinned": False, "type": 0, "flags": 0, "components": [], **self.mentions_in(text),
        }  # fmt: skip
        if where.guild:
            who, guild = int(author["id"]), where.guild
            roles = [guild.id + 1] if who == BOT_ID else [guild.id + 2] if who in guild.managers else []
            member = {key: value for key, value in _member(author, roles).items() if key != "user"}
            told |= {"guild_id": str(where.guild.id), "member": member}
        return told

    def mentions_in(self, text):
        ids = re.findall(r"<@!?(\d+)>", text)
        people = [self.bot if int(id) == BOT_ID else self.people[int(id)].as_json() for id in dict.fromkeys(ids)]
        return {"mentions": people, "mention_roles": re.findall(r"<@&(\d+)>", text)}


def _answer(status, told, headers=None):
    """With what Discord's own edge adds; without it the library takes a refusal for a ban."""
    headers = {"Via": "1.1 fake", **(headers or {})}
    if told is None:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, body=json.dumps(told).encode(), headers=headers | {"Content-Type": "application/json"})


_ID = r"(\d+)"
_TOKEN = r"(tok\d+)"
_ROUTES = {
    "GET /users/@me": "_me",
    "GET /oauth2/applications/@me": "_application",
    "GET /gateway/bot": "_gateway_bot",
    "POST /users/@me/channels": "_open_dm",
    f"GET /channels/{_ID}": "_get_channel",
    f"PATCH /channels/{_ID}": "_edit_channel",
    f"GET /channels/{_ID}/messages": "_history",
    f"POST /channels/{_ID}/messages": "_post",
    f"POST /channels/{_ID}/threads": "_begin_thread",
    f"PUT /channels/{_ID}/thread-members/{_ID}": "_take_in",
    f"POST /channels/{_ID}/typing": "_typing",
    f"PATCH /channels/{_ID}/messages/{_ID}": "_patch",
    f"DELETE /channels/{_ID}/messages/{_ID}": "_delete",
    f"PUT /applications/{_ID}/commands": "_sync",
    f"POST /interactions/{_ID}/{_TOKEN}/callback": "_callback",
    f"GET /webhooks/{_ID}/{_TOKEN}/messages/@original": "_original",
    f"PATCH /webhooks/{_ID}/{_TOKEN}/messages/@original": "_edit_original",
    f"DELETE /webhooks/{_ID}/{_TOKEN}/messages/@original": "_delete_original",
    f"POST /webhooks/{_ID}/{_TOKEN}": "_followup",
    f"PATCH /webhooks/{_ID}/{_TOKEN}/messages/{_ID}": "_edit_followup",
    f"DELETE /webhooks/{_ID}/{_TOKEN}/messages/{_ID}": "_delete_followup",
}
