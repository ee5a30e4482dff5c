"""What the Hub's refusals mean, and what to do about each."""

from http import HTTPStatus

from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
)

from newtongue.errors import NewtongueError

_READING = {
    401: "Check the name and revision; for a private repository set HF_TOKEN, give token=... or run `hf auth login`.",
    403: "Check the token: it may not read this. Accept the terms on its page if it is gated, or set another HF_TOKEN.",
    404: "Check the name and revision; for a private repository give token=... or run `hf auth login`.",
    409: "Check its page: it is being changed. Try again in a moment.",
}
_WRITING = {
    401: "Check the token: run `hf auth login`, or set HF_TOKEN to a token with write access.",
    403: "Check that the token may write there: make one with write access at https://huggingface.co/settings/tokens "
    "and run `hf auth login`, or push under your own name.",
    404: "Check the name and revision, and that the token may write there (`hf auth login`).",
    409: "Check its page: someone else changes it, or something else has the name. Try again, or choose another name.",
    412: "Check its page: someone else has pushed in the meantime. Push again.",
}
_EITHER = {
    429: "Check how much else runs under this account or address: the Hub counts requests. Wait a few minutes and run "
    "the same again; logged in (`hf auth login`), one may ask for more.",
}
_DISK = "Free some space or set HF_HOME to a folder on another disk, and run the same again."
_OWN = "Correct that and run the same again."
_BROKEN = "Check the network and run the same again: parts that came across whole are kept."
_TROUBLE = "Check the Hub's state at https://status.huggingface.co: the trouble is its own. Try again later."


def refused(error: Exception, name: str, *, revision: str | None = None, writing: bool = False) -> NewtongueError:
    """An error of the Hub's client as one of ours, which says what happened and what to do.

    Args:
        error: what the client raised.
        name: the repository.
        revision: the branch, tag or commit asked for, if one was.
        writing: it was to take something, not to give it.
    """
    what = repr(name) + (f" at revision {revision!r}" if revision else "")
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) else error
    if isinstance(cause, OfflineModeIsEnabled) or (cause is None and not writing):
        return NewtongueError(
            f"The adapter {what} is no folder here nor whole in the local cache, and the Hub is not to be asked. "
            "Unset HF_HUB_OFFLINE (or local_files_only) once, or give a folder that holds the adapter."
        )
    if isinstance(error, LocalEntryNotFoundError) and not isinstance(cause, HfHubHTTPError):
        return NewtongueError(
            f"The adapter {what} is no folder here nor in the local cache, and the Hub cannot be reached. Check the "
            "network, or give a folder that holds the adapter."
        )
    said, advice = _explain(cause or error, _WRITING if writing else _READING)
    return NewtongueError(f"The Hub did not {'take' if writing else 'give'} {what}: {said}. {advice}")


def _explain(error: BaseException, advice: dict[int, str]) -> tuple[str, str]:
    """What the Hub said, on one line, and what to do."""
    if isinstance(error, LocalTokenNotFoundError):
        return "it wants a token", advice[401]
    while not isinstance(error, (HfHubHTTPError, ValueError)) and error.__cause__:  # Uploads hide what stopped them.
        error = error.__cause__
    if not isinstance(error, HfHubHTTPError):
        disk = isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError)
        fix = _DISK if disk else _OWN if isinstance(error, ValueError) else _BROKEN
        return " ".join(str(error).split()).rstrip(".") or type(error).__name__, fix
    status = error.response.status_code
    named = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "refused"
    said = " ".join((error.server_message or "").split()).rstrip(".")
    wait = error.response.headers.get("Retry-After")
    text = f"{status} {named}{f', {said}' if said else ''}{f', retry after {wait} s' if wait else ''}"
    return text, (advice | _EITHER).get(status, _TROUBLE if status >= 500 else _OWN)
