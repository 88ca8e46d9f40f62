"""Handlers that disturb others, or are disturbed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from contract_tests.mutants.registry import Base, mutant
from dfbackends import Loss
from dfbackends.backlog import Backlog
from dfbackends.delivery import Delivery, Item, Load, Recipient
from dfbackends.loss import Reason


@mutant(kills="test_a_handler_that_raises")
class HandlersKillTheThread(Delivery):
    """A handler that raises ends the thread that called it."""

    def _hand(self, recipient: Recipient, items: Sequence[bytes | Loss], until: float) -> Sequence[bytes | Loss]:
        before = self._errors
        rest = super()._hand(recipient, items[:1], until)
        if self._errors > before:
            raise SystemExit
        return [*rest, *items[1:]]


@mutant(kills="test_a_handler_that_raises")
class FailuresAreNotReported(Delivery):
    """A handler that raises leaves no trace in the log."""

    def _hand(self, recipient: Recipient, items: Sequence[bytes | Loss], until: float) -> Sequence[bytes | Loss]:
        for item in items:
            try:
                recipient.hand(item)
            except Exception:  # noqa: BLE001 - whatever it is
                self._errors += 1
        return ()


@mutant(kills="test_a_handler_that_raises")
class FailuresEndTheSubscription(Delivery):
    """A handler that raises is not called again."""

    def _hand(self, recipient: Recipient, items: Sequence[bytes | Loss], until: float) -> Sequence[bytes | Loss]:
        before = self._errors
        rest = super()._hand(recipient, items[:1], until)
        if self._errors > before:
            self.stop(recipient)
        return [*rest, *items[1:]]


@mutant(kills="test_a_loss_handler_may_do_anything")
class FailedNoticesEndTheSubscription(Delivery):
    """A handler of losses that raises ends the subscription."""

    def _hand(self, recipient: Recipient, items: Sequence[bytes | Loss], until: float) -> Sequence[bytes | Loss]:
        before = self._errors
        rest = super()._hand(recipient, items[:1], until)
        if self._errors > before and isinstance(items[0], Loss):
            self.stop(recipient)
        return [*rest, *items[1:]]


@mutant(kills="test_handlers_run_one_at_a_time")
class CallsOverlap(Delivery):
    """A handler is called by a second thread while the first is in it."""

    def put(self, items: Iterable[Item]) -> None:
        found = list(items)
        for recipients, _ in found:
            for recipient in recipients:
                recipient.scheduled = False
        super().put(found)

    def _yield(self, recipient: Recipient, thread: threading.Thread) -> None:
        recipient.running = None
        recipient.finished.set()
        self._calls.pop(thread, None)
        if recipient.backlog:
            self._ready.put(recipient)


@mutant(kills="test_a_slow_handler")
class OverflowIsNotTold(Backlog):
    """A full backlog gives up messages in silence."""

    def _shed(self) -> None:
        super()._shed()
        self._items = type(self._items)(item for item in self._items if not isinstance(item, Loss))


@mutant(kills="test_a_slow_handler[drop_newest]")
class PoliciesAreIgnored(Backlog):
    """A full backlog gives up the oldest message, whatever the policy says."""

    def _shed(self) -> None:
        self._oldest_first = True
        super()._shed()


@mutant(kills="test_a_slow_handler_is_bounded_in_bytes")
class BytesAreNotBounded(Backlog):
    """A backlog is bounded in messages, and not in bytes."""

    def put(self, item: bytes | Loss) -> int:
        self._max_bytes = 1 << 60
        return super().put(item)


@mutant(kills="test_a_slow_handler_delays_nobody_else")
class OneThreadForAll(Delivery):
    """All handlers are called by one thread, however many are wanted."""

    def start(self, recipient: Recipient) -> None:
        self._wanted = 1
        super().start(recipient)


@mutant(kills="test_unsubscribe_inside_the_handler")
class WhatWaitsIsDelivered(Delivery):
    """What waits for a handler is delivered also after it was unsubscribed."""

    def stop(self, recipient: Recipient) -> None:
        timer = threading.Timer(0.2, super().stop, [recipient])
        timer.daemon = True
        timer.start()


@mutant(kills="test_unsubscribe_beside_a_handler_that_runs")
class UnsubscribingDoesNotWait(Delivery):
    """To unsubscribe does not wait for the call that runs."""

    def wait(self, recipient: Recipient, until: float) -> None:
        return


@mutant(kills="test_after_unsubscribe_no_call_starts")
class UnsubscribingHasNoEffect(Delivery):
    """A handler is called for another moment after it was unsubscribed."""

    def stop(self, recipient: Recipient) -> None:
        timer = threading.Timer(0.02, super().stop, [recipient])
        timer.daemon = True
        timer.start()

    def put(self, items: Iterable[Item]) -> None:
        gone: list[Recipient] = self.__dict__.setdefault("gone", [])
        super().put([([*recipients, *(one for one in gone if one not in recipients)], item) for recipients, item in items])

    def wait(self, recipient: Recipient, until: float) -> None:
        self.__dict__.setdefault("gone", []).append(recipient)


@mutant(kills="test_close_inside_a_handler")
class HandlersWaitForThemselves(Delivery):
    """To close waits for all handlers, for the one that closes, too."""

    def close(self, until: float) -> None:
        inside = self.is_handler()
        super().close(until)
        if inside:
            threading.current_thread().join()


@mutant(kills="test_everything_works_inside_a_handler")
class NothingStartsInHandlers(Delivery):
    """Who subscribes in a handler gets nothing."""

    def start(self, recipient: Recipient) -> None:
        if not self.is_handler():
            super().start(recipient)
        else:
            recipient.ended = True


@mutant(kills="test_a_handler_that_does_not_end")
class StuckHandlersAreNotNamed(Delivery):
    """Whose call does not end is not told."""

    def load(self) -> Load:
        load = super().load()
        return Load(**{**vars(load), "stuck": ()})


@mutant(kills="test_a_removed_message_is_told_before_the_next", base=Base.FORGETFUL)
class NoticesComeLate(Delivery):
    """A loss is told behind the message that follows it."""

    def put(self, items: Iterable[Item]) -> None:
        found = list(items)
        for place in range(1, len(found)):
            (_, one), (_, other) = found[place - 1 : place + 1]
            if isinstance(one, Loss) and one.reason is Reason.GAP and not isinstance(other, Loss):
                found[place - 1 : place + 1] = found[place], found[place - 1]
        super().put(found)


@mutant(kills="test_down_is_told_at_once")
class OutagesAreToldLate(Delivery):
    """That the line is down is told two seconds later."""

    def put(self, items: Iterable[Item]) -> None:
        found = list(items)
        if found and all(isinstance(item, Loss) and item.reason is Reason.DOWN for _, item in found):
            timer = threading.Timer(2.0, super().put, [found])
            timer.daemon = True
            timer.start()
            return
        super().put(found)
