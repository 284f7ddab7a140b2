"""Swagger UI from a package's files: it needs no internet, and may reach for none."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ShopTaskManager</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" href="docs/assets/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

#: A script of its own, so that the policy below can forbid any inside the page. Without
#: `validatorUrl` the page would send the schema's address to a site that checks schemas.
_START = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""

#: Everything comes from here; `data:` is for the pictures inside Swagger UI's own style sheet.
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
}


def install_docs(app: FastAPI) -> None:
    """`/docs`, and `/` leading there; the schema itself is FastAPI's `/openapi.json`."""
    for path, endpoint in {"/": _index, "/docs": _page, "/docs/start.js": _start}.items():
        app.add_api_route(path, endpoint, include_in_schema=False)
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]), "docs-assets")


async def _index() -> Response:
    return RedirectResponse("docs")


async def _page() -> Response:
    return HTMLResponse(_PAGE, headers=_POLICY)


async def _start() -> Response:
    return Response(_START, media_type="text/javascript")
