"""What is measured: answers row by row, alignment, English retention, cost; and how sure one can be of it."""
