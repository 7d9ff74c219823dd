"""A file is one noun, a function one verb: what grows past the limit holds two ideas."""

from __future__ import annotations

from tests.architecture.source import LAYERS, functions, sources

LINES_PER_FILE = 400
LINES_PER_FUNCTION = 60


def test_no_file_is_longer_than_the_limit() -> None:
    everything = sources(*LAYERS, "tests", "benchmarks")
    long = [f"{source.name}: {source.lines}" for source in everything if source.lines > LINES_PER_FILE]
    assert long == []


def test_no_function_is_longer_than_the_limit() -> None:
    long = [
        f"{source.name} {name}: {length}"
        for source in sources(*LAYERS)
        for name, length in functions(source)
        if length > LINES_PER_FUNCTION
    ]
    assert long == []


def test_the_source_is_found() -> None:
    assert len(sources("lake")) > 1 and len(sources("pages")) > 1
