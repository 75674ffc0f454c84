# What whoever runs Companion reads in a shell: errors, the lines of commands, the doctor, help. `.fix` is what to type.

# Settings, and files that hold them
setting-unknown = { $name } is not a setting; docs/settings.md has the table of all settings
setting-unknown-near = { $name } is not a setting; did you mean { $near }?
setting-unknown-in-file = { $name } in { $file } is not a setting; docs/settings.md has the table of all settings
setting-wrong = { $name }: got { $given }; { $problem }
setting-hidden = a value that is not shown
settings-unreadable = { $file } or .env cannot be read: { $problem }
data-folder-not-made = { $name }: { $folder } cannot be made: { $problem }
data-folder-read-only = { $name }: { $folder } cannot be written by this user
memory-key-form = { $origin }: a memory key is 32 random bytes in base64; `openssl rand -base64 32` makes one
wrong-key = The memory key does not open what is stored. Set COMPANION_MEMORY_KEY or restore the key file that was used before.
file-unusable = { $file } cannot be used: { $problem }
file-not-toml = { $file }: cannot be read as TOML in UTF-8: { $problem }
file-wrong = { $file }: `{ $name }`: { $problem }.
persona-none = There is no persona '{ $name }'. There are: { $names }.
persona-no-folder = COMPANION_PERSONA_DIR: there is no folder { $folder }
persona-file-name = { $file }: the name must be a-z, 0-9, - and _ only, at most 32 of them.
persona-named-twice = { $file }: `name` is the file's name; call the persona by `title`.
persona-unknown-key = { $file }: `{ $name }` is not a key of a persona. Allowed: { $allowed }.
conduct-not-a-rule = { $file }: '{ $rule }' is not a regular expression: { $problem }

# What is wrong with one value. English has the words of pydantic, by the names of its errors; the last are our own.
value-or = { "" } or { "" }
value-bool_parsing = Input should be a valid boolean, unable to interpret input
value-bool_type = Input should be a valid boolean
value-extra_forbidden = Extra inputs are not permitted
value-finite_number = Input should be a finite number
value-float_parsing = Input should be a valid number, unable to parse string as a number
value-float_type = Input should be a valid number
value-greater_than = Input should be greater than { $gt }
value-greater_than_equal = Input should be greater than or equal to { $ge }
value-int_from_float = Input should be a valid integer, got a number with a fractional part
value-int_parsing = Input should be a valid integer, unable to parse string as an integer
value-int_type = Input should be a valid integer
value-less_than = Input should be less than { $lt }
value-less_than_equal = Input should be less than or equal to { $le }
value-literal_error = Input should be { $expected }
value-missing = Field required
value-missing_argument = Missing required argument
value-path_type = Input is not a valid path
value-string_pattern_mismatch = String should match pattern '{ $pattern }'
value-string_too_long = String should have at most { $max_length ->
    [1] { $max_length } character
   *[other] { $max_length } characters
  }
value-string_too_short = String should have at least { $min_length ->
    [1] { $min_length } character
   *[other] { $min_length } characters
  }
value-string_type = Input should be a valid string
value-too_long = { $field_type } should have at most { $max_length ->
    [1] { $max_length } item
   *[other] { $max_length } items
  } after validation, not { $actual_length }
value-tuple_type = Input should be a valid tuple
value-unexpected_keyword_argument = Unexpected keyword argument
value-host = Each should begin with http:// or https:// and name a host; a port is a number up to 65535
value-key = Should have only letters, digits and signs of ASCII, and no spaces: was all of it copied, and nothing else?
value-language = Input should be one of { $known }
value-one_line = Should be one line
value-people = Each should be a platform and a user id, like telegram:123456789
value-redis = Input should begin with redis://, rediss:// or unix://
value-redis_parts = A port is a number up to 65535, and that of a database follows the last slash; in a password write / as %2F, # as %23 and ? as %3F
value-rule = Must not have a line that is only ---: it ends the persona in the prompt

# Redis
redis-lost = Could not reach Redis. Is it running? `companion doctor` checks. ({ $problem })
redis-none = no Redis found: install redis-server 6.2 or newer (Debian, Ubuntu: `sudo apt install redis-server`, macOS: `brew install redis`), or set COMPANION_REDIS_URL to one that runs
redis-of-another = { $folder } belongs to another user of this machine; remove it, or set COMPANION_DATA_DIR
redis-older = the data in { $folder } was written by Redis { $written }, but { $server } is { $version }: install redis-server { $written } or newer
redis-not-started = redis-server cannot be started in { $folder }: { $problem }
redis-ended = redis-server ended at once: { $words } (log: { $log })
redis-silent = redis-server did not answer within { $seconds } s (log: { $log })
no-reason = no reason given

# `companion up`, `companion chat`, adapters
up-redis = redis   ready after { $seconds } s, data in { $folder }
up-redis-set = redis   ready after { $seconds } s, the one that is set
up-worker = worker  { $stage } { $what } …
up-worker-ready = worker  ready after { $seconds } s, { $engine } engine, model { $model }
up-worker-there = worker  ready, one was running already
up-worker-none = no worker runs, and this installation has none: `pip install 'companion[worker]'`
up-worker-ended = the worker ended: { $words } (its log is { $log })
up-adapter = { $name } started
up-adapter-none = no adapter runs; `companion chat` talks in this terminal
without-a-word = without a word
chat-open = Another `companion chat` is open on this data folder; close it first.
adapter-none = there is no adapter '{ $name }'. There are: { $names }.
adapter-not-installed = this installation has no { $platform }: `pip install 'companion[{ $extra }]'`
telegram-no-token = COMPANION_TELEGRAM_TOKEN is not set. @BotFather gives you a token: /newbot
telegram-bad-token = Telegram refuses COMPANION_TELEGRAM_TOKEN. @BotFather shows the right one: /mybots, API Token.
telegram-cannot-listen = COMPANION_TELEGRAM_WEBHOOK_LISTEN: cannot listen on { $address }: { $problem }
telegram-no-webhook = Telegram refuses COMPANION_TELEGRAM_WEBHOOK_URL: { $problem }
discord-no-token = COMPANION_DISCORD_TOKEN is not set. docs/discord.md says how to get one
discord-bad-token = Discord refuses COMPANION_DISCORD_TOKEN. Make a new one on https://discord.com/developers, page Bot, Reset Token.
discord-no-intent = COMPANION_DISCORD_MESSAGE_CONTENT is on, but Discord does not allow it to this application. Switch on "Message Content Intent" on https://discord.com/developers, page Bot, or unset the setting: direct messages, mentions and replies need no intent.

# `companion admin`
conversation-part = not a usable conversation id: '{ $part }'
conversation-form = not a conversation: '{ $name }'
whom-form = not a person or conversation: '{ $name }'; write PLATFORM:BOT:ID, such as telegram:42:1001, or a whole conversation as PLATFORM:BOT:CHAT:THREAD:PERSON
server-form = not a server: '{ $name }'; a server is written PLATFORM:BOT:ID
account-form = not a bot account: '{ $name }'; it is PLATFORM:BOT, such as telegram:42
account-unknown = no bot account { $name } has run on this Redis; those that have: { $known }
owner-above = That is an owner of this bot: only an owner may do this to them.
lists-above = That is an owner or admin by the settings, whom no block reaches: take them out of the settings first.
list-blocked = blocked: { $whom }
list-unblocked = no longer blocked: { $whom }
list-not-blocked = was not blocked: { $whom }
list-allowed = allowed: { $whom }
list-disallowed = no longer allowed: { $whom }
list-not-allowed = was not allowed: { $whom }
persona-chosen = { $kind } now talks with { $persona }
reset-sure = Forget all that was said with { $whom } on { $account }? It cannot be taken back.
reset-sure-one = Forget the conversation { $whom }? It cannot be taken back.
forget-sure = Erase everything about { $whom } on { $account }, for ever?
forgotten = forgotten: { $turns ->
    [one] { $turns } turn
   *[other] { $turns } turns
  }
invite-made = { $code }  (good for one person, within { $days } days)
stats-worker = worker { $id }: { $model }, { $stage }, { $busy } of { $slots } replies at work
stats-no-worker = no worker is alive
stats-account = { $account }: { $waiting } waiting, { $dead } put aside, { $tokens } tokens today
stats-account-people = { $account }: people known: { $people }, { $waiting } waiting, { $dead } put aside, { $tokens } tokens today
stats-care = care given in { $month }: { $count }
audit-none = nothing is in the audit log yet
letter = { $id }  { $whom }  { $lines ->
    [one] { $lines } line
   *[other] { $lines } lines
  }
letter-none = nothing was put aside
letter-unknown = no line was put aside as '{ $id }'; `companion admin dead list` shows those that were
letter-gone = No line was put aside under that name; `companion admin dead list` shows those that were.
letter-replayed = put back into its inbox
letter-dropped = dropped
letter-drop-sure = Throw { $lines ->
    [one] { $lines } line
   *[other] { $lines } lines
  } of { $whom } away? It cannot be taken back.
table-account = SURFACE
table-conversation = CONVERSATION
table-conversations = CONVERSATIONS
table-people = PEOPLE
table-turns = TURNS
table-size = SIZE
table-oldest = OLDEST TURN
table-newest = NEWEST TURN

# Backup and restore
backup-made = { $file }: { $size }. Without the passphrase nobody can open it, you neither.
backup-exists = { $file } exists already: name another file, or replace it with --force
backup-cannot-write = { $file } cannot be written: { $problem }. Free some space, or name another place
backup-cannot-read = { $file } cannot be read: { $problem }
backup-not-one = This file is not a backup of Companion. `companion admin backup FILE` makes one.
backup-too-new = This backup was made by a newer Companion. Install that version, or a later one, and restore with it.
backup-cannot-open = The passphrase is wrong, or the backup is damaged or cut short. Try again, or take another copy of it.
passphrase = Passphrase
passphrase-again = Repeat for confirmation
passphrase-short = a passphrase has at least { $least } characters; several words are better than one
passphrase-unreadable = { $file } cannot be read as text: its first line should be the passphrase
restore-sure = Erase everything here and put the backup of { $at } in its place?
restored = restored: everything as it was on { $at }
restore-partly = Redis took only a part ({ $problem }): mend that, then restore again with --replace
restore-workers = { $count } worker(s) are running on this Redis: stop Companion everywhere, then restore (--force restores all the same)
restore-interrupted = a restore was interrupted here: begin again with --replace
restore-in-use = this Redis is in use already: --replace erases what it holds and puts the backup in its place
restore-other-setting = COMPANION_MEMORY_KEY is another key than the backup's: unset it to have the backup's key written to { $file }, or set it to the key that was used where the backup was made
restore-other-file = { $file } holds another key than the backup's. If what it opens is no longer needed, move it away (mv { $file } { $file }.old) and restore again

# `companion doctor`
check-python = python
check-settings = settings
check-personas = personas
check-conduct = conduct
check-redis = redis
check-redis-disk = redis on disk
check-redis-eviction = redis eviction
check-memory-key = memory key
check-worker = worker
check-waiting = waiting
check-telegram-token = telegram token
check-telegram = telegram
check-discord-token = discord token
check-disk = disk
check-memory = memory
check-model = model
doctor-python = { $version }
    .fix = install Python 3.11 or newer
doctor-settings = { $count } set, the others have their defaults
doctor-settings-wrong = { $problem }
    .fix = mend it in the environment, .env or companion.toml
doctor-personas = { $persona } of { $names }
doctor-personas-wrong = { $problem }
    .fix = mend the file, or COMPANION_PERSONA and COMPANION_PERSONA_DIR; companion persona list
doctor-conduct = rules and crisis lines in force
doctor-conduct-own = rules and crisis lines in force, by { $file }
doctor-conduct-off = SWITCHED OFF: { $off ->
    [care] care
    [disclosure] disclosure
   *[both] care and disclosure
  }, by { $file }
doctor-conduct-wrong = { $problem }
    .fix = mend the file, or unset COMPANION_CONDUCT_FILE
doctor-redis-answers = answers
doctor-redis-version = answers, version { $version }
    .fix = install redis-server 6.2 or newer
doctor-redis-no-version = answers; its version could not be asked
doctor-redis-silent = does not answer: { $problem }
    .fix = start it, or mend COMPANION_REDIS_URL
doctor-redis-missing = { $problem }
doctor-redis-stopped = the embedded one ({ $server }) does not run
    .fix = companion up
doctor-aof-unknown = could not be asked; make sure that this server keeps its data (appendonly yes)
doctor-aof-snapshots = only snapshots: a crash loses what came after the last
    .fix = redis-cli config set appendonly yes, and the same in redis.conf
doctor-aof-nothing = nothing is kept
    .fix = redis-cli config set appendonly yes, and the same in redis.conf
doctor-aof-full = it cannot write any more
    .fix = free some space on its disk
doctor-aof-kept = append-only file, fsync { $fsync }
doctor-eviction-unknown = could not be asked; make sure that maxmemory-policy is noeviction
doctor-eviction = maxmemory-policy is { $policy }
    .fix = redis-cli config set maxmemory-policy noeviction, and the same in redis.conf
doctor-key-none = none yet; the first start makes { $file }
doctor-key-wrong = { $problem }
doctor-key-open = others on this machine can read { $file }
    .fix = chmod 600 { $file }
doctor-key-setting = COMPANION_MEMORY_KEY
doctor-key-file = { $file }, readable by you alone
doctor-key-lost = { $file } is missing, and what is stored cannot be read without it
    .fix = restore the file from your backup, or set COMPANION_MEMORY_KEY
doctor-key-fits = { $where }; it fits what is stored
doctor-worker = { $stage }, { $engine } engine, model { $model }, { $busy } of { $slots } replies running
doctor-worker-not-here = none has said anything on this machine for some seconds
doctor-worker-none = none is alive, so nobody answers
    .fix = companion up, or companion worker
doctor-worker-failed = { $stage }: { $detail }
    .fix = python -m workers doctor
doctor-nobody-waits = nobody waits
doctor-waiting = { $count } conversation(s) wait for an answer, the longest for { $seconds } s
    .fix = look at the worker's log; if it is only slow, run more workers or a smaller model
doctor-token-none = not set, so no { $platform }
doctor-token-form = set, and of the right form
doctor-token-odd = { $name } does not look like one
    .fix = { $platform ->
        [Telegram] copy it again from @BotFather
       *[Discord] make a new one on https://discord.com/developers, page Bot
    }
doctor-telegram = the token is that of @{ $name }, which gets { $hears ->
    [everything] everything
   *[own] only what is for it
  } in groups
doctor-telegram-unknown = Telegram does not know the token
    .fix = copy it again from @BotFather: /mybots, API Token
doctor-telegram-status = Telegram answers with status { $status }
    .fix = try again in a while
doctor-telegram-silent = { $url } does not answer ({ $problem })
    .fix = look at the network, at HTTPS_PROXY and COMPANION_TELEGRAM_URL; the adapter goes on trying
doctor-disk = { $free } GiB free for { $folder }
    .fix = free some space under { $place }, or set COMPANION_DATA_DIR to another disk
doctor-memory = { $free } GiB free
    .fix = end programs that are not needed
doctor-memory-unknown = how much is free could not be asked here
doctor-model-settings = not looked at while a setting is wrong
doctor-model-elsewhere = not looked at: transformers is not installed here, so no model runs here
doctor-model-late = `python -m workers doctor` did not end within { $seconds } s
doctor-model-broken = `python -m workers doctor` failed: { $words }

# Workers
engine-died = The engine process ended in the middle of a reply. It restarts by itself; ask again.
prompt-too-long = What the person wrote does not fit into the model's context, even with nothing else remembered.

# Help. The text is the line in a list, `.more` follows on the command's own page, the other parts are its options.
help = A companion of your own: on Telegram, on Discord and in this terminal.
    .more =
        Settings come from COMPANION_* variables, a .env file or companion.toml;
        docs/settings.md has the table.
    .version = Show the version and exit.
help-up = Run everything here: Redis, a worker, adapters.
    .more = Redis unless a URL is set, and every adapter that has a token.
help-chat = Talk in this terminal; starts what is needed and ends it again.
help-bot = Run one adapter: telegram, discord or console.
    .with_parent = End when standard input closes.
help-worker = Run a worker, which makes the replies.
    .more = The same as `python -m workers run`.
help-say = Answer one prompt and leave: no queue, no memory.
    .persona = Who answers.
help-model = Fetch a model, and look at a model's files without loading them.
help-model-pull = Fetch a model and check it.
    .more = NAME is short (r1-7b) or a hub id; run again, it goes on where it ended.
    .mirror = Another hub, where the usual one cannot be reached; gets no token.
    .revision = A branch, tag or commit.
    .to = Here instead of the hub's cache.
help-model-check = Say for every file of a model whether it is whole.
    .more = PATH is a folder, or the name of a model in the hub's cache.
    .deep = Also read every byte and compare it with the published hash.
    .as_json = For programs.
help-model-explain = Say what a model is, needs, and how fast it can be.
    .more = NAME is a folder, or a name such as r1-7b.
    .as_json = For programs.
help-persona = Who the companion can be.
help-persona-list = All personas, a line each.
help-persona-show = One persona, whole.
help-discord = What the Discord application needs beside a token.
help-discord-invite = Print the link by which somebody takes the bot into a server.
help-doctor = Look at everything, a line a check.
    .more =
        It says ok, or what is wrong and what to type; exit status 1 when something is.
        With a PART it is a health check that is done in a second: of redis, or of
        the worker on this machine.
help-export = Write everything kept about a person as JSON.
    .more = WHOM is as for `admin`; without it, whoever sits here.
help-forget = Erase everything kept about a person, and their key.
    .more = WHOM is as for `admin`; without it, whoever sits here.
    .yes = Do not ask.
help-admin = For operators: people, chats, lists, backups.
    .more =
        What is done is in the audit log.
        WHOM is PLATFORM:BOT:ID, such as telegram:42:1001, or a whole conversation as
        PLATFORM:BOT:CHAT:THREAD:PERSON.
help-admin-reset = Forget what was said.
    .more = In one whole conversation, to a person, or with --chat in a chat.
    .chat = ID is a chat: everybody's conversations in it.
    .yes = Do not ask.
help-admin-persona = Choose the persona of a person, or with --chat of a chat.
    .chat = For everybody in that chat who has chosen none.
help-admin-block = Take nothing from a person, chat or server any more.
    .more = At once and everywhere.
    .chat = ID is a chat.
    .server = ID is a server.
help-admin-unblock = Lift a block.
    .chat = ID is a chat.
    .server = ID is a server.
help-admin-allow = Let a person, chat or server in.
    .more = It matters where only the invited may talk.
    .chat = ID is a chat.
    .server = ID is a server.
help-admin-disallow = Take an allow, or the use of an invite, back.
    .chat = ID is a chat.
    .server = ID is a server.
help-admin-invite = A code that lets one person in, once.
    .more = SURFACE is PLATFORM:BOT, such as telegram:42.
help-admin-stats = Workers, and for each bot account who waits.
    .more = Also how many people it knows and what it wrote today.
help-admin-audit = What admins did, oldest first.
    .more = A line has the time (UTC), the bot account, who, what, and to whom.
    .last = How many entries.
help-admin-dead = Lines that failed three turns and were put aside.
help-admin-dead-list = All of them, without what was said.
help-admin-dead-show = One of them, with what was said.
    .more = The audit log tells that you looked.
help-admin-dead-replay = Have one answered after all.
help-admin-dead-drop = Throw one away.
    .yes = Do not ask.
help-admin-backup = Write everything to one encrypted FILE, the memory key too.
    .more = Companion may go on running.
    .passphrase_file = File whose first line is the passphrase; without it you are asked.
    .force = Replace FILE when it exists.
help-admin-restore = Put everything back from a backup FILE.
    .more = Here or on another machine; all of it is checked before anything is changed.
    .passphrase_file = File whose first line is the passphrase; without it you are asked.
    .replace = Erase what this Redis holds, then restore.
    .force = Even while workers run.
    .yes = Do not ask before erasing.
help-admin-conversations = How many conversations there are, and how much they hold.
    .more = Also when the oldest and newest turns were.
    .surface = One bot account, as PLATFORM:BOT; without it, all.
    .top = Also the N largest conversations.
