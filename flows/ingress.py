"""Mail that is handed to us by SMTP: taken once its bytes are on disk and its record is committed, else put off."""

import asyncio
import logging
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from crm_core.errors import SettingInvalid
from crm_core.logs import log_failure
from crm_core.mail.arrivals import Arrival
from crm_core.settings import Settings
from flows.mail_in import MailIn
from lake import Lake

THREADS = 64
"""Messages that are being stored at a time; those of one moment share a commit."""

MOST_CONNECTIONS = 200
MOST_RECIPIENTS = 100
LONGEST_LINE = 1_000_000
"""RFC 5321 says 1,000; programs that write longer lines are many, and refusing them loses mail."""

IDLE_SECONDS = 120.0

_log = structlog.get_logger("flows")


class Ingress:
    """An SMTP server in a thread of its own. It takes mail for us only, and sends none on."""

    def __init__(
        self,
        lake: Lake,
        mail_in: MailIn,
        *,
        host: str,
        port: int,
        addresses: tuple[str, ...] = (),
        max_bytes: int = 25_000_000,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._threads = ThreadPoolExecutor(THREADS, "mail-in")
        self._handler = _Handler(lake, mail_in, addresses, self._threads)
        self._controller = _Controller(
            self._handler, hostname=host, port=port, data_size_limit=max_bytes, enable_SMTPUTF8=True,
            decode_data=False, timeout=IDLE_SECONDS, ident="Merganser", tls_context=tls,
        )  # fmt: skip

    @classmethod
    def from_settings(cls, lake: Lake, settings: Settings) -> "Ingress | None":
        """As the settings say; None when no port is set.

        Raises:
            SettingInvalid: The certificate or its key cannot be read.
        """
        if not settings.mail_in_port:
            return None
        return cls(
            lake, MailIn.from_settings(settings), host=settings.mail_in_host, port=settings.mail_in_port,
            addresses=settings.mail_in_addresses, max_bytes=settings.mail_in_max_bytes, tls=_tls(settings),
        )  # fmt: skip

    def start(self) -> None:
        """Begin to listen.

        Raises:
            SettingInvalid: The port is taken, or the address is not this machine's.
        """
        # Its own log has a line for every command, with addresses in it.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        try:
            # Its thread would say nothing for seconds when it cannot listen.
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            socket.create_server((self._host, self._port), family=family).close()
            self._controller.start()
        except (OSError, TimeoutError) as error:
            allowed = f"a free port of {self._host} ({error})"
            raise SettingInvalid("MERGANSER_MAIL_IN_PORT", self._port, allowed) from error
        _log.info("mail is taken in", host=self._host, port=self._port)

    def stop(self) -> None:
        """Take no more; what is being stored is finished, and whoever was not answered hands it over again."""
        self._controller.stop(no_assert=True)
        self._threads.shutdown(wait=True, cancel_futures=True)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """What STARTTLS is offered with; None without a certificate."""
    cert, key = settings.mail_in_tls_cert, settings.mail_in_tls_key
    if cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        allowed = f"a certificate and its key, both in PEM, that can be read ({error})"
        raise SettingInvalid("MERGANSER_MAIL_IN_TLS_CERT", str(cert), allowed) from error
    return context


class _Server(SMTP):
    line_length_limit = LONGEST_LINE


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)


class _Handler:
    def __init__(
        self, lake: Lake, mail_in: MailIn, addresses: tuple[str, ...], threads: ThreadPoolExecutor
    ) -> None:
        self._lake, self._mail_in = lake, mail_in
        self._addresses = frozenset(addresses)
        self._threads = threads
        self._under_way = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        if self._addresses and address.lower() not in self._addresses:
            return "550 5.1.1 no such mailbox here, and nothing is sent on"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._under_way >= MOST_CONNECTIONS:
            return "451 4.3.2 too much mail at a time, try again later"
        content = envelope.content or b""
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else bytes(content)
        arrival = Arrival(raw, "smtp", envelope.mail_from or "", tuple(envelope.rcpt_tos))
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            taken = await loop.run_in_executor(self._threads, self._mail_in.take, self._lake, arrival)
        except Exception as error:
            # Nothing was promised: whoever handed it over keeps it, and tries again.
            log_failure("mail was put off", error)
            return "451 4.3.0 it could not be stored, try again later"
        finally:
            self._under_way -= 1
        return f"250 2.0.0 taken as {taken.id}"

    async def handle_exception(self, error: Exception) -> str:
        log_failure("a connection of the mail ingress failed", error)
        return "451 4.3.0 try again later"
