"""A chat in the browser: what was said as HTML, sessions that answer as they are watched, the page around them."""

import socket
from importlib.util import find_spec

from newtongue import NewtongueError


def need_gradio() -> None:
    """Say so before anything is loaded where the page's library is missing.

    Raises:
        NewtongueError: it is.
    """
    if find_spec("gradio") is None:
        raise NewtongueError("The page needs gradio, which is not installed. Run: pip install 'newtongue[web]'")


def need_port(port: int) -> None:
    """Say so before anything is loaded where the page's port is taken.

    Raises:
        NewtongueError: it is, or is not for this user.
    """
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # As the page's server does.
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise NewtongueError(
                f"Port {port} cannot be used: {error.strerror}. Choose another with --port."
            ) from error
