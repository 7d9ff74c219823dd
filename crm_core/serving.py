"""The workspace that this process serves, so that the faces in it share one lake and its caches."""

from crm_core.workspace import Workspace

_served: list[Workspace] = []


def serve(workspace: Workspace) -> None:
    """Let every face of this process use the workspace, until `stop`."""
    _served[:] = [workspace]


def stop() -> None:
    """Serve none any more; whoever opened it closes it."""
    _served.clear()


def served() -> Workspace | None:
    """The workspace that the server of this process opened, or None where none runs."""
    return _served[0] if _served else None
