"""`iomodel tables`: the shipped tables, the layout for a table of one's own, and the shipped ones made anew."""

from __future__ import annotations

import argparse

from iomodel.commands.options import Command, folder_of

TEMPLATE_OUT = "iomodel-template"


def add(command: Command) -> None:
    """`iomodel tables`, `iomodel tables template`, `iomodel tables build`."""
    parser = command("tables", _tables, "the shipped tables; `template DIR`, `build --source DIR`")
    kinds = parser.add_subparsers(title="more", metavar="template|build")
    template = kinds.add_parser("template", help="write the layout for a country of your own, as CSV and Excel")
    template.add_argument("folder", metavar="DIR", nargs="?", default=TEMPLATE_OUT, help="where to (%(default)s)")
    template.set_defaults(command=_template)
    build = kinds.add_parser("build", help="make the shipped tables anew from their publishers' files")
    build.add_argument("--source", metavar="DIR", required=True, help="folder of the publishers' files")
    build.add_argument("--out", metavar="DIR", help="where to (the folder of the shipped tables)")
    build.set_defaults(command=_build)


def _tables(_: argparse.Namespace) -> int:
    from iomodel.shipped import shipped_tables, table_card

    for name in shipped_tables():
        card = table_card(name)
        regions = "" if card["national"] else f"{len(card['regions'])} regions × "
        mark = "   ESTIMATE: totals may be quoted, single cells not" if card.get("estimate") else ""
        print(
            f"{name}   {card['year']}, {regions}{card['sectors']} sectors, {card['unit']}, {card['price_basis']}{mark}"
        )
        print(f"   source   {card['source']}\n   terms    {card['licence']}\n   sha256   {card['sha256']}")
    return 0


def _template(asked: argparse.Namespace) -> int:
    from iomodel.readers.template import write_template

    for file in write_template(folder_of("DIR", asked.folder, TEMPLATE_OUT)):
        print(file)
    return 0


def _build(asked: argparse.Namespace) -> int:
    from iomodel.building import build_tables
    from iomodel.shipped import shipped_file

    for file in build_tables(asked.source, folder_of("--out", asked.out, str(shipped_file("tables")))).values():
        print(file)
    return 0
