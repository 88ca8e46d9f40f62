"""The public names, listed once more: a change of them is meant."""

from __future__ import annotations

import dfbackends

NAMES = """
    Backend BackendError Changed Closed ConfigurationError Conflict Database Entry Error Health InvalidName InvalidValue Item
    JSON KeyExists KeyNotFound Loss Mirror OutcomeUnknown PartlyDone PubSub Reason Refused RollbackFailed Subscription
    TableDefinition TooLarge Unavailable assemble open renew
"""


def test_these_names_are_public() -> None:
    assert sorted(dfbackends.__all__) == sorted(NAMES.split())
    assert all(hasattr(dfbackends, name) for name in dfbackends.__all__)
