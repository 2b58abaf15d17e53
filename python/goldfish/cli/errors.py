"""Errors of the command line itself."""


class UsageError(ValueError):
    """The arguments contradict each other or name something that does not exist; the exit code is 2."""
