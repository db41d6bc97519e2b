"""`gan-lab serve`: the local page, and answers to what it asks a run's generator for.

Only this machine's browsers reach it: it listens at 127.0.0.1, answers to no other name of a host, and takes nothing
that another site's page sends. It writes nothing but what a browser downloads, and contacts nobody.
"""

import socket
from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gan_lab.sharing import served_page
from gan_lab.sharing.served import IN_GRID, Asked, AskedGrid, Drawer, Served, Translator
from gan_lab.sharing.served_page import POLICY
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.extras import require
from gan_lab.utils.typed_json import problem

HOST, NAMES = "127.0.0.1", ["127.0.0.1", "localhost"]
LARGEST_IMAGE, LARGEST_REQUEST = 1 << 26, 1 << 20  # bytes
TYPES = {".png": "image/png", ".tif": "image/tiff", ".npy": "application/octet-stream"}
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@cache
def _form(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def application(generator: Served) -> Any:
    """The page and what it asks for, an application of Starlette's.

    Raises:
        UserError: a package is missing.
    """
    require("gan-lab serve", "serve", "starlette", "uvicorn")
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route

    told = generator.facts()
    shown = served_page.html(told, IN_GRID)

    def refused(why: str, status: int = 400) -> Any:
        return JSONResponse({"error": why}, status, HEADERS)

    async def body(request: Any, most: int) -> bytes:
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > most:
                raise ValueError(f"more than {most >> 20} MB")
        return bytes(content)

    async def answered(request: Any, most: int, work: Callable[[bytes], bytes], ending: str = ".png") -> Any:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers.get('host')}":
            return refused("another site's page asks for this", 403)
        try:
            content = await run_in_threadpool(work, await body(request, most))
        except ValidationError as error:
            return refused(problem(error))
        except (UserError, ValueError) as error:
            return refused(str(error))
        except OSError as error:
            return refused(reason(error), 507)
        return Response(content, media_type=TYPES[ending], headers=HEADERS)

    async def home(request: Any) -> Any:
        return HTMLResponse(shown, headers=HEADERS)

    async def facts(request: Any) -> Any:
        return JSONResponse(told, headers=HEADERS)

    async def latent(request: Any) -> Any:
        seed = request.query_params.get("seed", "")
        if not (seed.isascii() and seed.isdecimal()) or int(seed[:11]) >= 1 << 32:
            return refused("a seed is a whole number from 0 to 4294967295")
        return JSONResponse({"latent": drawer.latents(int(seed))[0].tolist()}, headers=HEADERS)

    async def draw(request: Any) -> Any:
        whole = request.query_params.get("part") == "file"

        def work(content: bytes) -> bytes:
            asked = _form(Asked).validate_json(content)
            return drawer.file(asked) if whole else drawer.image(asked)

        return await answered(request, LARGEST_REQUEST, work, drawer.ending if whole else ".png")

    async def grid(request: Any) -> Any:
        def work(content: bytes) -> bytes:
            return drawer.grid(_form(AskedGrid).validate_json(content))

        return await answered(request, LARGEST_REQUEST, work)

    async def translate(request: Any) -> Any:
        asked = request.query_params
        direction, name, part = asked.get("direction", "a2b"), asked.get("name", ""), asked.get("part", "picture")
        ending = told["ending"] if part == "file" else ".png"
        return await answered(
            request, LARGEST_IMAGE, lambda content: translator.translated(content, direction, name, part), ending
        )

    routes = [Route("/", home), Route("/facts", facts)]
    if isinstance(generator, Translator):
        translator = generator
        routes += [Route("/translate", translate, methods=["POST"])]
    else:
        drawer: Drawer = generator
        routes += [Route("/latent", latent)]
        routes += [Route("/draw", draw, methods=["POST"]), Route("/grid", grid, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=NAMES)])


def listen(port: int) -> socket.socket:
    """A socket of this machine alone.

    Raises:
        UserError: the port is taken.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
    except OSError as error:
        opened.close()
        raise UserError(f"--port {port}: can't be used: {reason(error)}; choose another, or 0 for any") from error
    return opened


def serve(application: Any, opened: socket.socket) -> None:
    """Answer until the user interrupts."""
    import uvicorn

    config = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[opened])
