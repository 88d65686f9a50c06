"""URLs as they may be shown: the log is kept for ever, and a URL's query may be a key."""

from urllib.parse import urlsplit

SHOWN_MAX = 500


def shown(url: str) -> str:
    """Without login, query and fragment, which may hold keys; at most 500 characters."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname or ""
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2][:SHOWN_MAX]
    if not parts.scheme:
        return url[:SHOWN_MAX]  # a path
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"[:SHOWN_MAX]
