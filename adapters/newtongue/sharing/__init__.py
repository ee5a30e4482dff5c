"""How an adapter is shared: the Hugging Face Hub, through its own client."""
