"""Text to ids of several vocabularies and back, through the base's own tokenizer."""
