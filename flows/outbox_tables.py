"""The outbox's tables and the words of its states, for all that reads or writes it."""

from lake import table

OUTBOX = table("ops", "outbox")
DELIVERIES = table("ops", "deliveries")

STATES = ("queued", "held", "sending", "unknown", "sent", "dead", "dropped")
"""queued: waits for its turn. held: waits for a person. sending: an attempt is being made. unknown: the process died
in an attempt, which will be repeated under the same Message-ID. sent: the server took it. dead: it was refused, or
tried too often. dropped: a person, or the undo of its load, decided against it."""

WAITING = ("queued", "unknown")
"""States from which the next attempt begins."""

NO_SERVER = "no mail server is set (MERGANSER_SMTP_URL), so mail stays queued"

NO_PROVIDER = {
    "sms": "no provider of text messages is set (MERGANSER_SMS_URL), so they stay queued",
    "whatsapp": "no provider of WhatsApp messages is set (MERGANSER_WHATSAPP_URL), so they stay queued",
}
"""Channel → why its messages wait where nobody is set to send them."""

TOO_MANY = "the window would send more than the workspace allows without a person's word"
"""Why messages and calls are held."""
