"""A model and the index of its vectors: questions and chunks of one model, which never meet those of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vault.errors import VaultError

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder
    from vault.embed.queries import Queries
    from vault.embed.search import Index


def signature(encoder: Encoder) -> str:
    """Return what must stay the same for vectors to be comparable: the model and its dimension."""
    return f"{encoder.name}/{encoder.dim}"


def model(made_by: str) -> str:
    """Return the model's part of a signature."""
    return made_by.rpartition("/")[0]


def dim(made_by: str) -> int:
    """Return the dimension's part of a signature."""
    return int(made_by.rpartition("/")[2])


class Space:
    """Thread-safe. The encoder loads when it is first needed.

    One that is not `needed`, because another model is on its way in, may be gone: then words alone answer.
    """

    def __init__(self, made_by: str, index: Index, load: Callable[[], Encoder], *, needed: bool = True) -> None:
        self.made_by, self.index = made_by, index
        self._load, self._needed = load, needed
        self._loading = threading.Lock()
        self._encoder: Encoder | None = None
        self._queries: Queries | None = None
        self._missing = ""

    @property
    def encoder(self) -> Encoder | None:
        """The encoder; None when it does not load and need not. Raises Missing, Damaged, BadRequest."""
        if self._encoder is None and not self._missing:
            with self._loading:
                if self._encoder is None and not self._missing:
                    self._encoder = self._loaded()
        return self._encoder

    def _loaded(self) -> Encoder | None:
        from vault.embed.queries import Queries  # deferred: start-up time

        try:
            encoder = self._load()
        except VaultError as error:
            if self._needed:
                raise
            self._missing = error.message
            return None
        self._queries = Queries(encoder)
        return encoder

    @property
    def notices(self) -> tuple[str, ...]:
        """What the owner should know about encoder and index, as far as they are loaded."""
        own = self._encoder.notices if self._encoder else ()
        gone = f"answers come from words alone: {model(self.made_by)} does not load ({self._missing})"
        return (*own, *((gone,) if self._missing else ()), *self.index.notices)

    def vector(self, text: str, asker: str) -> Any:
        """Return a question's unit vector, zeros when only words answer. One that `asker` repeats is cheap."""
        if self.encoder is None or self._queries is None:
            return self._nothing(1)[0]
        return self._queries.vector(text, asker)

    def encode(self, texts: Sequence[str]) -> Any:
        """Return the vectors of passages, zeros when the encoder is gone: the next model's are made later."""
        return self._nothing(len(texts)) if self.encoder is None else self.encoder.encode(texts)

    def _nothing(self, rows: int) -> Any:
        import numpy as np  # deferred: start-up time

        return np.zeros((rows, dim(self.made_by)), np.float32)
