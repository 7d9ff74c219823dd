"""Mail for tests, in the fewest words."""

from __future__ import annotations

import itertools

_numbers = itertools.count(1)


def letter(
    body: str = "Hello",
    *,
    sender: str = "Ida Berg <ida@shipper.example>",
    subject: str = "A question",
    message_id: str | None = None,
    **headers: str,
) -> bytes:
    """A plain message; further headers by name, `_` for `-`."""
    known = {"From": sender, "To": "help@freight.example", "Subject": subject}
    known["Message-ID"] = message_id or f"<{next(_numbers)}@shipper.example>"
    known |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in known.items())
    return f"{head}\r\n{body}".encode()


def report(original: str, recipient: str, *, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A delivery status notification (RFC 3464) on a message of ours."""
    return f"""From: Mail Delivery <MAILER-DAEMON@mx.example>
To: help@freight.example
Subject: Undelivered Mail
Message-ID: <{next(_numbers)}.dsn@mx.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

I am sorry to inform you.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--B
Content-Type: text/rfc822-headers

From: help@freight.example
Message-ID: {original}
Subject: An offer

--B--
""".replace("\n", "\r\n").encode()
