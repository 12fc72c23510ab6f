"""Estimates from a GPU: the rows lie there in half precision, those in scope are gathered there and all are scored.

Only the estimates. Whatever may win is scored once more by `Scorer.exact` on the CPU, and a device's estimate is never
off by more than `OFF`, so an answer has the same bits with and without a device. Measured by `python -m bench.gpu`.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import numpy as np

from vault.embed.runtimes import pytorch
from vault.embed.vectors import Filter, Floats, Scorer, Vectors
from vault.errors import VaultError

OFF = 4 * 2.0**-11
"""The most a score can be off: a row, the query, the sum and the result are each rounded to half precision."""
PROBES = 16
"""Rows of every segment whose scores are compared with the CPU's once they have arrived."""
SPARE = 1 << 30
"""Bytes of a CUDA device that are left to the encoder's batches and to a search's own work."""


def scorer(dim: int, threads: int = 0, device: str = "cpu") -> Scorer:
    """Return what scores rows when the owner wants `device`: with a GPU if there may be one, else the CPU alone."""
    return DeviceScorer(dim, threads, device) if pytorch.possible(device) else Scorer(dim, threads)


class DeviceScorer(Scorer):
    """Estimates on a device for as long as that works, then on the CPU for good; `notices` say why. Thread-safe.

    Rows are copied when they are first searched. A copy goes when its segment does, and which rows are scored follows
    from the filters alone, as on the CPU: nothing that was forgotten can be answered. Read `error` after the estimates
    are there: a device that fails meanwhile makes it larger.
    """

    def __init__(self, dim: int, threads: int, device: str) -> None:
        super().__init__(dim, threads)
        self.notices: tuple[str, ...] = ()
        self._wanted = device
        self._memory: Memory | None = None
        self._usual, self.error = self.error, OFF
        self._using = threading.Lock()  # one at a time: it is one device, and so its memory holds one search's work
        self._over = False

    @property
    def device(self) -> str:
        """Where estimates are made; "undecided" before the first one."""
        memory = self._memory
        return memory.device if memory else "cpu" if self._over else "undecided"

    def estimate(self, parts: Sequence[Filter], query: Floats) -> Callable[[], Floats]:
        found = None if self._over else self._tried(lambda memory: memory.scores(parts, query))
        return super().estimate(parts, query) if found is None else lambda: found

    def hold(self, parts: Sequence[Vectors]) -> None:
        if self._memory:
            self._tried(lambda memory: [memory.rows(part) for part in parts])

    def close(self) -> None:
        super().close()
        with self._using:
            self._end()

    def _tried(self, work: Callable[[Memory], Any]) -> Any:
        """Return what `work` returns, or None when there is no device, any more."""
        with self._using:
            try:
                memory = self._begun()
                return work(memory) if memory else None
            except VaultError as error:
                reason = error.message
            except RuntimeError as error:  # torch's own errors: no memory, a lost device, something it cannot do
                reason = _reason(error)
            self._end()  # out of the except clauses, whose tracebacks keep tensors alive
            self.notices = (f"searches run on the CPU: {reason}",)
            return None

    def _begun(self) -> Memory | None:
        """Return the device's memory, None when there is none to be had."""
        if self._memory is None and not self._over:
            device = pytorch.choose(self._wanted)
            if device == self._wanted or device == "cuda":
                self._memory = Memory(device)
            else:
                self._end()
        return self._memory

    def _end(self) -> None:
        self.error, self._over = self._usual, True  # before the memory goes: see the docstring
        memory, self._memory = self._memory, None
        if memory:
            memory.clear()


class Memory:
    """Rows, and lists of rows in scope, in the memory of one device. One thread at a time; errors are torch's."""

    def __init__(self, device: str) -> None:
        import torch  # deferred: start-up time

        self.device = device
        self._torch = torch
        self._vectors: weakref.WeakKeyDictionary[Vectors, Any] = weakref.WeakKeyDictionary()
        self._filters: weakref.WeakKeyDictionary[Filter, Any] = weakref.WeakKeyDictionary()
        self._stream = None
        if device == "cuda":
            # Before the encoder's batches in the queue, not behind them.
            self._stream = torch.cuda.Stream(priority=-1)
            torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False

    def scores(self, parts: Sequence[Filter], query: Floats) -> Floats:
        """Return the inner products of `query` (dim,) with the rows of each part's filter, off by at most `OFF`."""
        with self._queue():
            asked = self._torch.tensor(query).to(self.device).half()
            found = [self._products(some.vectors, some, asked) for some in parts if len(some.rows)]
            if not found:
                return np.empty(0, np.float32)
            return cast(Floats, self._torch.cat(found).cpu().numpy().astype(np.float32))

    def rows(self, vectors: Vectors) -> Any:
        """Return the device's copy of a segment's rows. RuntimeError when it does not fit or computes nonsense."""
        kept = self._vectors.get(vectors)
        if kept is None:
            with self._queue():
                kept = self._copied(vectors)
            self._prove(vectors, kept)
            self._vectors[vectors] = kept
        return kept

    def clear(self) -> None:
        """Give the memory back."""
        self._vectors.clear()
        self._filters.clear()
        if self.device != "cpu":
            getattr(self._torch, self.device).empty_cache()

    def _products(self, vectors: Vectors, some: Filter, query: Any) -> Any:
        kept = self.rows(vectors)
        if some.every:
            return kept @ query
        rows = self._filters.get(some)
        if rows is None:
            rows = self._filters[some] = self._torch.tensor(some.rows).to(self.device)
        return kept.index_select(0, rows) @ query

    def _copied(self, vectors: Vectors) -> Any:
        values = self._torch.tensor(vectors.values)
        self._leave_room(2 * values.nbytes)
        values = values.to(self.device)
        if values.dtype != self._torch.float32:
            values = values.float() * self._torch.tensor(vectors.scales).to(self.device)[:, None]
        return values.half()

    def _leave_room(self, wanted: int) -> None:
        if self.device == "cuda":
            cuda = self._torch.cuda
            free = cuda.mem_get_info()[0] + cuda.memory_reserved() - cuda.memory_allocated()
            if free < wanted + SPARE:
                raise RuntimeError("out of memory")

    def _prove(self, vectors: Vectors, kept: Any) -> None:
        """Raise RuntimeError unless scores of the first rows are those that the CPU computes."""
        first = np.arange(min(PROBES, len(vectors.values)))
        query = vectors.values[0].astype(np.float32) * vectors.scales[0]
        with self._queue():
            found = (kept[: len(first)] @ self._torch.tensor(query).to(self.device).half()).cpu().numpy()
        off = np.abs(found.astype(np.float32) - vectors.products(query, first)).max()
        if not off <= OFF:  # also when it is not a number
            raise RuntimeError(f"the device's scores are off by {off:.4f}")

    def _queue(self) -> AbstractContextManager[Any]:
        return (
            cast(AbstractContextManager[Any], self._torch.cuda.stream(self._stream)) if self._stream else nullcontext()
        )


def _reason(error: RuntimeError) -> str:
    """Return one line for the owner."""
    text = str(error).strip().splitlines() or ["no reason given"]
    return "the GPU's memory ran out" if "out of memory" in text[0] else f"the GPU failed ({text[0][:200]})"
