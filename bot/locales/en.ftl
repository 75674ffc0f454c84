# Every text a person can see, in Project Fluent's format. A new language is one more file beside this one.
language-name = English

# What became of a message
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
refused-disk = My disk is full, so I could not keep your message. Please tell whoever runs me, and send it again later.
refused-full = You have { $lines ->
    [one] one message
   *[other] { $lines } messages
  } waiting already. I will answer them first; please send this one again afterwards.
refused-long = That message is too long for me: { $bytes } bytes, and I take { $limit }. Please send it in smaller pieces.

# To somebody who may be in danger; the numbers were checked in November 2026
care = I am glad you told me, and I am taking it seriously. I am a program and cannot keep you safe, but people can, right now:
    – if you are in danger this minute, call your emergency number (112, 911, 999, 000)
    – USA and Canada: call or text 988 · UK and Ireland: 116 123 · Australia: 13 11 14 · mainland China: 12356 · Taiwan: 1925
    – anywhere else: https://findahelpline.com
    Is there somebody near you whom you could call or go to? You do not have to find the right words; “I am not well” is enough.

# Commands: their lines in /help
command-help = what I understand
command-new = start a new conversation; what was said stays in memory but I no longer lean on it
command-reset = forget everything said in this conversation
command-persona = show the personas, or choose one
command-think = thoughts: hide, show, or off for quick chat
command-memory = what I remember of this conversation
command-stop = stop the reply that is being written
command-retry = answer my last message again
command-quit = leave

# Commands: their answers
help = You can simply talk to me. I also understand:
help-line = { $name } – { $what }
unknown-command = I do not know { $name }. /help shows what I understand.
new-done = A new conversation. What would you like to talk about?
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

# The terminal
console-welcome = You are talking with { $persona }. /help shows what I understand; /quit leaves.
console-prompt = you
console-thinking = thinking …
console-thought = { $seconds ->
    [one] thought for a second
   *[other] thought for { $seconds } s
  }
console-bye = Bye.
console-stop-hint = (Ctrl-D or /quit leaves)
console-lost = I cannot reach Redis any more. Your last message may not have arrived: please send it again.
