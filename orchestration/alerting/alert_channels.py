"""How an alert travels: JSON to a webhook, text to a Slack-compatible address, an e-mail through SMTP.

Belongs here: the channels a deployment has and their senders. Does not belong here: reading the environment
(`orchestration.resources`), what a message says (`orchestration.alerting.alerts`).

Addresses and passwords are secrets: they are in no `repr`, no error and no log.
"""

import contextlib
import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from orchestration.alerting.alerts import Message, NotDeliveredError

SECONDS: Final = 10.0
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
SMTP_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class AlertChannels:
    """Where the alerts of a deployment go; empty: nowhere.

    Attributes:
        webhook, slack: addresses that take a POST of the whole message as JSON, or of `{"text": ...}`.
        recipients: e-mail addresses; they need `smtp`.
        smtp: `smtp://user:password@host:port` (encrypted by STARTTLS) or `smtps://...`.
        ui_url: address of the UI that links in messages lead to.
    """

    webhook: str = field(default="", repr=False)
    slack: str = field(default="", repr=False)
    recipients: tuple[str, ...] = field(default=(), repr=False)
    smtp: str = field(default="", repr=False)
    ui_url: str = "http://127.0.0.1:3000"

    def __post_init__(self) -> None:
        """Refuse what can never be delivered to.

        Raises:
            ValueError: names the variable and the mend, never its value.
        """
        for name, value in (("LIFECYCLE_ALERT_WEBHOOK", self.webhook), ("LIFECYCLE_ALERT_SLACK", self.slack)):
            if value and not _is_address(value, ("http", "https")):
                msg = f"{name} is not an address that begins with https:// or http://"
                raise ValueError(msg)
        if self.smtp and not _is_address(self.smtp, tuple(SMTP_PORTS)):
            msg = (
                "LIFECYCLE_SMTP is not of the form smtp://user:password@host:port or smtps://... (in a password, "
                "characters that an address cannot hold are percent-encoded: / is %2F, @ is %40)"
            )
            raise ValueError(msg)
        if bool(self.recipients) != bool(self.smtp):
            msg = "LIFECYCLE_ALERT_EMAIL (who) and LIFECYCLE_SMTP (how) need one another: set both or none"
            raise ValueError(msg)

    @property
    def senders(self) -> dict[str, Callable[[Message], None]]:
        """How to send, by channel; a sender raises `NotDeliveredError`."""
        found: dict[str, Callable[[Message], None]] = {}
        if self.webhook:
            found["webhook"] = lambda message: _post(self.webhook, asdict(message) | {"text": message.text})
        if self.slack:
            found["slack"] = lambda message: _post(self.slack, {"text": _for_slack(message)})
        if self.recipients:
            found["email"] = lambda message: _mail(self.smtp, self.recipients, message)
        return found


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether a server can be read from it; the errors of parsing would show parts of a password."""
    try:
        place = urlsplit(value)
        return place.scheme in schemes and bool(place.hostname) and place.port != 0
    except ValueError:
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its content, and count as delivered."""

    def redirect_request(self, *_: object) -> None:
        """Let the answer stand as the error it is."""


def _post(url: str, content: dict[str, object]) -> None:
    body, headers = json.dumps(content).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme is checked
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=SECONDS) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        is_elsewhere = error.code in range(300, 400)
        msg = f"the address answered {error.code}{': set the address that it redirects to' if is_elsewhere else ''}"
        raise NotDeliveredError(msg) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # The text of such an error may hold the address.
        reason = getattr(error, "reason", error)
        msg = f"the address cannot be reached ({type(reason).__name__})"
        raise NotDeliveredError(msg) from None


def _for_slack(message: Message) -> str:
    escaped = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    title, _, rest = escaped.partition("\n")
    return f"*{title}*\n{rest.lstrip()}"


def _mail(address: str, recipients: tuple[str, ...], message: Message) -> None:
    place = urlsplit(address)
    user = unquote(place.username or "")
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"] = user if "@" in user else f"customer-lifecycle@{place.hostname}"
    mail["To"] = ", ".join(recipients)
    mail["Date"] = datetime.fromisoformat(message.at)
    mail["Message-ID"] = f"<{message.id}@customer-lifecycle>"
    mail.set_content(message.text)
    try:
        server = _connected(place)
        try:
            if user:
                server.login(user, unquote(place.password or ""))
            server.send_message(mail)
        finally:
            # What a server says to the farewell changes nothing about a mail that it took.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
    except (OSError, ValueError, smtplib.SMTPException) as error:
        code = getattr(error, "smtp_code", None)
        msg = f"the mail server did not take it ({type(error).__name__}{f' {code}' if code else ''})"
        raise NotDeliveredError(msg) from None


def _connected(place: SplitResult) -> smtplib.SMTP:
    """A connection, encrypted unless it does not leave this machine: a password never travels in the clear."""
    host, context = place.hostname or "", ssl.create_default_context()
    port = place.port or SMTP_PORTS[place.scheme]
    if place.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
    elif place.username and host not in LOOPBACK:
        server.close()
        msg = "no encryption offered"
        raise smtplib.SMTPNotSupportedError(msg)
    return server
