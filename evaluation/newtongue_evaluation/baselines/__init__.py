"""What an adapter is measured against: what people would run instead, and controls that could sink it.

Every baseline is a function from the same lessons and the same budget to something that can be asked.
"""

from .budget import Budget
from .lessons import Lessons
from .method import Baseline, Learned, Question
from .registry import BASELINES

__all__ = ["BASELINES", "Baseline", "Budget", "Learned", "Lessons", "Question"]
