"""YAML 1.2, so that `NO` stays Norway and `12:30` stays a time of day."""

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from crm_core.errors import CrmError


class YamlInvalid(CrmError):
    """A text is no YAML document; carries where reading stopped."""

    status = 422

    def __init__(self, source: str, reason: str, *, line: int | None = None) -> None:
        self.source = source
        self.reason = reason
        self.line = line
        where = f", line {line}" if line is not None else ""
        super().__init__(f"{source}{where} is no YAML that can be read: {reason}. Mend it and try again.")


def load(text: str, *, source: str = "The text") -> Any:
    """Read one YAML 1.2 document as plain Python: dicts, lists, texts, numbers, booleans, dates, None.

    Args:
        text: the document.
        source: what to call it in an error, for example its file name.

    Raises:
        YamlInvalid: When it is no YAML, holds tags of foreign types, or more than one document.
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = str(error.problem or error.context or error).strip()
        raise YamlInvalid(source, reason, line=mark.line + 1 if mark else None) from error
    except (YAMLError, ValueError) as error:
        raise YamlInvalid(source, str(error).splitlines()[0]) from error


def load_file(path: Path) -> Any:
    """`load` of a file in UTF-8.

    Raises:
        YamlInvalid: When the file is not there or no YAML in UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise YamlInvalid(str(path), f"it cannot be read as UTF-8 text ({error})") from error
    return load(text, source=str(path))


def dump(document: Any) -> str:
    """Write plain Python as YAML 1.2, in the order given, one block a level."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.width = 110
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = StringIO()
    writer.dump(document, out)
    return out.getvalue()


def dump_line(document: Any) -> str:
    """Write plain Python as YAML 1.2 in one line."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = True
    writer.allow_unicode = True
    writer.width = 1_000_000
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = StringIO()
    writer.dump(document, out)
    return out.getvalue().removesuffix("...\n").strip()
