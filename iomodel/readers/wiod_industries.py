"""The 35 industries of WIOD's 2013 release: code, name, and the words by which its accounts call them.

The accounts spell industries in several ways; each spelling contains the marking words of exactly one industry.
"""

from __future__ import annotations

from iomodel.errors import TableError

INDUSTRIES: tuple[tuple[str, str, str], ...] = (
    ("AtB", "Agriculture, hunting, forestry and fishing", "agriculture"),
    ("C", "Mining and quarrying", "mining"),
    ("15t16", "Food, beverages and tobacco", "tobacco"),
    ("17t18", "Textiles and textile products", "textiles"),
    ("19", "Leather, leather products and footwear", "leather"),
    ("20", "Wood and products of wood and cork", "cork"),
    ("21t22", "Pulp, paper, printing and publishing", "publishing"),
    ("23", "Coke, refined petroleum and nuclear fuel", "coke"),
    ("24", "Chemicals and chemical products", "chemicals"),
    ("25", "Rubber and plastics", "rubber"),
    ("26", "Other non-metallic mineral", "non-metallic"),
    ("27t28", "Basic metals and fabricated metal", "basic metals"),
    ("29", "Machinery, nec", "machinery, nec"),
    ("30t33", "Electrical and optical equipment", "optical"),
    ("34t35", "Transport equipment", "transport equipment"),
    ("36t37", "Manufacturing, nec; recycling", "recycling"),
    ("E", "Electricity, gas and water supply", "electricity"),
    ("F", "Construction", "construction"),
    ("50", "Sale, maintenance and repair of motor vehicles; retail sale of fuel", "retail sale of fuel"),
    ("51", "Wholesale trade, except of motor vehicles", "wholesale"),
    ("52", "Retail trade, except of motor vehicles; repair of household goods", "household goods"),
    ("H", "Hotels and restaurants", "hotels"),
    ("60", "Inland transport", "inland transport"),
    ("61", "Water transport", "water transport"),
    ("62", "Air transport", "air transport"),
    ("63", "Other supporting transport activities; travel agencies", "travel agencies"),
    ("64", "Post and telecommunications", "telecommunications"),
    ("J", "Financial intermediation", "financial"),
    ("70", "Real estate activities", "real estate"),
    ("71t74", "Renting of machinery and equipment; other business activities", "business activities"),
    ("L", "Public administration and defence; compulsory social security", "compulsory social security"),
    ("M", "Education", "education"),
    ("N", "Health and social work", "health"),
    ("O", "Other community, social and personal services", "personal services"),
    ("P", "Private households with employed persons", "private households"),
)


def industry_code(text: str, where: str) -> str:
    """Code of the industry that `text` names; TableError, naming `where`, when none or several fit.

    >>> industry_code("food , beverages and tobacco", "accounts.csv, row 5")
    '15t16'
    """
    fitting = [code for code, _, words in INDUSTRIES if words in text.lower()]
    if len(fitting) != 1:
        raise TableError(
            f"{where}: industry {text!r} fits {', '.join(fitting) or 'none'} of the 35 industries; expected one."
        )
    return fitting[0]
