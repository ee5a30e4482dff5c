"""The command line inside the test's own process, where a subprocess would spend its seconds on imports."""

import sys

import pytest

from newtongue_recipes.cli import main


def newtongue(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command as a user would; its exit code."""
    monkeypatch.setattr(sys, "argv", ["newtongue", *arguments])
    with pytest.raises(SystemExit) as done:
        main()
    code = done.value.code
    return code if isinstance(code, int) else int(bool(code))
