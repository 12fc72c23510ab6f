from vault.sentences import *  # noqa: F403
from vault.sentences import one_line as one_line
