"""The web console: the owner's own pages. They hold no rule; every page is a method of the vault, worded."""
