"""Text of several languages to ids and back, through the base's own tokenizer."""
