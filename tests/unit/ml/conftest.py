"""Fixtures of a small registry."""

from tests.small_disk import small_disk as small_disk
from tests.small_registry import empty_database as empty_database
from tests.small_registry import log as log
from tests.small_registry import store as store
