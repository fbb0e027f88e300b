"""Events made to measure."""

from local.payloads import EVENT_TYPE, SUBSCRIPTION, end_of_support, event, guid, scheduled

__all__ = ["EVENT_TYPE", "SUBSCRIPTION", "end_of_support", "event", "guid", "scheduled"]
