"""Companion, where people are met. The way of a message:

1. `bot/adapters/*` turns a platform's update into an `Incoming`. The adapter alone decides what a conversation is.
2. `bot/reception.py` asks: known before? too long? a command? Commands are answered at once by `bot/commands.py`,
   even when no worker is alive.
3. Anything else goes into that conversation's inbox (`bot/core/inbox.py`), and only then is the update acknowledged to
   the platform. A Celery task that carries nothing but the conversation's name wakes a worker.
4. `workers/tasks.py` takes the conversation's lease (`bot/core/lease.py`); lines that wait in a row become one turn.
5. `workers/respond.py` reads memory and persona; `workers/prompt.py` writes what the model will read.
6. The engine (`workers/engines/`) streams tokens; `workers/reply.py` makes text of them, parted by
   `workers/thinking.py` into thought and answer.
7. The text so far goes out as drafts, which may be lost; the one final, `Finished` or `Failed`, goes into the durable
   outbox (`bot/core/outbox.py`).
8. One script (`bot/core/scripts/commit.lua`) ends the turn everywhere at once: memory, inbox, outbox, lease. It refuses
   when the lease was lost or the person said "forget" meanwhile.
9. `bot/delivery.py` follows drafts and outbox and paces them onto the platform; an outbox entry is acknowledged after
   the platform has confirmed the final.
"""
