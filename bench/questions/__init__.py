"""A made-up life and what its owner asks of it: the same every time, written by nobody and by no model."""
