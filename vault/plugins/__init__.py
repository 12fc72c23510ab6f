"""Finds importers and runs each as a child process that holds no key.

An importer is a program in `plugins/importers/`: it gets one JSON request on stdin and answers with
JSON lines (plugins/importers/SPEC.md). What it reads is hostile, so what it says is checked here,
line by line, and its memory, time and output are bounded. A child process is separation, not a sandbox.
"""

from __future__ import annotations

from vault.plugins.finding import importers
from vault.plugins.items import Failure, ImporterInfo, Item, Limits, Progress, Read
from vault.plugins.running import run
from vault.plugins.serving import serve

__all__ = ["Failure", "ImporterInfo", "Item", "Limits", "Progress", "Read", "importers", "run", "serve"]
