"""`shop api`: the API behind uvicorn, with the shop's own protocol."""

from pathlib import Path
from typing import Annotated

import typer


def api(
    host: Annotated[str, typer.Option(help="Address on which it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes behind it.", show_default="WEB_CONCURRENCY or 1"),
    ] = None,
    grace_s: Annotated[
        int | None,
        typer.Option(
            min=0, help="How long what is under way may take to end.", show_default="no limit"
        ),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when the shop's code changes.")
    ] = False,
) -> None:
    """Run the API, by uvicorn with the shop's own HTTP; SIGTERM or Ctrl-C stops it."""
    import uvicorn

    uvicorn.run(
        "shop.asgi:app",
        # By its name: the processes of `workers` and `reload` look it up themselves.
        http="shop.api.protocol:ShopProtocol",
        host=host,
        port=port,
        workers=workers,
        timeout_graceful_shutdown=grace_s,
        reload=reload,
        reload_dirs=[str(Path(__file__).parents[1])] if reload else None,
        server_header=False,
    )
