"""What the scripts fetch: joints, what a recording looks like, its video, files that were made."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from ...errors import InputError
from ..project.paths import inside
from .studio import Studio


def add_routes(app: FastAPI, studio: Studio) -> None:
    """Adds them; the guard has looked at who asks before they are reached."""

    @app.get("/joints")
    async def joints(recording: str, start: int, stop: int) -> Response:
        try:
            found = await run_in_threadpool(studio.joints, recording, start, stop)
        except InputError as error:
            raise HTTPException(404, str(error)) from None
        return Response(found.astype("<f4").tobytes(), media_type="application/octet-stream")

    @app.get("/scene")
    async def scene(recording: str) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(studio.scene, recording))
        except InputError as error:
            raise HTTPException(404, str(error)) from None

    @app.get("/video")
    def video(recording: str) -> FileResponse:
        try:
            found = studio.recording(recording).video
            path = inside(studio.there.folder, found) if found is not None else None
        except InputError as error:
            raise HTTPException(403, str(error)) from None
        if path is None or not path.is_file():
            raise HTTPException(404, f"{recording}: no video beside it")
        return FileResponse(path)

    @app.get("/made")
    def made(name: str) -> FileResponse:
        """A file that the studio wrote into its own folder for the person to take away."""
        try:
            path = inside(studio.made, name)
        except InputError as error:
            raise HTTPException(403, str(error)) from None
        if not path.is_file():
            raise HTTPException(404, f"{name}: not there")
        return FileResponse(path, filename=path.name, content_disposition_type="attachment")
