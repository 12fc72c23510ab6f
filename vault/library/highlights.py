"""Which words of a passage are those of a question: by the same folding and stemming as the search itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 100_000
"""Characters of a passage that are looked at."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def marked(text: str, query: str) -> Iterator[tuple[str, bool]]:
    """Yield `text` in pieces, each with whether it is a word of the query."""
    from vault.embed import lexical  # deferred: start-up time

    wanted = set(lexical.terms(query))
    start = 0
    for word in _WORD.finditer(text[:LONGEST]):
        if wanted and not wanted.isdisjoint(lexical.terms(word.group())):
            if word.start() > start:
                yield text[start : word.start()], False
            yield word.group(), True
            start = word.end()
    if start < len(text):
        yield text[start:], False
