"""Inbox: inquiries by state and team, each answered, assigned and closed from here."""

from pages._ui import inbox

inbox.draw()
