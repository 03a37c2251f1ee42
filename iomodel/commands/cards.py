"""`iomodel cards`: the parameters of a table, or one of them with its unit, range and source."""

from __future__ import annotations

import argparse

from iomodel.commands.options import Command


def add(command: Command) -> None:
    """`iomodel cards [KEY]`."""
    parser = command("cards", _cards, "the parameters, or one of them: value, unit, range, source")
    parser.add_argument("key", metavar="KEY", nargs="?", help="one card")
    parser.add_argument("--table", metavar="NAME", default="china-2020", help="for this table (%(default)s)")


def _cards(asked: argparse.Namespace) -> int:
    from iomodel.cards import load_cards
    from iomodel.experiment_checks import known_table

    cards = load_cards(known_table("--table", asked.table))
    if asked.key:
        card = cards.card(asked.key)
        print(f"{card.key}   {card.title}")
        print(f"value    {_number(card.value)} {card.unit}\nrange    {card.low:g} to {card.high:g}")
        print(f"kind     {card.kind}\nsource   {card.source}")
        return 0
    width = max(map(len, cards))
    for card in (cards.card(key) for key in cards):
        print(f"{card.key:{width}}  {_number(card.value):>12}  {card.kind:10}  {card.title} [{card.unit}]")
    counts = ", ".join(f"{count} {kind}" for kind, count in cards.count().items() if count)
    print(f"{len(cards)} cards for {asked.table}: {counts}")
    return 0


def _number(value: float | tuple[float, ...]) -> str:
    return ", ".join(f"{entry:g}" for entry in value) if isinstance(value, tuple) else f"{value:g}"
