"""What the vault holds and can find: the record store and the search index, kept in step.

Knows nothing of tokens or grants: whoever calls has a resolved `Conditions` already.
"""

from __future__ import annotations

from vault.library.intake import Recorder
from vault.library.library import Found, Library

__all__ = ["Found", "Library", "Recorder"]
