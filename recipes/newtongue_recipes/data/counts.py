"""What became of the rows of a source, counted by reason."""

from dataclasses import dataclass, field

from newtongue.errors import NewtongueError

from .schema import Kind

WANTED = {
    "text": "a column 'text' (or lines of plain text)",
    "pairs": "'english' and 'other', 'source' and 'target', 'translation', or a column for each language's tag",
    "questions": "'question' and 'answer', 'inputs' and 'targets', 'prompt' and 'completion', or 'messages'",
}
UNWANTED = "not wanted: "  # Before the column by which `where` leaves a row out.
FIXES = {
    "not valid JSON": "Write one JSON object a line.",
    "not valid CSV": "Look for a quote left open, and write a quote within quotes twice.",
    "not UTF-8": "Convert the file, e.g. iconv -f WINDOWS-1254 -t UTF-8.",
    "duplicate": "Remove the source, it repeats another, or set data.deduplicate=false.",
    "too long": "Raise data.longest, or split the texts.",
    "too short": "Lower data.shortest.",
    "wrong number of fields": "Look whether the format (csv, tsv) and 'header' are right.",
    "wrong language_code": "Look whether the recipe's language is the one meant, or say which codes with 'where'.",
    "aligned neither": "Write 1 where a pair matches word for word, and 0 or nothing where it does not.",
    "several columns for": "Say which with 'columns', e.g. columns: {english: en, other: ind}.",
    "held out": "These questions are kept back for the exam; lower data.held_out.",
}


@dataclass
class Counts:
    """The rows of one source; `read` is the sum of `used`, `held_out` and all of `dropped`.

    Attributes:
        source: its name.
        dropped: rows left out, by reason.
        examples: for each reason, the first row it hit: where it is and its value.
        columns: names met in the first rows.
        ended: why reading ended: "end", "rows" (the source's limit) or "budget".
    """

    source: str
    read: int = 0
    used: int = 0
    held_out: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    ended: str = "end"

    @property
    def lost(self) -> int:
        """Rows left out that nobody asked to leave out."""
        return sum(count for reason, count in self.dropped.items() if not reason.startswith(UNWANTED))

    def drop(self, reason: str, at: str, value: str = "") -> None:
        """Count a row that was read and left out."""
        self.read += 1
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        if reason not in self.examples:
            self.examples[reason] = f"{at}: {value}" if value else at

    def error(self, kind: Kind) -> NewtongueError:
        """Why no row of the source could be used, and what to do."""
        where = f"No row of {self.source} can be used for {kind}: "
        if not self.read:
            return NewtongueError(f"{where}it holds no rows. Name another file, or write some rows into it.")
        reasons = sorted(self.dropped.items(), key=lambda one: -one[1])
        counted = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
        main = reasons[0][0]
        return NewtongueError(
            f"{where}{self.read:,} read, {counted}. First: {self.examples[main]}. "
            f"Columns found: {', '.join(self.columns) or 'none'}. {self._fix(kind, main)}"
        )

    def _fix(self, kind: Kind, reason: str) -> str:
        if reason.endswith("for 'where'"):
            return "Name in 'where' a column that is found, as it is spelled there."
        for begins, fix in FIXES.items():
            if reason.startswith(begins):
                return fix
        if reason.startswith(UNWANTED):
            return "Look at the values of that column and mend 'where'."
        return f"For {kind}, rows need {WANTED[kind]}; say which is which with 'columns', e.g. {_EXAMPLES[kind]}."


_EXAMPLES = {
    "text": "columns: {text: body}",
    "pairs": 'columns: {english: "0", other: "1"}',
    "questions": "columns: {question: instruction, answer: output}",
}
