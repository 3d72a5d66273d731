"""What the next mail server takes, asked at the start and ever again, so that clients are offered no more."""

import asyncio
from contextlib import suppress
from typing import Final

from dlp_gateway.smtp.listener import Beyond, Door
from dlp_gateway.smtp.smarthost import Smarthost, Unavailable

_AGAIN: Final = 300.0  # seconds
_SOON: Final = 20.0  # after a failure
_LEAST: Final = 1.0  # between two questions, also where a name stands for hosts that offer different things
_PATIENCE: Final = 3.0  # seconds that the start waits for the first answer


async def learn(smarthost: Smarthost, doors: list[Door]) -> bool:
    """Ask once; if nobody answers, what was known last holds."""
    try:
        extensions = await smarthost.common()
    except Unavailable:
        return False
    beyond = Beyond(
        eight_bit=extensions.eight_bit, smtputf8=extensions.smtputf8, dsn=extensions.dsn, size=extensions.size
    )
    for door in doors:
        door.learn(beyond)
    return True


async def keep_learning(smarthost: Smarthost, doors: list[Door], asked: asyncio.Event) -> None:
    """Ask for ever, and when a host turns out to offer something else; `asked` is set after the first time."""
    while True:
        smarthost.changed.clear()
        known = await learn(smarthost, doors)
        asked.set()
        await asyncio.sleep(_LEAST)
        with suppress(TimeoutError):
            await asyncio.wait_for(smarthost.changed.wait(), (_AGAIN if known else _SOON) - _LEAST)


async def begin_to_learn(smarthost: Smarthost, doors: list[Door]) -> asyncio.Task[None]:
    """Return the task that asks for ever; a slow first answer keeps no mail waiting for long."""
    asked = asyncio.Event()
    asking = asyncio.create_task(keep_learning(smarthost, doors, asked))
    with suppress(TimeoutError):
        await asyncio.wait_for(asked.wait(), _PATIENCE)
    return asking
