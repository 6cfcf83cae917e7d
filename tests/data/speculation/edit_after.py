"""The tool shed of a village: who has borrowed what, since when, and what is owed for it.

Lines of the ledger are "DAY ACTION NAME ITEM", where DAY counts from the opening of the shed. Nothing is ever
removed from a ledger: the state of the shed is what all its lines make of an empty one.
"""
import argparse
import sys
from collections import defaultdict

FREE_DAYS = 14
FEE_PER_DAY = 20  # cents, after the free days
MOST_ITEMS = 3
ACTIONS = ("join", "leave", "add", "drop", "borrow", "return", "repair", "mended")


class LedgerError(Exception):
    """A line that cannot be true after the lines before it."""

    def __init__(self, number, message):
        super().__init__(f"line {number}: {message}")


class Entry:
    def __init__(self, number, day, action, name, item):
        self.number = number
        self.day = day
        self.action = action
        self.name = name
        self.item = item

    @classmethod
    def parse(cls, number, text):
        words = text.split()
        if len(words) < 3:
            raise LedgerError(number, "a day, an action and a name are missing")
        if not words[0].isdigit():
            raise LedgerError(number, f"{words[0]} is not a day")
        if words[1] not in ACTIONS:
            raise LedgerError(number, f"{words[1]} is not an action")
        item = " ".join(words[3:])
        if words[1] not in ("join", "leave") and not item:
            raise LedgerError(number, f"{words[1]} what?")
        return cls(number, int(words[0]), words[1], words[2], item)


class Shed:
    """What is in the shed and who has the rest."""

    def __init__(self):
        self.day = 0
        self.members = set()
        self.shelf = set()
        self.broken = set()
        self.borrowed = {}  # item -> (name, day)
        self.owed = defaultdict(int)
        self.times_out = defaultdict(int)

    def apply(self, entry):
        if entry.day < self.day:
            raise LedgerError(entry.number, f"day {entry.day} comes after day {self.day}")
        self.day = entry.day
        handler = getattr(self, "on_" + entry.action)
        problem = handler(entry)
        if problem:
            raise LedgerError(entry.number, problem)

    def on_join(self, entry):
        if entry.name in self.members:
            return f"{entry.name} is a member already"
        self.members.add(entry.name)
        return None

    def on_leave(self, entry):
        if entry.name not in self.members:
            return f"{entry.name} is not a member"
        if self.items_of(entry.name):
            return f"{entry.name} still has {', '.join(self.items_of(entry.name))}"
        if self.owed[entry.name] > 0:
            return f"{entry.name} still owes {money(self.owed[entry.name])}"
        self.members.remove(entry.name)
        return None

    def on_add(self, entry):
        if self.knows(entry.item):
            return f"there is a {entry.item} already"
        self.shelf.add(entry.item)
        return None

    def on_drop(self, entry):
        if entry.item not in self.shelf and entry.item not in self.broken:
            return f"there is no {entry.item} to throw away"
        self.shelf.discard(entry.item)
        self.broken.discard(entry.item)
        return None

    def on_borrow(self, entry):
        if entry.name not in self.members:
            return f"{entry.name} is not a member"
        if entry.item not in self.shelf:
            return f"the {entry.item} is not on the shelf"
        if len(self.items_of(entry.name)) >= MOST_ITEMS:
            return f"{entry.name} has {MOST_ITEMS} things already"
        self.shelf.remove(entry.item)
        self.borrowed[entry.item] = (entry.name, entry.day)
        self.times_out[entry.item] += 1
        return None

    def on_return(self, entry):
        name, since = self.borrowed.get(entry.item, (None, 0))
        if name != entry.name:
            return f"{entry.name} does not have the {entry.item}"
        del self.borrowed[entry.item]
        self.shelf.add(entry.item)
        self.owed[name] += fee(entry.day - since)
        return None

    def on_repair(self, entry):
        if entry.item not in self.shelf:
            return f"the {entry.item} is not on the shelf"
        self.shelf.remove(entry.item)
        self.broken.add(entry.item)
        return None

    def on_mended(self, entry):
        if entry.item not in self.broken:
            return f"the {entry.item} was not broken"
        self.broken.remove(entry.item)
        self.shelf.add(entry.item)
        return None

    def knows(self, item):
        return item in self.shelf or item in self.broken or item in self.borrowed

    def items_of(self, name):
        return sorted(item for item, (who, _) in self.borrowed.items() if who == name)

    def late(self):
        """Loans beyond the free days, the oldest first: (days, name, item)."""
        loans = [(self.day - since, name, item) for item, (name, since) in self.borrowed.items()]
        return sorted((loan for loan in loans if loan[0] > FREE_DAYS), reverse=True)


def fee(days):
    return min(500, max(0, days - FREE_DAYS) * FEE_PER_DAY)


def money(cents):
    return f"{cents // 100}.{cents % 100:02d}"


def read_ledger(lines):
    shed = Shed()
    for number, text in enumerate(lines, 1):
        text = text.partition("#")[0].strip()
        if text:
            shed.apply(Entry.parse(number, text))
    return shed


def report(shed, out):
    print(f"Day {shed.day}, {len(shed.members)} members", file=out)
    print(f"On the shelf: {', '.join(sorted(shed.shelf)) or 'nothing'}", file=out)
    for name in sorted(shed.members):
        items = shed.items_of(name)
        if items or shed.owed[name]:
            print(f"{name} has {', '.join(items) or 'nothing'}, owes {money(shed.owed[name])}", file=out)


def report_late(shed, out):
    for days, name, item in shed.late():
        print(f"{name}: {item}, {days} days, {money(fee(days))} so far", file=out)


def report_popular(shed, out, count):
    ranked = sorted(shed.times_out.items(), key=lambda pair: (-pair[1], pair[0]))
    for item, times in ranked[:count]:
        print(f"{times:4d} {item}", file=out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ledger", help="file with the lines of the ledger")
    parser.add_argument("--late", action="store_true", help="tell only what should be back by now")
    parser.add_argument("--popular", type=int, metavar="N", help="tell the N things that are borrowed most")
    options = parser.parse_args()
    try:
        with open(options.ledger, encoding="utf-8") as lines:
            shed = read_ledger(lines)
    except (OSError, LedgerError) as problem:
        sys.exit(f"shed: {problem}")
    if options.late:
        report_late(shed, sys.stdout)
    elif options.popular:
        report_popular(shed, sys.stdout, options.popular)
    else:
        report(shed, sys.stdout)


if __name__ == "__main__":
    main()
