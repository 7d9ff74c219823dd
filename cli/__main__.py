"""`python -m cli`: the terminal without its installed name."""

from cli import app

app()
