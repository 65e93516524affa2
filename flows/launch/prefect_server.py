"""Prefect's server, for whoever has its password only: `python -m flows.launch.prefect_server`.

As `prefect server start` runs it, it asks for no password, lets the pages of every site call it, and answers to every name: any
page that a browser on this machine shows could have the worker run commands. Here

1. it does not start without PREFECT_SERVER_API_AUTH_STRING, which all but `/health`, `/ready` and the files of its UI ask for;
2. only its UI's own pages may call it from a browser (PREFECT_SERVER_CORS_ALLOWED_ORIGINS, where set, says which others);
3. a request for another host is refused, so that no name of a stranger's can be pointed here (DNS rebinding).

Its hosts are this machine's, and those of PREFECT_API_URL and PREFECT_SERVER_UI_API_URL.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

ADDRESSES = ("PREFECT_API_URL", "PREFECT_SERVER_UI_API_URL", "PREFECT_UI_API_URL")
"""Settings of Prefect's that say where it is reached; each has a path below /api."""
HERE = ("127.0.0.1", "localhost")


def own_hosts(addresses: Iterable[str]) -> list[str]:
    """Names the server answers to, sorted."""
    return sorted({*HERE, *filter(None, (urlsplit(address).hostname for address in addresses))})


def own_origins(addresses: Iterable[str]) -> list[str]:
    """Origins of the UI's pages, sorted: one that is opened at `localhost` calls 127.0.0.1."""
    parts = [urlsplit(address) for address in addresses]
    local = {part._replace(netloc=f"{name}:{part.port}") for part in parts if part.hostname in HERE for name in HERE}
    return sorted({f"{part.scheme}://{part.netloc}" for part in {*parts, *local}})


def addresses_of(environment: Mapping[str, str]) -> list[str]:
    """Where the settings say that the server is reached."""
    return [environment[name] for name in ADDRESSES if environment.get(name)]


def main() -> None:
    """Serve until told to stop; ends with one sentence when there is no password."""
    if not os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        sys.exit("lectern: PREFECT_SERVER_API_AUTH_STRING is not set; without it Prefect would run whatever any page asks for.")
    addresses = addresses_of(os.environ)
    os.environ.setdefault("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", ",".join(own_origins(addresses)))

    import uvicorn  # Prefect reads its settings when it is imported
    from fastapi.middleware.trustedhost import TrustedHostMiddleware
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    server = get_current_settings().server
    app = create_app(final=True)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=own_hosts(addresses), www_redirect=False)
    uvicorn.run(
        app,
        host=server.api.host,
        port=server.api.port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
