"""The start page: what waits for the person who opens it."""

from pages._ui import home

home.draw()
