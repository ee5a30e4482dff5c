"""What an adapter is, without its base: where its parts are, what they say, how that looks."""
