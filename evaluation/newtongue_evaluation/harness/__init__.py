"""lm-evaluation-harness: an attached model as one of its models, and tasks over files of this machine."""

from pathlib import Path

TASKS = Path(__file__).parent / "tasks"
