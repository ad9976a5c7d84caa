from orchestration.alerting.alerts import Desk, Memory, Message, deliver, few

DESK = Desk("small", ("webhook",), 24)


def test_what_waits_is_sent_in_several_ticks_where_one_would_take_too_long() -> None:
    """After a day without an answer a slow channel gets everything, each message once and in order."""
    memory, taken = Memory(), list[Message]()
    for number in range(5):
        memory = DESK.said(memory, "failed", f"message {number}", (), "", 0.0, str(number))
    counts = []
    while memory.outbox:
        before = len(taken)
        memory, sent, failed = deliver(memory, {"webhook": taken.append}, lambda: len(taken) - before >= 2)  # noqa: B023
        counts.append(len(sent))
        assert failed == []
    assert (counts, [one.title for one in taken]) == ([2, 2, 1], [f"message {number}" for number in range(5)])


def test_a_message_holds_no_more_than_is_read() -> None:
    """Of hundreds of long lines some are shown and the rest is counted, within what chats show uncut."""
    shown = few([f"check {number}: {'x' * 600}" for number in range(300)])
    assert shown[-1] == "... and 292 more."
    assert len("\n".join(shown)) < 3500
    assert few(["one"]) == ["one"]
