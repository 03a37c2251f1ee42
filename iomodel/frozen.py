"""A mapping that cannot change: what frozen dataclasses hold where plain Python would hold a dict.

It is hashable when its values are, so that a noun made of such mappings can be a key or an item of a set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Frozen(Mapping[str, Value], Generic[Value]):
    """An immutable, hashable mapping with text keys; equal to any mapping with the same items.

    >>> Frozen({"a": 1}) == {"a": 1}, hash(Frozen(a=1)) == hash(Frozen({"a": 1}))
    (True, True)
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Value] | None = None, /, **more: Value) -> None:
        self._items: dict[str, Value] = {**(items or {}), **more}

    def __getitem__(self, key: str) -> Value:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"Frozen({self._items!r})"
