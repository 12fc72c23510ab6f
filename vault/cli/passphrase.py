"""Where a passphrase comes from: a file, stdin or the terminal. Never argv, never the environment.

It is kept in a `bytearray` that whoever takes it wipes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from vault.cli.root import Settings
from vault.errors import BadRequest, Missing

SHORTEST = 8
"""Characters of a new passphrase. Length is what counts; there are no rules of composition."""
END, RETURN = b"\n\r"
LONGEST = 64 * 1024
"""Bytes; more is not a passphrase but the wrong file."""
STDIN = "-"
_TTY = Path("/dev/tty")


def given(settings: Settings) -> bool:
    """Tell whether the passphrase can be had without asking."""
    return settings.passphrase_file is not None


def obtain(settings: Settings, prompt: str = "Passphrase: ") -> bytearray:
    """Return the passphrase from the file that was named, else ask for it.

    Raises BadRequest when the file cannot serve, Missing when there is no terminal to ask on.
    """
    return _checked(_from_file(settings.passphrase_file) if settings.passphrase_file else _asked(prompt))


def choose(settings: Settings) -> bytearray:
    """Return a new passphrase, asked twice when asked. Raises BadRequest when it is too short or differs."""
    secret = obtain(settings, "New passphrase: ")
    if sum(byte & 0xC0 != 0x80 for byte in secret) < SHORTEST:  # continuation bytes of UTF-8 are no characters
        wipe(secret)
        raise BadRequest(
            f"the passphrase has fewer than {SHORTEST} characters",
            hint="four or five random words are easy to remember and hard to guess",
        )
    if not settings.passphrase_file:
        again = _asked("Once more: ")
        same = again == secret
        wipe(again)
        if not same:
            wipe(secret)
            raise BadRequest("the two passphrases differ", hint="nothing was created; try again")
    return secret


def wipe(secret: bytearray) -> None:
    """Overwrite `secret` in place."""
    from vault.store.keys import wipe as overwrite

    overwrite(secret)


def _checked(secret: bytearray) -> bytearray:
    if not secret:
        raise BadRequest("the passphrase is empty", hint="put it on the first line of the file, or type it")
    try:
        secret.decode("utf-8")  # it travels as JSON text when a server runs, so it must be text
    except UnicodeDecodeError:
        wipe(secret)
        raise BadRequest("the passphrase is not UTF-8 text") from None
    return secret


def _from_file(name: str) -> bytearray:
    secret = bytearray(LONGEST + 1)
    try:
        with open(0, "rb", buffering=0, closefd=False) if name == STDIN else Path(name).open("rb", buffering=0) as file:
            size = 0
            while size < len(secret) and (got := file.readinto(memoryview(secret)[size:])):
                size += got
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise BadRequest(f"cannot read the passphrase file {name}: {reason}") from None
    if size > LONGEST:
        wipe(secret)
        raise BadRequest(
            f"the passphrase file {name} is larger than {LONGEST // 1024} KiB", hint="is it the right file?"
        )
    if size and secret[size - 1] == END:
        size -= 2 if size > 1 and secret[size - 2] == RETURN else 1
    kept = secret[:size]
    wipe(secret)
    return kept


def _asked(prompt: str) -> bytearray:
    """Ask on the controlling terminal without echo, straight into a bytearray."""
    import termios

    try:
        terminal = os.open(_TTY, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        raise Missing(
            "there is no terminal to ask for the passphrase",
            hint="name a file: --passphrase-file FILE or OWNVAULT_PASSPHRASE_FILE",
        ) from None
    before = termios.tcgetattr(terminal)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
        sys.stdout.flush()
        os.write(terminal, prompt.encode())
        return _line(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        os.write(terminal, b"\n")
        os.close(terminal)


def _line(terminal: int) -> bytearray:
    line, byte = bytearray(), bytearray(1)
    while os.readv(terminal, [byte]) and byte[0] != END:
        if len(line) >= LONGEST:
            wipe(line)
            raise BadRequest("that is too long for a passphrase")
        line += byte
    if not line and byte[0] != END:
        raise EOFError
    return line
