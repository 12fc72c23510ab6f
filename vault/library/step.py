"""The index in step with the store: loading it, following every change, and the way to another model's vectors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from vault.errors import VaultError
from vault.library import keeper, loading
from vault.library.chunks import entries, spelled
from vault.library.courtesy import Courtesy
from vault.library.keeper import Keeper
from vault.library.loading import Loaded
from vault.library.marks import Marks
from vault.library.reembedding import Reembedding, Rest
from vault.library.snapshots import Snapshots
from vault.library.space import Space, dim, model, signature
from vault.store import changes, nextvectors, records
from vault.store.database import Database
from vault.store.sealed import Files
from vault.types import Reembedding as Told

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder
    from vault.embed.search import Index

KNOWN = {"all-MiniLM-L6-v2": "all-MiniLM-L6-v2/384"}
"""Models whose signature is known without loading them: spares a command that only counts the loading."""

_log = logging.getLogger("ownvault.index")


class Step:
    """Thread-safe. Once there is an index, who asks it takes no lock that anything else holds for long."""

    def __init__(self, db: Database, sealed: Files, wanted: str, device: str, encoder: Encoder | None) -> None:
        self._db, self._device, self._given = db, device, encoder
        self._wanted = encoder.name if encoder else wanted
        self._shown = wanted
        self._encoder: Encoder | None = encoder
        self._encoding = threading.Lock()
        self._loading = threading.Lock()
        self._following = threading.Lock()  # the index follows the store one change at a time
        self._space: Space | None = None
        self._touched: set[int] | None = None
        self._snapshots = Snapshots(db, sealed)
        self.marks, self.courtesy = Marks(self._last), Courtesy()
        self._keeper = Keeper(self._snapshots, self.marks, lambda: self._space)
        self._reembedding = Reembedding(db, self._load_encoder, self._switch, self.courtesy)
        self._astray = ""
        self.loaded: str | None = None
        """Where the index came from; not said of so few records that nobody would notice."""

    def close(self) -> None:
        """End what goes on in the background, save what is worth it, and let the index go."""
        self._reembedding.stop()
        self._keeper.close()
        if self._space is not None:
            self._space.index.close()

    # ------------------------------------------------------------ what there is

    @property
    def space(self) -> Space:
        """The model that answers and its index, loaded if need be. Raises what loading raises."""
        if (space := self._space) is not None:
            return space
        with self._loading:
            if self._space is not None:
                return self._space
            space, loaded = self._load()
            self._space, self.loaded = space, loaded.told if loaded.index.size >= keeper.WORTH else None
        _log.log(logging.WARNING if loaded.odd else logging.INFO, "the index was %s", loaded.told)
        self._keeper.note(loaded.unsaved, torn=loaded.torn)
        return space

    @property
    def index(self) -> Index:
        return self.space.index

    @property
    def model(self) -> str:
        """The model whose vectors answer; before loading, the one that shall."""
        astray = self._space is not None and model(self._space.made_by) != self._wanted
        return model(self._space.made_by) if self._space and astray else self._shown

    @property
    def device(self) -> str | None:
        """Where an encoder runs, once one is loaded."""
        return self._encoder.device if self._encoder else None

    @property
    def reembedding(self) -> Told | None:
        """How far another model's vectors are, while they are being made."""
        one = self._reembedding
        return Told(one.target, one.done, max(one.total, one.done)) if one.under_way else None

    @property
    def notices(self) -> tuple[str, ...]:
        """What the owner should know, in sentences."""
        said = list(self._space.notices if self._space else ())
        if self._reembedding.problem:
            said.append(f"embedding with {self._wanted} stopped: {self._reembedding.problem}")
        if self._astray:
            said.append(self._astray)
        return (*said, *self._keeper.notices)

    # ------------------------------------------------------------ loading

    def _load(self) -> tuple[Space, Loaded]:
        with self._db.read() as conn:
            made_by, _ = nextvectors.made_by(conn)
        wanted = self._signature(made_by)
        answering = made_by or wanted
        loaded = loading.filled(self._db, self._snapshots, lambda: self._empty(answering), answering, self._tell)
        if answering == wanted:
            return Space(answering, loaded.index, self._load_encoder), loaded
        self._astray = (
            f"answers come from the vectors of {model(answering)} until those of {self._wanted} are made, by the server"
        )
        return Space(answering, loaded.index, lambda: self._other(model(answering)), needed=False), loaded

    def _tell(self, told: str) -> None:
        self.loaded = told  # only for as long as it takes, in a small vault

    def _empty(self, made_by: str) -> Index:
        from vault.embed.search import Index  # deferred: start-up time

        return Index(dim(made_by), device=self._device)

    def _signature(self, made_by: str | None) -> str:
        """Return the signature of the wanted model. One that does not load is told, as long as another's vectors
        answer."""
        if self._encoder is None and self._wanted in KNOWN:
            return KNOWN[self._wanted]
        try:
            return signature(self._load_encoder())
        except VaultError as error:
            if made_by is None or model(made_by) == self._wanted:
                raise
            self._reembedding.problem = error.message
            return f"{self._wanted}/0"

    def _load_encoder(self) -> Encoder:
        with self._encoding:
            if self._encoder is None:
                self._encoder = self._other(self._wanted)
            return self._encoder

    def _other(self, name: str) -> Encoder:
        from vault.embed import encoder  # deferred: start-up time

        return encoder.load(name, self._device)

    # ------------------------------------------------------------ following

    def changed(self, numbers: set[int], lexicon: Mapping[str, int]) -> None:
        """Let searches see what the store says now of these records, not what the caller wrote."""
        with self._following, self._db.read() as conn:
            some = list(entries(conn, sorted(numbers)))
            self.index.learn(lexicon)
            self.index.add(some)
            self.index.remove(numbers.difference(one.record for one in some))  # forgotten meanwhile
            self._note(numbers)
        self._keeper.note(len(numbers))

    def forgotten(self, numbers: set[int]) -> None:
        """Let no search and no snapshot hold these records. An index that is being loaded may have read them still."""
        with self._loading:
            loaded = self._space is not None
        if loaded:
            with self._following:
                self.index.remove(numbers)
                self._note(numbers)
        torn = self._snapshots.forget(numbers)
        self._keeper.note(len(numbers), torn=torn)

    def _note(self, numbers: Iterable[int]) -> None:
        if self._touched is not None:
            self._touched.update(numbers)

    def _last(self) -> changes.Mark:
        with self._db.read() as conn:
            return changes.last(conn)

    # ------------------------------------------------------------ another model

    def go_on(self) -> None:
        """Begin what goes on in the background: another model's vectors, if there is something to do."""
        with self._db.read() as conn:
            made_by, coming = nextvectors.made_by(conn)
        if coming is not None or (made_by is not None and made_by != self._signature(made_by)):
            self._reembedding.start()

    def _switch(self, encoder: Encoder, rest: Rest, at: int) -> None:
        """Let the vectors of `encoder` answer from now on. Questions go on all the while.

        A new index is built beside the old one. Then nothing follows the store for a moment: the last vectors are
        made, the store says whose vectors count, the new index catches up with what was changed since, and takes over.
        A crash before the store says so leaves the old model, after it the new one.
        """
        made_by = signature(encoder)
        index = self._empty(made_by)
        with self._following:
            self._touched = set()
        try:
            with self._db.read() as conn:
                late = nextvectors.lacking(conn)
                index.learn(records.lexicon(conn))
                loading.take(index, (one for one in entries(conn, coming=True) if one.record not in late))
            with self._snapshots.paused(), self._following:
                at = rest(at)
                while not self._db.write(partial(nextvectors.switch, after=at, model=made_by)):
                    at = rest(at)
                again = sorted(late | self._touched)
                with self._db.read() as conn:
                    some = list(entries(conn, again))
                    index.learn(spelled(conn, some))
                index.remove(again)
                index.add(some)
                self._space = Space(made_by, index, lambda: encoder)
                self._astray = ""
        finally:
            self._touched = None
        _log.warning("the vectors of %s answer now", model(made_by))
        self._keeper.note(max(index.size, 1))
