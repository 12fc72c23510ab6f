"""A second look at the best answers: a cross-encoder that the owner named reads the question and each text together.

It sees what was found in scope and nothing else, and only changes the order. When it cannot, or not in time, the order
stays as it was: never half of each, which would tell how busy the vault is with other things.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vault.embed.runtimes import pytorch
from vault.errors import BadRequest, VaultError

DEPTH = 30
"""Answers that are worth looking at."""
BATCH = 8
"""Pairs computed in one go: between two, time is looked at."""
LONGEST = 512
"""Tokens of a question and a text together; the longer of the two is cut."""
PATIENCE_S = 2.0
"""For one question, with waiting for others' questions to be done."""
STRIKES = 3
"""After so many questions in a row that took longer, it is off."""


class Reranker:
    """Orders texts by how well they answer. Thread-safe; the model loads when it is first needed."""

    depth = DEPTH

    def __init__(
        self,
        model: str,
        device: str = "auto",
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.notices: tuple[str, ...] = ()
        self._source, self._wanted, self._patience, self._clock = model, device, patience_s, clock
        self._model: Any = None
        self._off, self._strikes = False, 0
        self._counting = threading.Lock()
        # One thread for every forward pass, as in TorchEncoder.
        self._thread = ThreadPoolExecutor(1, "rerank")

    def warm(self) -> None:
        """Load the model now, which takes seconds. If it cannot be had, `notices` say so."""
        if self._model is None and not self._off:
            self._tried(lambda: self._thread.submit(self._load).result())

    def order(self, query: str, texts: Sequence[str]) -> list[int]:
        """Return the places of `texts`, the best answer first; equals stay in their order. As they came when that
        cannot be said in time."""
        places = list(range(len(texts)))
        self.warm()
        if self._off or len(texts) < 2:
            return places
        scores = self._tried(lambda: self._scored(query, texts))
        return places if scores is None else sorted(places, key=lambda n: -scores[n])

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _scored(self, query: str, texts: Sequence[str]) -> list[float] | None:
        """Return a score for each text, None when that takes too long."""
        until = self._clock() + self._patience
        work = self._thread.submit(self._compute, query, list(texts), until)
        try:
            scores = work.result(max(0.0, until - self._clock()))
        except TimeoutError:
            work.cancel()
            scores = None
        with self._counting:
            if self._off:
                return None
            self._strikes = 0 if scores else self._strikes + 1
            if self._strikes >= STRIKES:
                self._stop(f"it was too slow for {STRIKES} questions in a row")
            elif scores is None and not self.notices:
                self.notices = (f"an answer was not reranked: that took longer than {self._patience:g} s",)
        return scores

    def _compute(self, query: str, texts: list[str], until: float) -> list[float] | None:
        model, scores = self._model, list[float]()
        for at in range(0, len(texts), BATCH):
            if self._clock() >= until or model is None:
                return None
            pairs = [(query, text) for text in texts[at : at + BATCH]]
            scores += map(float, model.predict(pairs, batch_size=BATCH, show_progress_bar=False))
        if not all(map(math.isfinite, scores)):
            raise RuntimeError("its scores are not numbers")
        return scores

    def _load(self) -> None:
        if self._model is not None:  # another question was faster
            return
        torch, library = pytorch.libraries()
        device = pytorch.choose(self._wanted)
        # The scores are only compared, so what a model's own settings would do to them changes nothing.
        model = pytorch.trusted(library.CrossEncoder, self._source, "cpu", activation_fn=torch.nn.Identity())
        kind = (model.config.architectures or [""])[0]
        if model.num_labels != 1 or not kind.endswith("ForSequenceClassification"):
            raise BadRequest(f"{self._source!r} is not a cross-encoder that gives one score")
        model.max_seq_length = min(model.max_seq_length or LONGEST, LONGEST)
        self._model = (model.half() if device == "cuda" else model).to(device)

    def _tried(self, work: Callable[[], Any]) -> Any:
        """Return what `work` returns, or None after switching off for good."""
        try:
            return work()
        except VaultError as error:
            self._stop(error.message)
        except Exception as error:  # whatever torch, or a model that does not fit, may raise: no question fails for it
            self._stop((str(error).splitlines() or [type(error).__name__])[0][:200])
        return None

    def _stop(self, reason: str) -> None:
        self._off, self._model = True, None
        self.notices = (f"answers are not reranked: {reason}",)
