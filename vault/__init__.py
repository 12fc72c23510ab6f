"""ownvault: a private, searchable vault that AI assistants may ask under scoped, audited grants."""

__version__ = "0.1.0"
