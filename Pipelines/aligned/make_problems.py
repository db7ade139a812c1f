"""Makes train.jsonl, validation.jsonl and test.jsonl beside this file: python make_problems.py

Arithmetic word problems in the form of GSM8K, `{"question", "answer"}`, the answer worked in sentences and
closed by a line `#### N`. They are generated, so that the paper's stack can be tried on something like its
own data without shipping any. No question stands twice.
"""

import json
import random
from pathlib import Path

ROWS = {"train": 240, "validation": 30, "test": 30}
SEED = 1

NAMES = """Ada Akira Amara Anton Bela Carla Chidi Dana Diego Elif Emeka Farid Freya Gita Hana Hugo Ines Ivan Jamal
Jonas Kaito Keiko Lena Luis Maya Mei Milan Nadia Nils Olga Omar Priya Rafael Rosa Samir Sofia Tariq Tomas Yara
Zoe""".split()
THINGS = """apples books buttons candles coins cookies eggs feathers lemons marbles muffins oranges pears pencils
photos plums postcards seeds shells stamps stickers tickets""".split()
PLACES = "bakery bookshop farm garden library market museum school station workshop".split()

TEMPLATES = []


def template(function):
    TEMPLATES.append(function)
    return function


def pick(draw):
    """Two names, a thing and a place."""
    first, second = draw.sample(NAMES, 2)
    return first, second, draw.choice(THINGS), draw.choice(PLACES)


@template
def bought_and_given(draw):
    n, m, t, p = pick(draw)
    a, b = draw.randint(20, 60), draw.randint(15, 50)
    c = draw.randint(3, a + b - 2)
    return (
        f"{n} has {a} {t} and buys {b} more at the {p}. Then {n} gives {c} of them to {m}. How many {t} does {n} have left?",
        f"After the {p}, {n} has {a} + {b} = {a + b} {t}.\nAfter giving {c} away, {n} has {a + b} - {c} = {a + b - c} {t}.",
        a + b - c,
    )


@template
def boxes(draw):
    n, _, t, p = pick(draw)
    a, b, c = draw.randint(3, 12), draw.randint(6, 24), draw.randint(2, 17)
    return (
        f"{n} packs {t} at the {p}. There are {a} boxes with {b} {t} in each, and {c} {t} that fit in no box. "
        f"How many {t} are there in all?",
        f"The boxes hold {a} * {b} = {a * b} {t}.\nWith the rest there are {a * b} + {c} = {a * b + c} {t}.",
        a * b + c,
    )


@template
def shared_equally(draw):
    n, _, t, _ = pick(draw)
    friends, each, eaten = draw.randint(3, 9), draw.randint(4, 15), draw.randint(2, 9)
    total = friends * each + eaten
    return (
        f"{n} collects {total} {t}. {eaten} of them get lost, and {n} shares the rest equally among {friends} friends. "
        f"How many {t} does each friend get?",
        f"There are {total} - {eaten} = {total - eaten} {t} left to share.\n"
        f"Each friend gets {total - eaten} / {friends} = {each} {t}.",
        each,
    )


@template
def price_and_change(draw):
    n, _, t, p = pick(draw)
    a, price = draw.randint(3, 9), draw.randint(2, 8)
    note = draw.choice([80, 100, 120])
    return (
        f"At the {p}, {t} cost ${price} each. {n} buys {a} of them and pays with ${note}. How much change does {n} get?",
        f"The {t} cost {a} * {price} = {a * price} dollars.\nThe change is {note} - {a * price} = {note - a * price} dollars.",
        note - a * price,
    )


@template
def twice_as_many(draw):
    n, m, t, _ = pick(draw)
    k, a = draw.randint(2, 5), draw.randint(6, 30)
    return (
        f"{n} has {k} times as many {t} as {m}. {m} has {a} {t}. How many {t} do the two have together?",
        f"{n} has {k} * {a} = {k * a} {t}.\nTogether they have {k * a} + {a} = {k * a + a} {t}.",
        k * a + a,
    )


@template
def reading(draw):
    n, _, _, p = pick(draw)
    a, days = draw.randint(8, 30), draw.randint(3, 9)
    left = draw.randint(10, 90)
    total = a * days + left
    return (
        f"{n} borrows a book of {total} pages from the {p} and reads {a} pages every day. "
        f"How many pages are left after {days} days?",
        f"In {days} days {n} reads {a} * {days} = {a * days} pages.\nThat leaves {total} - {a * days} = {left} pages.",
        left,
    )


@template
def weekly_wages(draw):
    n, _, _, p = pick(draw)
    hours, days, wage = draw.randint(3, 8), draw.randint(2, 6), draw.randint(9, 20)
    return (
        f"{n} works at the {p} for {hours} hours a day on {days} days a week, for ${wage} an hour. "
        f"How many dollars does {n} earn in a week?",
        f"{n} works {hours} * {days} = {hours * days} hours a week.\n"
        f"At ${wage} an hour that is {hours * days} * {wage} = {hours * days * wage} dollars.",
        hours * days * wage,
    )


@template
def train_ride(draw):
    n, _, _, _ = pick(draw)
    speed, hours, rest = draw.randint(40, 90), draw.randint(2, 6), draw.randint(15, 95)
    return (
        f"A train carries {n} for {hours} hours at {speed} kilometers an hour. A bus then goes another {rest} kilometers. "
        f"How far does {n} travel?",
        f"The train goes {hours} * {speed} = {hours * speed} kilometers.\n"
        f"With the bus that is {hours * speed} + {rest} = {hours * speed + rest} kilometers.",
        hours * speed + rest,
    )


@template
def half_sold(draw):
    n, _, t, p = pick(draw)
    half, more = draw.randint(10, 45), draw.randint(2, 9)
    return (
        f"{n} brings {2 * half} {t} to the {p}. Half of them are sold in the morning and {more} more in the afternoon. "
        f"How many {t} does {n} take home?",
        f"In the morning {2 * half} / 2 = {half} {t} are sold, which leaves {half}.\n"
        f"In the afternoon {more} more go, so {half} - {more} = {half - more} {t} are left.",
        half - more,
    )


@template
def rows_of_chairs(draw):
    n, _, _, p = pick(draw)
    rows, seats = draw.randint(5, 15), draw.randint(6, 20)
    taken = draw.randint(10, rows * seats - 5)
    return (
        f"{n} sets up {rows} rows of {seats} chairs at the {p}. {taken} people come and sit down. How many chairs stay empty?",
        f"There are {rows} * {seats} = {rows * seats} chairs.\n{rows * seats} - {taken} = {rows * seats - taken} stay empty.",
        rows * seats - taken,
    )


@template
def saving(draw):
    n, _, _, _ = pick(draw)
    weekly, weeks, had = draw.randint(4, 18), draw.randint(4, 12), draw.randint(10, 60)
    return (
        f"{n} has ${had} and saves ${weekly} every week for {weeks} weeks. How much money does {n} have then?",
        f"In {weeks} weeks {n} saves {weekly} * {weeks} = {weekly * weeks} dollars.\n"
        f"With what was there before, {had} + {weekly * weeks} = {had + weekly * weeks} dollars.",
        had + weekly * weeks,
    )


@template
def ages(draw):
    n, m, _, _ = pick(draw)
    a, older, years = draw.randint(5, 20), draw.randint(2, 15), draw.randint(3, 12)
    return (
        f"{n} is {a} years old. {m} is {older} years older than {n}. How old will {m} be in {years} years?",
        f"{m} is {a} + {older} = {a + older} years old now.\n"
        f"In {years} years {m} will be {a + older} + {years} = {a + older + years}.",
        a + older + years,
    )


@template
def recipe(draw):
    n, _, _, p = pick(draw)
    each, batches, have = draw.randint(3, 9), draw.randint(4, 9), draw.randint(2, 11)
    need = each * batches
    return (
        f"A cake at the {p} takes {each} eggs. {n} wants to bake {batches} cakes and has {have} eggs. "
        f"How many more eggs does {n} need?",
        f"The cakes take {each} * {batches} = {need} eggs.\n{n} needs {need} - {have} = {need - have} more.",
        need - have,
    )


@template
def two_prices(draw):
    n, _, t, p = pick(draw)
    other = draw.choice([x for x in THINGS if x != t])
    a, b, x, y = draw.randint(2, 8), draw.randint(2, 8), draw.randint(2, 9), draw.randint(2, 9)
    return (
        f"{n} buys {a} {t} for ${x} each and {b} {other} for ${y} each at the {p}. How much does {n} pay in total?",
        f"The {t} cost {a} * {x} = {a * x} dollars.\nThe {other} cost {b} * {y} = {b * y} dollars.\n"
        f"In total {n} pays {a * x} + {b * y} = {a * x + b * y} dollars.",
        a * x + b * y,
    )


@template
def three_people(draw):
    n, m, t, p = pick(draw)
    a, more, less = draw.randint(15, 40), draw.randint(3, 12), draw.randint(2, 10)
    second = a + more
    return (
        f"At the {p}, {n} finds {a} {t}. {m} finds {more} more than {n}, and their friend finds {less} fewer than {m}. "
        f"How many {t} does the friend find?",
        f"{m} finds {a} + {more} = {second} {t}.\nThe friend finds {second} - {less} = {second - less} {t}.",
        second - less,
    )


@template
def filling_a_tank(draw):
    n, _, _, p = pick(draw)
    rate, minutes, leak = draw.randint(6, 20), draw.randint(5, 15), draw.randint(1, 5)
    return (
        f"{n} fills a tank at the {p} with {rate} liters of water a minute, but {leak} liters leak out every minute. "
        f"How many liters are in the tank after {minutes} minutes?",
        f"Every minute the tank gains {rate} - {leak} = {rate - leak} liters.\n"
        f"After {minutes} minutes it holds {rate - leak} * {minutes} = {(rate - leak) * minutes} liters.",
        (rate - leak) * minutes,
    )


@template
def laps(draw):
    n, m, _, _ = pick(draw)
    length, a, b = draw.choice([200, 250, 300, 400]), draw.randint(6, 14), draw.randint(2, 5)
    return (
        f"A lap is {length} meters long. {n} runs {a} laps and {m} runs {b} laps. How many meters farther does {n} run?",
        f"{n} runs {a} - {b} = {a - b} laps more than {m}.\nThat is {a - b} * {length} = {(a - b) * length} meters.",
        (a - b) * length,
    )


@template
def percent_off(draw):
    n, _, _, p = pick(draw)
    price, percent = draw.choice([20, 40, 60, 80, 120, 200]), draw.choice([5, 10, 20, 25, 50])
    off = price * percent // 100
    return (
        f"A coat costs ${price} at the {p}. This week it is {percent} percent cheaper. How much does {n} pay for it?",
        f"{percent} percent of {price} is {price} * {percent} / 100 = {off} dollars.\n"
        f"So {n} pays {price} - {off} = {price - off} dollars.",
        price - off,
    )


@template
def planting(draw):
    n, m, _, p = pick(draw)
    beds, each, dead = draw.randint(4, 12), draw.randint(5, 14), draw.randint(2, 12)
    return (
        f"{n} and {m} plant {beds} beds of {each} tulips each in the {p}. {dead} tulips do not come up. How many tulips bloom?",
        f"They plant {beds} * {each} = {beds * each} tulips.\n{beds * each} - {dead} = {beds * each - dead} of them bloom.",
        beds * each - dead,
    )


@template
def splitting_a_bill(draw):
    n, m, _, _ = pick(draw)
    people, share, tip = draw.randint(3, 8), draw.randint(8, 25), draw.randint(3, 9)
    bill = people * share - tip
    return (
        f"{n}, {m} and their friends are {people} people at a restaurant. The bill is ${bill}, and they add a tip of ${tip}. "
        f"How much does each pay if they split it equally?",
        f"With the tip it is {bill} + {tip} = {bill + tip} dollars.\nEach pays {bill + tip} / {people} = {share} dollars.",
        share,
    )


@template
def shelves(draw):
    n, _, _, p = pick(draw)
    per, full, extra = draw.randint(8, 25), draw.randint(3, 9), draw.randint(1, 7)
    total = per * full + extra
    return (
        f"{n} has {total} books and puts {per} on each shelf of the {p}. How many books are left after the last full shelf?",
        f"{per} * {full} = {per * full} books fill {full} shelves.\n"
        f"{total} - {per * full} = {extra} books are left.",
        extra,
    )


@template
def passengers(draw):
    n, _, _, _ = pick(draw)
    a, off = draw.randint(20, 60), draw.randint(3, 15)
    on = off + draw.randint(1, 9)
    stops = draw.randint(2, 3)
    left = a + stops * (on - off)
    return (
        f"{n} drives a bus with {a} passengers. At each of {stops} stops {off} passengers get off and {on} get on. "
        f"How many passengers are on the bus then?",
        f"At each stop the number changes by {on} - {off} = {on - off}.\n"
        f"After {stops} stops there are {a} + {stops} * {on - off} = {left} passengers.",
        left,
    )


@template
def hours_of_practice(draw):
    n, _, _, p = pick(draw)
    weekday, weekend = draw.randint(20, 45), draw.randint(50, 90)
    total = 5 * weekday + 2 * weekend
    return (
        f"{n} practices the violin at the {p} for {weekday} minutes on each of 5 weekdays and {weekend} minutes on each day of "
        f"the weekend. How many minutes does {n} practice in a week?",
        f"On weekdays it is 5 * {weekday} = {5 * weekday} minutes.\nOn the weekend it is 2 * {weekend} = {2 * weekend} minutes.\n"
        f"In a week {n} practices {5 * weekday} + {2 * weekend} = {total} minutes.",
        total,
    )


@template
def remaining_distance(draw):
    n, m, _, _ = pick(draw)
    first, second, left = draw.randint(12, 60), draw.randint(12, 60), draw.randint(5, 80)
    total = first + second + left
    return (
        f"{n} and {m} walk a trail of {total} kilometers. They walk {first} kilometers in the first week and {second} in the "
        f"second. How many kilometers remain?",
        f"They have walked {first} + {second} = {first + second} kilometers.\n"
        f"{total} - {first + second} = {left} kilometers remain.",
        left,
    )


def problems(number):
    """Problems from every template in turn, all questions different."""
    draw = random.Random(SEED)
    found = {}
    while len(found) < number:
        question, work, result = TEMPLATES[len(found) % len(TEMPLATES)](draw)
        if result >= 0:
            found.setdefault(question, f"{work}\n#### {result}")
    rows = [{"question": q, "answer": a} for q, a in found.items()]
    draw.shuffle(rows)
    return rows


def main():
    remaining = problems(sum(ROWS.values()))
    for name, number in ROWS.items():
        chosen, remaining = remaining[:number], remaining[number:]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen)
        (Path(__file__).parent / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
