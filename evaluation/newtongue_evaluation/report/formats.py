"""Numbers as people read them."""


def value(number: float | None) -> str:
    """A score: two decimals."""
    return "–" if number is None else f"{number:.2f}"


def signed(number: float) -> str:
    """A difference, with its sign."""
    return f"{number:+.2f}".replace("-", "−")


def amount(number: float | None) -> str:
    """A count, with thousands apart."""
    return "–" if number is None else f"{number:,.0f}".replace(",", " ")


def bytes_of(number: float | None) -> str:
    """A size in MB."""
    return "–" if number is None else f"{number / 1e6:,.1f} MB"
