"""How an adapter is judged: answers and their scores, controls that could sink it, baselines, reports."""
