"""Progress bars where nobody watches."""

from io import StringIO

from rich.console import Console

from newtongue_recipes.bars import Bars


def test_a_log_gets_a_line_for_each_quarter_of_a_part():
    log = StringIO()
    with Bars(Console(file=log)) as progress:
        one, unknown = progress.add_task("reading", total=8), progress.add_task("waiting", total=None)
        progress.advance(unknown)
        for step in range(1, 9):
            progress.update(one, completed=step)
        progress.reset(one, total=2)
        progress.advance(one)
    told = [line.rsplit(",", 1)[0] for line in log.getvalue().splitlines()]
    assert told == [*(f"reading: {step} of 8" for step in (2, 4, 6, 8)), "reading: 1 of 2"]


def test_a_terminal_gets_bars_and_no_lines():
    screen = StringIO()
    with Bars(Console(file=screen, force_terminal=True)) as progress:
        progress.update(progress.add_task("reading", total=8), completed=8)
    assert "reading: 8 of 8" not in screen.getvalue() and "8/8" in screen.getvalue()
