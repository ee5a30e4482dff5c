"""Errors of the library. Each message names the value, the cause and the fix."""


class NewtongueError(ValueError):
    """Anything a user can mend: the message says what was given, why it cannot work and what to do."""


class AdapterFormatError(NewtongueError):
    """An adapter folder that cannot be trusted or read: a missing, changed or forbidden part."""


class BaseMismatchError(NewtongueError):
    """An adapter meets a base model it was not made for."""


class LanguageError(NewtongueError):
    """A language that is unknown, not attached, or attached twice."""
