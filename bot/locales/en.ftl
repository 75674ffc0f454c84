# Every text a person can see, in Project Fluent's format. A new language is one more file beside this one.
language-name = English

# What became of a message
failed-edit_too_late = Only the last message can be changed, and by now another came after it.
failed-empty = I tried twice and found no words. Say it another way, or send /retry.
failed-forgotten = Forgotten before I had answered.
failed-nothing_to_retry = There is no answer yet that I could give again.
failed-put_aside = I failed three times to answer this message, so I put it aside. The rest of our talk is safe; please go on.
failed-stopped = Stopped.
failed-timeout = That took too long and I gave up. Please try again, perhaps with a shorter question.
failed-too_long = That is longer than I can read at once. Please send it in smaller pieces.
note-stopped = (stopped)
note-cut = (I stopped here: the answer had reached its limit. Ask me to go on.)
note-repeat = (You may have seen this before: I could not tell whether it arrived.)
denied-blocked = I may not talk with you here. What I keep about you stays yours: /privacy, /export and /forget still work.
denied-uninvited = I only talk with people who were invited. If you have an invite code, send it to me by itself.
denied-rate = You write faster than I can keep up with. Please go on in { $span }.
denied-tokens = You have had all the words I may give to one person in a day. Please come back in { $span }.
denied-admin = That is for the people who run me. /help shows what I can do for you.
invite-accepted = Welcome! Your invite code is used up now.
invite-unknown = I do not know that invite code. It may have been used already, or be too old; please ask for a new one.
span-seconds = { $count ->
    [one] one second
   *[other] { $count } seconds
  }
span-minutes = { $count ->
    [one] one minute
   *[other] { $count } minutes
  }
span-hours = { $count ->
    [one] one hour
   *[other] { $count } hours
  }
refused-busy = So many people are waiting for an answer that I cannot take your message. Please send it again a little later.
refused-disk = My disk is full, so I could not keep your message. Please tell whoever runs me, and send it again later.
refused-full = You have { $lines ->
    [one] one message
   *[other] { $lines } messages
  } waiting already. I will answer them first; please send this one again afterwards.
refused-long = That message is too long for me: { $bytes } bytes, and I take { $limit }. Please send it in smaller pieces.

# To somebody who may be in danger; the numbers are in bot/conduct.toml
care = I am glad you told me, and I am taking it seriously. I am a program and cannot keep you safe, but people can, right now.
    If you are in danger this minute, call your emergency number: { $emergency }
    { $resources }
    Is there somebody near you whom you could call or go to? You do not have to find the right words; “I am not well” is enough.
disclosure = Just so you know: I am an AI, a computer program, not a person. I can be wrong, and I cannot replace people who care about you.

# Why there is no reply yet
waiting-nobody = The part of me that thinks is not running right now. Your message is safe; I will answer as soon as it is back.
waiting-loading = I am just waking up. Your message is safe; I will answer in a moment.
waiting-place = { $place ->
    [one] You are next in line.
   *[other] Others wrote before you: you are number { $place } in line.
  }
waiting-time = { $place ->
    [one] You are next in line
   *[other] Others wrote before you: you are number { $place } in line
  }, { $seconds ->
    [0] only a moment to go.
   *[other] about { $seconds } seconds to go.
  }
waiting-range = { $place ->
    [one] You are next in line
   *[other] Others wrote before you: you are number { $place } in line
  }, probably { $least ->
    [0] up to { $latest } to go.
   *[other] { $earliest } to { $latest } to go.
  }
waiting-behind = I am still answering you elsewhere; this comes next.

# Commands: their lines in /help
command-start = meet me; with the name of a persona, meet that one
command-help = what I understand
command-new = start a new conversation; what was said stays in memory but I no longer lean on it
command-reset = forget everything said in this conversation
command-persona = show the personas, or choose one
command-think = thoughts: hide, show, or off for quick chat
command-memory = what I remember of this conversation
command-stop = stop the reply that is being written
command-retry = answer my last message again; “list” shows all answers, a number picks one
command-undo = take back my last message and its answer
command-edit = say my last message in other words
command-language = the language I speak with you
command-privacy = what is kept, where, for how long, and how to erase it
command-export = everything that is kept about you, as files
command-forget = erase everything about you, everywhere
command-stats = how much we have talked
command-about = what I am and what I run on
command-safety = what I do to keep you safe
command-quit = leave

# Commands: their answers
help = You can simply talk to me. I also understand:
help-line = { $name } – { $what }
unknown-command = I do not know { $name }. /help shows what I understand.
new-done = A new conversation. What would you like to talk about?
start-honest = I am { $title }, an AI: a program, not a person. I can be wrong. /privacy says what I keep of our talk, /help what I understand.
button-anew = ↻ Answer anew
button-auto = automatic
button-forget = Erase everything
button-keep = Keep it
button-reset = Forget this talk
kept = Nothing was erased.
busy-now = I am still busy with a message of yours. Wait for my answer, or send /stop first.
reset-sure = { $turns ->
    [one] I would forget one exchange of this conversation.
   *[other] I would forget all { $turns } exchanges of this conversation.
  } Nobody can bring that back. If you are sure, write: /reset yes
reset-done = { $turns ->
    [0] There was nothing to forget; we start afresh.
    [one] Forgotten: one exchange. We start afresh.
   *[other] Forgotten: { $turns } exchanges. We start afresh.
  }
persona-list = You are talking with { $current }. To choose: /persona NAME
persona-line = { $name } – { $title }: { $about }
persona-chosen = You are now talking with { $title }.
persona-unknown = There is no persona “{ $name }”. There are: { $names }.
think-now = Thoughts are set to “{ $mode }”. To choose: /think hide, /think show or /think off
think-label = { $mode ->
    [hide] hide
    [show] show
   *[off] off
  }
think-chosen = { $mode ->
    [hide] I think before I answer, and keep my thoughts to myself.
    [show] I think before I answer, and you can read along.
   *[off] I answer at once, without thinking first.
  }
think-unknown = I know /think hide, /think show and /think off.
memory-empty = I remember nothing of this conversation yet.
memory = { $turns ->
    [one] I remember one exchange of this conversation
   *[other] I remember { $turns } exchanges of this conversation
  }, the oldest from { $oldest }. { $left_out ->
    [0] All of the current one was in front of me when I last answered.
    [one] The oldest one did not fit in front of me when I last answered.
   *[other] The { $left_out } oldest did not fit in front of me when I last answered.
  } It is stored encrypted; /reset erases it.
stop-stopping = Stopping.
stop-dropped = I will not answer what was waiting.
stop-idle = There is nothing to stop.
retry-none = There is no answer yet that I could give again.
retry-alone = I have given one answer only. /retry gives another.
retry-list = I gave { $variants } answers; the one with ✓ counts. To choose: /retry NUMBER
retry-picked = Answer { $variant } of { $variants } counts now:
retry-unknown = There are answers 1 to { $variants }; /retry list shows them.
undo-done = Taken back, with my answer: “{ $said }”
undo-before = Taken back, with my answer.
undo-none = There is nothing to take back.
edit-none = There is no message yet that you could change.
edit-unchanged = I left it as it was: those are its words already, or another message came after it.
edit-offer = You changed your message. Shall I answer its new words?
edit-old = There is no change left to answer.
edit-usage = Write the new words after it: /edit TEXT
language-list = The language I speak with you: { $current }. To choose: /language auto, or one of these:
language-by-itself = automatic
language-line = /language { $name } – { $what }
language-chosen = We speak English now.
language-auto = I take your app’s language again.
language-unknown = I do not know the language “{ $name }”. I know: { $names }.
privacy =
    What I keep:
    – your messages and my answers, up to { $turns } exchanges of each conversation; not my thoughts
    – what you chose, such as persona and language; how many tokens I wrote for you, and when you were last here
    – the ids that the platform gave you, the chat and our messages
    Where: in the database of whoever runs me, and in the encrypted backups they may make. (The platform we write on has its own copy, under its own rules.) Messages and answers are encrypted there (AES-256-GCM), yours with a key of your own; ids, times, choices and counts are not.
    How long: { $days ->
        [0] until you erase it.
        [one] until you erase it, or have not written for a day.
       *[other] until you erase it, or have not written for { $days } days.
      }
    Yours to do: /export gives you all of it, /undo takes back the last exchange, /reset forgets this conversation, /forget erases everything, with your key. A backup made before then holds it until whoever runs me deletes that.
    Whether you may write to me at all is kept on a list, and what admins do in a log. Both may hold your id, and /forget does not touch them. Where words are limited by the day, how many you have had stays until midnight (UTC).
shared-talk = In a channel in which everybody has one talk with me, I keep who said which line, encrypted with the key of the channel. /export gives you your lines and what I answered to you alone; /forget takes your lines out, with every answer to them. What others said and my answers to them stay, even where they speak of you.
export-done = { $turns ->
    [0] This is everything I keep about you; none of our talk is in it.
    [one] This is everything I keep about you, with one exchange: once for reading, once for programs (JSON).
   *[other] This is everything I keep about you, with { $turns } exchanges: once for reading, once for programs (JSON).
  }
export-head = Everything kept about { $person } on { $name }
export-choices = Choices:
export-chat-choices = Choices for this chat:
export-usage = Counts:
export-marks = When I last saw you, and until when I keep in mind what I told you:
export-messages = My messages there have the ids { $ids }
export-lists = Lists of mine that name you:
export-log = What is written about you in the log of what admins do:
export-nothing = No conversation is kept.
export-conversation = Chat { $chat }, thread { $thread }
export-shared = Chat { $chat }, thread { $thread }, a talk that everybody there shares: your part of it
export-answered-several = (My answer was to others as well and is not part of this.)
export-variant = (another answer: { $reply })
export-waiting = Waiting for an answer:
export-put-aside = Put aside, because it could not be answered:
forget-sure = I would erase everything about you: all our conversations, all your choices and counts, whatever waits or was put aside, and your key. I cannot bring it back; /export gives you a copy first. If you are sure, write: /forget yes
forget-done = { $turns ->
    [0] Erased. I know nothing about you any more.
    [one] Erased, with one exchange. I know nothing about you any more.
   *[other] Erased, with { $turns } exchanges. I know nothing about you any more.
  }
stats-turns = { $here ->
    [one] One exchange in this conversation
   *[other] { $here } exchanges in this conversation
  }, { $turns ->
    [one] one answer in all.
   *[other] { $turns } answers in all.
  }
stats-since = The oldest that I remember is from { $oldest }.
stats-tokens = Tokens I wrote for you: { $today } today, { $tokens } in all.
stats-left = { $left } of { $limit } are left for today (UTC).
about = Companion { $version }: open source, MIT licence. I am an AI, a program that writes one word after the other; nobody sits behind it.
about-model = Model: { $model } (engine: { $engine })
about-asleep = The part of me that thinks is not running right now.
about-owner = I am run by somebody who put their name to it in my settings; they answer for what I do here.
about-nobody = Whoever set me up runs me; they have not put a name to it in my settings.

# /safety
safety = I am an AI, a computer program, not a person. { $hours ->
    [0] I say so when we meet, and whenever you ask.
    [one] I say so when we meet, whenever you ask, and every hour while we talk.
   *[other] I say so when we meet, whenever you ask, and every { $hours } hours while we talk.
  }
    When a message sounds as if you might hurt yourself or not want to live, I answer at once with words of care and numbers to call, and the message does not go to the model. Fixed rules decide this, so I can miss it, or be wrong. It is counted, as a number without your name or words; nobody is told.
    In danger, call your emergency number: { $emergency }
    { $resources }
safety-changed = Whoever runs me has added to these rules or numbers.
safety-without-care = Whoever runs me has switched off the answer to signs of self-harm: I do not watch for them. The numbers above are there for you all the same.
safety-without-disclosure = Whoever runs me has switched off the reminders, while we talk, that I am an AI.

# To whoever runs the bot
alert-conduct = The conduct file is broken, and I go on with the last good one. { $problem }
alert-dead = A message failed three times and was put aside. To see it: companion admin dead list
alert-disk = My disk is nearly full. When it is full I can take no more messages. The folder is { $folder }
alert-persona = A persona file is broken, and I go on with the last good ones. { $problem }
alert-report = { $whom } reported a message of mine: { $link }
alert-settings = The settings are broken, and I go on with the last good ones. { $problem }
alert-worker = { $minutes ->
    [one] For a minute
   *[other] For { $minutes } minutes
  } no worker has been running while people wait for answers. To look: companion doctor

# The terminal
console-welcome = You are talking with { $persona }. /help shows what I understand; /quit leaves.
console-prompt = you
console-thinking = thinking …
console-thought = { $seconds ->
    [one] thought for a second
   *[other] thought for { $seconds } s
  }
console-choices = ({ $names })
console-saved = Saved as { $path }. The file is yours: /forget does not erase it.
console-not-saved = I could not save it in { $folder }: { $problem }. Free some space, or see to the folder, and try again.
console-variant = answer { $variant } of { $variants } · /retry list
console-bye = Bye.
console-stop-hint = (Ctrl-D or /quit leaves)
console-lost = I cannot reach Redis any more. Your last message may not have arrived: please send it again.

# /admin
command-channel = one memory for everybody in this channel, or each their own
command-admin = for those who run me: people, limits, and what went wrong
admin-help = What admins can do. WHOM is a user id; “chat” and “server” are those you write in, or others by their id:
admin-reset = forget all conversations of a person, or all in a chat
admin-persona = choose who I am for a person or a chat
admin-block = take nothing from a person, a chat or a server any more
admin-unblock = lift a block
admin-allow = let a person, a chat or a server in where only the invited may talk
admin-disallow = take an allow or the use of an invite back
admin-invite = a code that lets one person in
admin-stats = how I am doing
admin-dead = messages that I could not answer
admin-usage = I did not understand that.
admin-no-server = This chat belongs to no server. You can give the id of one.
admin-not-an-id = That is not a user id. I know people by the id that the platform gives them, not by their names.
admin-usage-line = It is written: { $usage }
admin-owner = That is an owner. Only an owner may do this to them.
admin-above-lists = That is an owner or an admin by my settings, and no block reaches them. Take them out of the settings first.
admin-sure = { $what } This cannot be taken back. If you are sure, send: { $command }
admin-yes = Yes, do it
admin-reset-what = This makes me forget everything that was said with { $whom }.
admin-reset-done = { $turns ->
    [0] There was nothing to forget of { $whom }.
    [one] Forgotten: one exchange with { $whom }.
   *[other] Forgotten: { $turns } exchanges with { $whom }.
  }
admin-persona-done = From now on, { $whom } talks with { $title }.
admin-block-done = Blocked: { $whom }.
admin-unblock-done = No longer blocked: { $whom }.
admin-unblock-none = There was no block on { $whom }.
admin-allow-done = Allowed: { $whom }.
admin-disallow-done = No longer allowed: { $whom }.
admin-disallow-none = { $whom } was not on the list of the allowed.
admin-invite-done = This code lets one person in, within { $days ->
    [one] a day
   *[other] { $days } days
  }. They send it to me, or write /start { $code }
admin-stats-worker = Worker: { $model } ({ $stage }), { $busy } of { $slots } replies at work
admin-stats-no-worker = No worker is alive: messages wait until one comes.
admin-stats-waiting = Conversations that wait or are being answered: { $count }
admin-stats-people = People I know: { $count }
admin-stats-dead = Messages put aside: { $count }
admin-stats-tokens = Tokens written today: { $count }
admin-letter = { $id } – { $whom }: { $count ->
    [one] one message
   *[other] { $count } messages
  }
admin-letter-words = What it says is shown in the shell alone: companion admin dead show
admin-no-letter = Nothing was put aside under that name. /admin dead shows what was.
admin-replay-done = I will try to answer it again.
admin-drop-what = This throws away { $count ->
    [one] one message
   *[other] { $count } messages
  } of { $whom }.
admin-drop-done = Thrown away.
subject-person = person { $id }
subject-chat = chat { $id }
subject-server = server { $id }

# Chat platforms
cannot = { $what ->
    [sticker] A sticker! I cannot see stickers yet. Tell me in words?
    [voice] I cannot listen yet. Would you write it to me?
    [picture] I cannot see pictures yet. Tell me what is in it?
    [video] I cannot watch videos yet. Tell me what happens in it?
    [file] I cannot read files yet. You can paste the text here.
    [nothing] Yes? Write what you want to say together with my name.
   *[other] I can only read text so far. Tell me in words?
  }
words-alone = { $what ->
    [voice] I cannot listen yet, so I answer your words alone.
    [picture] I cannot see pictures yet, so I answer your words alone.
    [video] I cannot watch videos yet, so I answer your words alone.
    [file] I cannot read files yet, so I answer your words alone.
   *[other] I can only read text so far, so I answer your words alone.
  }
quoted = quoted, written by { $name }
quoted-you = quoted, written by you
told-privately = I have answered you in our private chat.
write-first-telegram = That is for your eyes alone, and I may not write to you first. Open a private chat with me, press Start, and ask again there.
write-first-discord = That is for your eyes alone, and I cannot write to you. Allow direct messages from this server in your privacy settings, or write to me directly, and ask again there.
button-old = This button belongs to an older message.
button-of-another = These buttons are for the person I was answering.
go-on = Please go on.

# Telegram
telegram-forwarded = forwarded, written by { $name }
telegram-anonymous = I cannot tell who you are while you write anonymously, so I would mix you up with others. Please write under your own name.
telegram-hello-group = Hello! I am an AI, a computer program. To talk to me here, mention { $name }, reply to one of my messages, or write /ask. I read nothing else. /privacy says what I keep.
discord-hello-server-all = Hello! I am an AI, a computer program. To talk to me here, mention { $name }, reply to one of my messages, or use /chat. In threads that I begin you need not. Discord shows me the other messages too, but I keep none of them. /privacy says what I keep.
telegram-command-ask = talk to me: /ask and your message
telegram-description = An AI companion: a computer program, not a person, and sometimes wrong. Write anything to begin. /help shows what it understands, /privacy what is kept and how to erase it.
telegram-short-description = An AI companion: a program, not a person. /privacy says what is kept.

# Discord
channel-denied = Only those who manage this server can choose that.
channel-now = { $memory ->
    [shared] In this channel everybody has one talk with me, together. /channel set own gives each their own again.
   *[own] In this channel I remember each person's talk with me apart. /channel set shared makes one talk of all.
  }
channel-own = From now on I remember each person's talk with me in this channel apart. What I remembered of the talk you shared is erased.
channel-shared = From now on everybody in this channel has one talk with me: I know who says what, and I answer each with what all have said to me here. What I remember of you alone stays out of it. Anybody here can use the buttons under my answers.
channel-memory = { $memory ->
    [shared] one memory for everybody
   *[own] each person's own
  }
channel-only-managers = In a channel with one memory for all, only those who manage the server can do that.
discord-again = I cannot write that down just now. Please try again in a moment.
discord-failed = That did not work. Please try again in a moment.
discord-called = Yes? Write something after my name, and I answer. /help shows what I understand.
discord-hello-server = Hello! I am an AI, a computer program. To talk to me here, mention { $name }, reply to one of my messages, or use /chat. I read nothing else. /privacy says what I keep.
discord-forwarded = forwarded, written by somebody else
discord-command-chat = talk to me
discord-chat-message = what you want to say
discord-command-thread = begin a thread to talk with me in
discord-thread-what = what it is called
discord-thread-name = Talk with { $name }
discord-thread-refused = A thread cannot be begun here: this is no text channel, or one of us may not.
discord-thread-all = Here I hear every message.
discord-thread-named = Here, too, mention { $name } or reply to me, and I hear you.
discord-words = { $usage }
discord-value = choose one
discord-report = Report
report-told = Thank you. Those who run me have been told which message it is, and that you reported it; its words were not copied.
report-known = Those who run me have been told already, or have not said where to reach them. /about says who they are.
