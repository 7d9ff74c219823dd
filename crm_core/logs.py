"""What programs log: one JSON object a line on standard error, a traceback as one of its fields, no secrets.

Whatever logs otherwise (the web server, the pages' library, a thread that dies) is brought into the same form.
"""

import logging
import re
import sys
import threading
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

FRAMES = 30
"""So many of the innermost calls of a traceback are kept."""

_SECRETS = (
    (re.compile(r"(\w[\w+.-]*://[^\s/@:]*):[^\s/@]+@"), r"\1:***@"),
    (re.compile(r"""(?i)\b(\w*(?:password|passwd|secret|token|api_?key)["']?(?:\s*[=:]\s*|\s+(?=['"])))"""
                r"""("[^"]*"|'[^']*'|[^\s,;&)}\]]+)"""), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\bmgr_[\w-]{8,}"), "mgr_***"),
)  # fmt: skip
_log = structlog.get_logger("merganser")


class _Lines(logging.Handler):
    """Writes to what is standard error at that time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def redact(text: str) -> str:
    """The text without what opens doors: passwords in addresses and settings, and keys."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def write_logs() -> None:
    """Let everything of this process that logs write lines of JSON to standard error, from now on."""
    ours: list[Processor] = [structlog.stdlib.add_logger_name, *_EACH]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_EACH, _LINE],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    root, handler = logging.getLogger(), _Lines()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=ours, processors=[remove, _LINE])
    )
    root.handlers[:] = [one for one in root.handlers if not isinstance(one, _Lines)] + [handler]
    root.setLevel(logging.WARNING)
    threading.excepthook = _thread_died


def follow_root(name: str) -> None:
    """Let a library's own loggers, that write for themselves, write as everything else does."""
    known = logging.root.manager.loggerDict
    for one in [name, *(other for other in known if other.startswith(f"{name}."))]:
        logger = logging.getLogger(one)
        logger.handlers.clear()
        logger.propagate = True


def log_failure(event: str, error: BaseException, **facts: object) -> None:
    """Log an error that nobody expected, with its traceback, under the id that a problem document names."""
    _log.error(event, **facts, error_id=str(id(error)), **_told(error))


def _told(error: BaseException) -> dict[str, str]:
    """The traceback as plain text: a picture of it with the values of every frame tells of records."""
    trace = "".join(traceback.format_exception(error, limit=-FRAMES))
    return {"error": f"{type(error).__name__}: {error}", "trace": trace}


def _trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The traceback in one field."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event = {**_told(error), **event}
    return event


def _without_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    ordered: EventDict = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return {
        key: redact(value) if isinstance(value, str) else value for key, value in {**ordered, **event}.items()
    }


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread else ""
        _log.error("a thread ended by an error", thread=name, exc_info=args.exc_value)


_EACH: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _trace,
    _without_secrets,
]
_LINE: Any = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
