"""`python -m vault` is the same as `ownvault`."""

from vault.cli import main

main()
