"""Work in threads, of which none is left behind where no thread can be started (a limit on tasks, or no memory)."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

T = TypeVar("T")

#: What Python's `threading` says where the system gives no thread; it has no exception of its own for that.
CANNOT_START: Final = "can't start new thread"


class NoThreadError(OSError):
    """The system gives us no thread now; the work was not begun and never will be."""


def started(name: str, count: int) -> ThreadPoolExecutor:
    """Return so many threads that run already, so that what is given to them later needs no new one."""
    threads = ThreadPoolExecutor(count, thread_name_prefix=name)
    all_run = threading.Barrier(count + 1)  # each waits for the others there, or one would do the work of two
    try:
        for _ in range(count):
            threads.submit(all_run.wait)
    except RuntimeError as error:
        all_run.abort()
        threads.shutdown(wait=False, cancel_futures=True)
        raise NoThreadError(CANNOT_START) from error
    all_run.wait()
    return threads


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns, from one of the loop's threads; raises `NoThreadError`.

    `asyncio.to_thread` queues the work before it starts a thread. If it cannot, it raises, and the next who gets a
    thread runs what was queued, of which its caller has told already that it was not done.
    """
    done: Future[T] = Future()
    try:
        asyncio.get_running_loop().run_in_executor(None, copy_context().run, _fulfil, done, work)
    except RuntimeError as error:
        if done.cancel():  # and no thread that runs already will begin it
            raise NoThreadError(CANNOT_START) from error
    return await asyncio.wrap_future(done)


def _fulfil(done: "Future[T]", work: Callable[[], T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
        done.set_exception(error)
        del done, work  # or the traceback would keep both, and the content in them
