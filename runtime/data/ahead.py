"""Work done ahead of its use, in order: by threads, or by processes; both end when they are left.

Results come in the order of the tasks whoever is done first, so that nothing depends on timing. At
most ``depth`` results exist ahead of the one that is asked for. Threads are daemons and processes are
daemonic: neither keeps a program from ending.
"""

from __future__ import annotations

import contextvars
import multiprocessing
import os
import pickle
import random
import signal
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import count
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import numpy as np

from ...errors import DataError

T = TypeVar("T")
_END: Any = object()
_LOOK_SECONDS = 2.0  # how long an orphaned worker process may live


class Workers(Protocol):
    """Who does the work."""

    def submit(self, task: Any) -> Callable[[], Any]:
        """Begin a task; what is returned waits for the result, or raises what went wrong."""
        ...

    def stop(self) -> None:
        """No more work; what has begun is not waited for."""
        ...


class Threads:
    """Daemon threads that call ``function`` on tasks. An error keeps the traceback of its thread."""

    def __init__(self, function: Callable[[Any], Any], number: int) -> None:
        self._function = function
        self._tasks: SimpleQueue[tuple[Future[Any], Any] | None] = SimpleQueue()
        self._number = number
        self._stopped = False
        for i in range(number):
            context = contextvars.copy_context()
            name = f"waterhorse-data-{i}"
            threading.Thread(target=context.run, args=(self._work,), name=name, daemon=True).start()

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None and not self._stopped:
            future, task = item
            try:
                future.set_result(self._function(task))
            except BaseException as error:  # whatever it is, the one who asked is told
                future.set_exception(error)

    def submit(self, task: Any) -> Callable[[], Any]:
        future: Future[Any] = Future()
        self._tasks.put((future, task))
        return future.result

    def stop(self) -> None:
        self._stopped = True
        for _ in range(self._number):
            self._tasks.put(None)


class Processes:
    """Processes that hold a copy of ``items`` and give ``items[task]``; tasks are dealt in turn.

    Before each task, the copies of NumPy's and Python's global generators are seeded by ``seed`` and
    the task: two processes do not draw the same, and it does not matter which one does a task. A
    process that dies is a ``DataError``, not a wait without end.
    """

    def __init__(self, items: Any, number: int, seed: int) -> None:
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        self._turn = count()
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork beside threads; ours hold no lock that a data set needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            for _ in range(number):
                ours, theirs = multiprocessing.Pipe()
                process = multiprocessing.Process(
                    target=_serve, args=(theirs, items, seed, os.getpid()), daemon=True
                )
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)

    def submit(self, task: Any) -> Callable[[], Any]:
        which = next(self._turn) % len(self._pipes)
        try:
            self._pipes[which].send(task)
        except OSError as error:
            raise self._died(which) from error
        return lambda: self._result(which)

    def _result(self, which: int) -> Any:
        pipe = self._pipes[which]
        wait([pipe, self._processes[which].sentinel])
        try:
            if not pipe.poll():
                raise EOFError
            good, value, told = pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died(which) from error
        if good:
            return value
        told = f"in a worker process:\n{told}"
        if isinstance(value, BaseException):
            raise value from DataError(told)
        raise DataError(told)

    def _died(self, which: int) -> DataError:
        self._processes[which].join(1)
        code = self._processes[which].exitcode
        return DataError(
            f"a worker process of the data set ended (exit code {code}) without an answer: it was "
            "killed (memory?), or could not load the data set. A script that starts processes needs "
            "`if __name__ == '__main__':` where Python spawns them; use_multiprocessing=False works "
            "without"
        )

    def stop(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(5)


def _serve(pipe: Connection, items: Any, seed: int, parent: int) -> None:
    """What a worker process does: answer numbers with items until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides what Ctrl-C means
    while True:
        try:
            while not pipe.poll(_LOOK_SECONDS):
                if os.getppid() != parent:  # killed; a forked sibling may still hold its end
                    return
            task = pipe.recv()
        except (EOFError, OSError):
            return
        drawn = np.random.SeedSequence([seed, task]).generate_state(1)[0]
        np.random.seed(drawn)
        random.seed(int(drawn))
        try:
            answer = (True, items[task], "")
        except Exception as error:
            answer = (False, _portable(error), traceback.format_exc())
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception:  # pickle's errors share no base: the batch cannot be sent
            pipe.send((False, None, traceback.format_exc()))


def _portable(error: Exception) -> Exception | None:
    """The error, where it survives pickling; those with arguments of their own often do not."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    except Exception:  # whatever __reduce__ and __init__ of a user's class raise
        return None
    return error


def ordered(workers: Callable[[], Workers], tasks: Iterable[Any], depth: int) -> Iterator[Any]:
    """The results of all tasks in order, up to ``depth`` of them begun ahead."""
    crew = workers()
    waiting: deque[Callable[[], Any]] = deque()
    try:
        for task in tasks:
            waiting.append(crew.submit(task))
            if len(waiting) > depth:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        crew.stop()


def prefetched(items: Iterator[T], depth: int) -> Iterator[T]:
    """The items in order, up to ``depth`` of them drawn ahead by a thread."""

    def draw(_: Any) -> Any:
        return next(items, _END)

    for item in ordered(lambda: Threads(draw, 1), count(), depth):
        if item is _END:
            return
        yield item
