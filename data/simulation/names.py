"""Names for a simulated base: companies as people write them, customer success managers, teams."""

import numpy as np

CSM_FIRST = (
    "Amara", "Ben", "Chiara", "Daniel", "Elif", "Fatima", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Maya",
    "Noah", "Olga", "Priya", "Quentin", "Rosa", "Samir", "Tess", "Uma", "Victor", "Wanda", "Yusuf", "Zoë",
)  # fmt: skip
CSM_LAST = (
    "Okafor", "Lindqvist", "Moreau", "Tanaka", "Schneider", "O'Neill", "García", "Novák", "Haddad", "Silva", "Kaur",
    "Brandt", "Rossi", "Nguyen", "Ferreira", "Kowalski", "Dubois", "Mbeki", "Larsen", "Ito", "Weiss", "Costa", "Bauer",
)  # fmt: skip
STEMS = (
    "Alder", "Beacon", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper", "Keystone",
    "Lumen", "Meridian", "Northwind", "Orchard", "Pioneer", "Quarry", "Redwood", "Summit", "Tidewater", "Umbra",
    "Vertex", "Willow", "Xenon", "Yarrow", "Zephyr", "Atlas", "Birch", "Crescent", "Drift", "Evergreen", "Foundry",
)  # fmt: skip
TRADES = (
    "Logistics", "Analytics", "Health", "Foods", "Robotics", "Media", "Energy", "Legal", "Retail", "Capital",
    "Software", "Design", "Travel", "Mobility", "Security", "Learning", "Biotech", "Insurance", "Studios", "Works",
)  # fmt: skip
FORMS = ("Inc.", "GmbH", "Ltd", "AG", "LLC", "S.A.", "B.V.", "Oy", "Pty", "SAS")
UNUSUAL = (
    "Müller & Söhne <GmbH>", 'O\'Brien "Labs"', "東京データ株式会社", "Łódź Cloud Sp. z o.o.", "Ångström, Öberg & Co",
    "=Formula Corp", "Smith; Jones | Partners", "Çelik %20 Yazılım", "Пример ООО", "naïve café 🚀",
    "  Trailing Space Ltd ", "<b>Bold</b> Moves", "A/B Testing\\Labs", "شركة البيانات",
)  # fmt: skip
INDUSTRIES = ("software", "manufacturing", "retail", "finance", "health", "education", "media", "logistics")
REGIONS = ("EMEA", "North America", "APAC", "LATAM")
TEAMS = (
    "Operations", "Marketing", "Sales", "Finance", "Engineering", "Support", "People", "Legal", "Product", "Design",
    "Procurement", "IT",
)  # fmt: skip
ACCOUNTS_PER_OWNER = 70


def owners(accounts: int) -> list[str]:
    """One customer success manager per about 70 accounts; a name is one person."""
    names = []
    for index in range(max(1, round(accounts / ACCOUNTS_PER_OWNER))):
        lap, place = divmod(index, len(CSM_FIRST))
        last = CSM_LAST[(place * 7 + lap) % len(CSM_LAST)]
        suffix = "" if lap < len(CSM_LAST) else f" {lap // len(CSM_LAST) + 1}"
        names.append(f"{CSM_FIRST[place]} {last}{suffix}")
    return names


def companies(count: int, rng: np.random.Generator) -> list[str]:
    """Company names; some occur twice, some hold what breaks pages and files."""
    stem, trade = rng.integers(len(STEMS), size=count), rng.integers(len(TRADES), size=count)
    form, odd = rng.integers(len(FORMS), size=count), rng.random(count)
    names = []
    for index in range(count):
        name = f"{STEMS[stem[index]]} {TRADES[trade[index]]}"
        if odd[index] < 0.02:
            name = UNUSUAL[int(odd[index] * 1e6) % len(UNUSUAL)]
        elif odd[index] < 0.03:
            name = name.upper()
        elif odd[index] < 0.75:
            name = f"{name} {FORMS[form[index]]}"
        names.append(name)
    return names


def domain(name: str, number: int) -> str:
    """An e-mail domain for a company; ``example`` domains only, so no mail can go astray."""
    word = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalpha())[:12] or "company"
    return f"{word}{number}.example"
