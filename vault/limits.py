"""The bounds of what anybody may hand the vault, each stated once. Characters, where no other unit is named.

`library`, `service` and `permissions` enforce them for everybody; the faces (`api.limits`) and the importer protocol
(`plugins.protocol`) check the same numbers earlier, where what is too large can still be told by its place.
"""

from __future__ import annotations

from typing import Final

# ---------------------------------------------------------------- a record

TEXT: Final = 4 * 2**20
"""More than a long book."""
ORIGIN: Final = 4096
"""A path, or whatever else names a record within its source."""
TITLE: Final = 1024
KIND: Final = 64
LANGUAGE: Final = 35
"""The longest BCP 47 tag."""
URL: Final = 2048
THREAD: Final = 4096
POSITION: Final = 2**53 - 1
"""The last whole number that every JSON reader keeps exact."""

# ---------------------------------------------------------------- names

NAME: Final = 128
"""A client, a collection, a source, a kind in a scope."""
LABEL: Final = 256
"""A label or a person."""
NAMES: Final = 1000
"""People of a record, its labels, or names in one dimension of a filter."""

# ---------------------------------------------------------------- a request

BODY: Final = 8 * 2**20
"""Bytes of a request over HTTP. The longest texts of scripts with three bytes a letter go in only without a server."""
REQUEST: Final = 256 * 1024
"""Bytes of a request that adds no records."""
QUERY: Final = 4000
HITS: Final = 100
"""Records in one answer."""
DRAFTS: Final = 1000
"""Drafts in one request."""
UPLOAD: Final = 2**30
"""Bytes of the files that a browser hands over for one import …"""
UPLOAD_FILES: Final = 20_000
"""… and their number."""
PAGE: Final = 1000
"""Audit entries in one answer."""
LOOKED_AT: Final = 20_000
"""Audit entries that are looked at for one page of those that are asked for."""

# ---------------------------------------------------------------- a grant

PURPOSE: Final = 500
GRANT_DAYS: Final = 365
WINDOW_DAYS: Final = 36_500
"""Days of a rolling window: a hundred years."""

# ---------------------------------------------------------------- detail

SNIPPET: Final = 480
"""Of a record's text, in one answer of a grant with the detail `snippet` or `redacted`."""
SMALL_COUNT: Final = 10
"""A count of so few records tells of each: they are charged like records released."""
GROUPS: Final = 1000
"""Groups of one count; the largest are told."""

# ---------------------------------------------------------------- approvals

PENDING: Final = 20
"""Requests of one client that wait at once; more are throttled."""
PENDING_SECONDS: Final = 3600
"""Silence for so long denies."""
DENIALS: Final = 5
"""In an hour under one grant; more questions are throttled."""
REQUEST_DAYS: Final = 90
"""Requests that are over are kept for so long."""
DENIED_SECONDS: Final = 86_400
"""For so long an equal request is denied without asking again."""
APPROVED_SECONDS: Final = 3600
"""For so long an approval for once can be used."""

# ---------------------------------------------------------------- OAuth

ACCESS_SECONDS: Final = 900
"""An access token lasts so long."""
CONSENT_SECONDS: Final = 600
"""For so long a new client's wish waits for its owner; a device code lasts as long."""
FETCH_SECONDS: Final = 300
"""Within so long after the owner's yes the browser or the device comes for the answer."""
CODE_SECONDS: Final = 60
RETRY_SECONDS: Final = 30
"""For so long a used refresh token may ask again for the answer that got lost."""
REFRESHES: Final = 120
"""Refreshes of one grant in an hour."""
CONSENTS: Final = 12
"""Wishes of new clients that wait at once …"""
CONSENTS_EACH: Final = 4
"""… and of one client."""
CONSENT_DAYS: Final = 7
"""For so long is known what became of one."""
DEVICE_PAUSE: Final = 5
"""Seconds between two questions of a device; five more each time it asks sooner."""
GUESSES: Final = 5
"""Wrong user codes in a minute, of everybody together."""
STATE: Final = 4096
"""What a client gets back with its answer."""
REDIRECTS: Final = 10
"""Addresses of one client to which an answer may be sent."""
REGISTERING: Final = 5
"""Registrations while a pairing window is open."""
REGISTERED: Final = 100
"""Clients that registered themselves and are kept."""
PAIRING_SECONDS: Final = 3600
"""The longest pairing window."""
UNUSED_SECONDS: Final = 3600
"""A registration that was granted nothing is forgotten after so long."""

# ---------------------------------------------------------------- browsers

PAIR_SECONDS: Final = 120
"""For so long a browser that wants to be paired waits for its owner."""
PAIRINGS: Final = 3
"""Browsers that wait at once."""
BROWSERS: Final = 32
"""Browsers that are paired."""
BROWSER_NAME: Final = 64
BROWSER_TOKENS: Final = 8
"""Access tokens of one browser that are good at once."""
STRANGERS: Final = 32
"""Extensions that are not paired and are counted by name."""
STRANGER_NOTICES: Final = 8
"""Of them the owner is told in a day."""
SITES: Final = 200
"""To which one browser inserts."""
INSERTED: Final = 20
"""Records in one insertion."""
SEEN: Final = 200
"""Records that a browser is told a site has had."""
DECIDED_SECONDS: Final = 3600
"""The longest approval for a time that a browser gives."""
CAPTURE: Final = 24 * 2**20
"""Bytes of a request that saves something …"""
CAPTURED_FILE: Final = 16 * 2**20
"""… and of the file in it."""
CAPTURED_URL: Final = 8192
CAPTURE_LABELS: Final = 32
HIGHLIGHTS: Final = 200
TURNS: Final = 2000
PDF_PAGES: Final = 2000
PDF_SECONDS: Final = 60
PDF_MEMORY: Final = 512 * 2**20
"""What the child that reads a PDF may use."""

# ---------------------------------------------------------------- attention

IDLE_DAYS: Final = 30
"""A grant unused for so long expires."""
SWEEP_RECORDS: Final = 200
"""Records within an hour that a client never had before, from which on it looks like sweeping …"""
SWEEP_SHARE: Final = 0.8
"""… if so many of all it was given were new."""
NOTICES: Final = 500
"""Notices kept; the oldest go first."""

# ---------------------------------------------------------------- requests, again and again

RATE: Final = 50
"""Requests of one client in a second, for as long as it likes …"""
BURST: Final = 500
"""… and at once."""
PASSKEYS: Final = 16
"""Passkeys of the owner's."""
ONCE_KEY: Final = 255
"""Characters of an idempotency key."""
ONCE_SECONDS: Final = 86_400
"""For so long the answer to a request with one is kept."""
ONCE_KEYS: Final = 10_000
"""Such answers kept for one grant …"""
ONCE_BYTES: Final = 16 * 2**20
"""… and their size."""
LISTENERS: Final = 16
"""Surfaces of the owner that are told events at the same time."""
EVENTS: Final = 500
"""Events that are told at once."""

# ---------------------------------------------------------------- providers

MODEL: Final = 256
"""The name of a model at its provider."""
KEY: Final = 4096
"""A provider's secret."""
LEAST_WINDOW: Final = 2_000
WINDOW: Final = 1_000_000
"""Of a prompt, question and records together."""
PROVIDERS: Final = 32
"""Providers named in one order."""
