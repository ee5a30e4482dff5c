"""A chat in the browser: what was said as HTML, sessions that answer as they are watched, the page around them."""

from importlib.util import find_spec

from newtongue import NewtongueError


def need_gradio() -> None:
    """Say so before anything is loaded where the page's library is missing.

    Raises:
        NewtongueError: it is.
    """
    if find_spec("gradio") is None:
        raise NewtongueError("The page needs gradio, which is not installed. Run: pip install 'newtongue[web]'")
