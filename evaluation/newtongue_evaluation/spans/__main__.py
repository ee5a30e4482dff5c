"""Print how often `language="auto"` is right, and where it is not: `python -m newtongue_evaluation.spans`."""

from rich.console import Console

from newtongue_evaluation.report import table
from newtongue_evaluation.spans import accuracy, read_cases

console = Console()
cases = read_cases()
scores = accuracy(cases)
right = sum(score for score, _ in scores.values())
rows = [[kind, score, all_, score / all_] for kind, (score, all_) in sorted(scores.items())]
console.print(table(["kind", "right", "cases", "accuracy"], [*rows, ["all", right, len(cases), right / len(cases)]]))
for case in cases:
    if not case.is_right():
        said = " ".join(f"[{language or 'base'}: {part}]" for language, part in case.found() if part.strip())
        console.print(f"\nwrong ({', '.join(case.attached)}; {case.kind}): {case.text!r}\n  {said}", markup=False)
