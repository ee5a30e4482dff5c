"""Names of countries and languages: CLDR's, through Babel, and ours where CLDR's is not the everyday one."""

from functools import cache

from babel import Locale

from newtongue_recipes.atlas.tables import LANGUAGES

# Only what differs from CLDR.
_COUNTRIES = {
    "BA": {"en": "Bosnia and Herzegovina"},
    "CI": {"en": "Ivory Coast", "tr": "Fildişi Sahili"},
    "MM": {"en": "Myanmar", "tr": "Myanmar", "ja": "ミャンマー"},
    "TL": {"en": "East Timor", "tr": "Doğu Timor"},
    "TR": {"en": "Turkey"},
    "TT": {"en": "Trinidad and Tobago"},
    "US": {"ja": "アメリカ"},
}
_LANGUAGES = {
    "az": {"tr": "Azerice"},
    "bn": {"en": "Bengali"},
    "dv": {"en": "Dhivehi", "tr": "Divehice"},
    "dz": {"tr": "Dzongka"},
    "km": {"tr": "Kmerce"},
    "lo": {"tr": "Laoca"},
    "my": {"tr": "Birmanca", "ja": "ビルマ語"},
    "ka": {"ja": "ジョージア語"},
}

# Countries that English calls "the ...".
WITH_ARTICLE = frozenset(
    {
        "Bahamas",
        "Dominican Republic",
        "Gambia",
        "Maldives",
        "Netherlands",
        "Philippines",
        "Seychelles",
        "Solomon Islands",
        "United Arab Emirates",
        "United Kingdom",
        "United States",
    }
)


def country(code: str) -> dict[str, str]:
    """What the country is called in each language; KeyError if CLDR does not know the code."""
    return {lang: _locale(lang).territories[code] for lang in LANGUAGES} | _COUNTRIES.get(code, {})


def language(code: str) -> dict[str, str]:
    """What the language is called in each language; KeyError if CLDR does not know the code."""
    return {lang: _locale(lang).languages[code] for lang in LANGUAGES} | _LANGUAGES.get(code, {})


@cache
def _locale(lang: str) -> Locale:
    return Locale(lang)
