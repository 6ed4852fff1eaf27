"""Trees of files as a shared component."""

from __future__ import annotations

from netforge.plugin import Context, Field, IFiles, Offer, Parts, Settings, Task, service

__all__ = ["FilesSettings", "files"]


class FilesSettings(Settings):
    """The files that services serve and fill."""

    threads: int = Field(
        8, ge=1, le=256, description="how many files the disks may be asked for at once; further ones wait for a thread"
    )


@service("files", FilesSettings, offers=[IFiles])
def files(settings: FilesSettings, context: Context) -> Parts:
    """Trees in folders, in memory, and behind fsspec."""
    from netforge.shared.files.places import Files  # noqa: PLC0415  only who serves files needs all that

    made = Files(context.reactor, context.random, context.keep("memories", dict), settings.threads)
    return [Task(made.start, made.stop, "the threads"), Offer(IFiles, made)]
