from collections.abc import Iterator
from dataclasses import replace
from email import message_from_string
from pathlib import Path

import pytest

from orchestration.alerting.alert_channels import AlertChannels
from orchestration.alerting.alerts import Message, NotDeliveredError
from tests import catchers
from tests.catchers import Caught

SECRET = "s3cret"  # noqa: S105 - not one
MESSAGE = Message(
    "4711",
    "failed",
    "small",
    "small: rebuild failed",
    ("step a: 1 < 2 & 3",),
    "http://ui/runs/1",
    "2026-01-01T05:00:00+00:00",
)


@pytest.fixture
def web() -> Iterator[Caught]:
    with catchers.web() as caught:
        yield caught


@pytest.fixture
def mail() -> Iterator[Caught]:
    with catchers.mail() as caught:
        yield caught


def test_a_webhook_gets_the_whole_message_as_json(web: Caught) -> None:
    """A program can tell kinds and companies apart; the text is for people."""
    AlertChannels(webhook=f"http://127.0.0.1:{web.port}/{SECRET}").senders["webhook"](MESSAGE)
    [body] = web.taken()
    assert (body["id"], body["kind"], body["company"], body["link"]) == ("4711", "failed", "small", "http://ui/runs/1")
    assert body["text"] == "small: rebuild failed\n\nstep a: 1 < 2 & 3\nhttp://ui/runs/1"


def test_slack_gets_text_that_it_shows_as_written(web: Caught) -> None:
    """Signs that Slack reads as markup are escaped; the title is bold."""
    AlertChannels(slack=f"http://127.0.0.1:{web.port}/{SECRET}").senders["slack"](MESSAGE)
    assert web.taken() == [{"text": "*small: rebuild failed*\nstep a: 1 &lt; 2 &amp; 3\nhttp://ui/runs/1"}]


def test_everybody_named_gets_the_mail(mail: Caught) -> None:
    """Subject, recipients and text arrive; the id is the mail's own, so a second delivery can be told."""
    channels = AlertChannels(recipients=("ada@example.org", "bea@example.org"), smtp=f"smtp://127.0.0.1:{mail.port}")
    channels.senders["email"](MESSAGE)
    [text] = mail.taken()
    found = message_from_string(text)
    assert (found["Subject"], found["To"]) == ("small: rebuild failed", "ada@example.org, bea@example.org")
    assert found["Date"] == "Thu, 01 Jan 2026 05:00:00 +0000"
    assert (found["Message-ID"], "step a: 1 < 2 & 3" in text) == ("<4711@customer-lifecycle>", True)


@pytest.mark.parametrize("is_there", [True, False], ids=["refuses", "unreachable"])
def test_what_is_not_delivered_says_so_without_secrets(web: Caught, mail: Caught, is_there: bool) -> None:
    """An address that refuses or is not there raises; neither path nor password stand in the error."""
    web.is_broken = mail.is_broken = True
    ports = (web.port, mail.port) if is_there else (1, 1)
    channels = AlertChannels(
        webhook=f"http://127.0.0.1:{ports[0]}/{SECRET}",
        slack=f"http://127.0.0.1:{ports[0]}/{SECRET}",
        recipients=("ada@example.org",),
        smtp=f"smtp://127.0.0.1:{ports[1]}",
    )
    for send in channels.senders.values():
        with pytest.raises(NotDeliveredError) as failure:
            send(MESSAGE)
        assert SECRET not in str(failure.value)
        assert failure.value.__cause__ is None
    assert SECRET not in repr(channels)
    assert "ada" not in repr(channels)


def test_a_password_does_not_travel_in_the_clear(mail: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server elsewhere that offers no encryption gets neither password nor message."""
    monkeypatch.setattr("orchestration.alerting.alert_channels.LOOPBACK", ())
    channels = AlertChannels(recipients=("a@b.c",), smtp=f"smtp://user:{SECRET}@127.0.0.1:{mail.port}")
    with pytest.raises(NotDeliveredError, match="SMTPNotSupportedError"):
        channels.senders["email"](MESSAGE)
    assert mail.taken() == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_login_and_its_mail_travel_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """By STARTTLS and from the first byte; a server whose certificate nobody vouches for gets nothing."""
    pem, tls = catchers.certificate(tmp_path)
    with catchers.mail(tls, is_implicit=scheme == "smtps") as mail:
        channels = AlertChannels(recipients=("a@b.c",), smtp=f"{scheme}://user:p%40ss@localhost:{mail.port}")
        with pytest.raises(NotDeliveredError, match="SSLCertVerificationError"):
            channels.senders["email"](MESSAGE)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        channels.senders["email"](MESSAGE)
        assert (mail.logins, len(mail.taken())) == ([("user", "p@ss")], 1)


def test_a_redirect_is_not_taken_for_a_delivery(web: Caught) -> None:
    """Followed, the message would arrive as a request without its content."""
    web.moved = True
    with pytest.raises(NotDeliveredError, match="302: set the address that it redirects to"):
        AlertChannels(webhook=f"http://127.0.0.1:{web.port}/{SECRET}").senders["webhook"](MESSAGE)


def test_what_only_sending_shows_to_be_wrong_is_not_delivered() -> None:
    """A host that no name can be, or a recipient that a mail cannot name, ends no tick."""
    channels = AlertChannels(webhook=f"https://{'a' * 70}.example/{SECRET}")
    with pytest.raises(NotDeliveredError) as failure:
        channels.senders["webhook"](MESSAGE)
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"webhook": f"ftp://{SECRET}"}, "LIFECYCLE_ALERT_WEBHOOK"),
        ({"slack": SECRET}, "LIFECYCLE_ALERT_SLACK"),
        ({"smtp": f"mail:{SECRET}", "recipients": ("a@b.c",)}, "LIFECYCLE_SMTP"),
        ({"smtp": f"smtp://user:pa/{SECRET}@host:587", "recipients": ("a@b.c",)}, "LIFECYCLE_SMTP"),
        ({"smtp": f"smtp://user:[{SECRET}@host:587", "recipients": ("a@b.c",)}, "LIFECYCLE_SMTP"),
        ({"smtp": f"smtp://user:℀{SECRET}@host:587", "recipients": ("a@b.c",)}, "LIFECYCLE_SMTP"),
        ({"webhook": f"https:///{SECRET}"}, "LIFECYCLE_ALERT_WEBHOOK"),
        ({"recipients": (SECRET,)}, "LIFECYCLE_ALERT_EMAIL"),
    ],
)
def test_what_can_never_work_is_refused_by_name(wrong: dict[str, object], named: str) -> None:
    """The variable is named, its value is not."""
    with pytest.raises(ValueError, match=named) as failure:
        replace(AlertChannels(), **wrong)
    assert SECRET not in str(failure.value)


def test_without_addresses_there_is_no_channel() -> None:
    """Nothing is sent anywhere by default."""
    assert AlertChannels().senders == {}
