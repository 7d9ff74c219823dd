"""Reading what people have: any input becomes one staged relation of text, with exact lines and no row
lost.
"""

from lake.ingest.encoding import hash_file
from lake.ingest.errors import (
    ChangedWhileReadError,
    EmptyInputError,
    EncodingError,
    FormatError,
    IngestError,
    NotFoundError,
    OptionError,
    SourceDatabaseError,
)
from lake.ingest.model import (
    Dialect,
    FileInfo,
    Format,
    Options,
    Progress,
    Sniffed,
    Source,
    Staged,
    unique_names,
)
from lake.ingest.sources import expand_inputs, file_source, is_readable
from lake.ingest.staging import sniff, stage

__all__ = [
    "ChangedWhileReadError",
    "Dialect",
    "EmptyInputError",
    "EncodingError",
    "FileInfo",
    "Format",
    "FormatError",
    "IngestError",
    "NotFoundError",
    "OptionError",
    "Options",
    "Progress",
    "Sniffed",
    "Source",
    "SourceDatabaseError",
    "Staged",
    "expand_inputs",
    "file_source",
    "hash_file",
    "is_readable",
    "sniff",
    "stage",
    "unique_names",
]
