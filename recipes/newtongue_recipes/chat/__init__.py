"""A chat with an adapted base: the conversation, the answer as it comes, the terminal around them."""
