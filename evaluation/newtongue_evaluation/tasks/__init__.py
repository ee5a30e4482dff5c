"""What an adapter is asked: questions and sentence pairs, from files."""
