"""Why the demo does not start."""


class CannotStart(Exception):
    """The message says what was found and what to do; nothing was started or changed."""
