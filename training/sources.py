"""The texts: what is read from which Debian package, as documents (key, text) in their own order.

The key names the document for good (a word, a chapter, a module); the split into training and held-out text depends
on it alone. `root` is / or a folder into which packages that are not installed
were unpacked (dpkg-deb -x PACKAGE.deb ROOT).
"""
import glob
import gzip
import os
import re
import shutil
import struct
import subprocess
import zlib
from collections import defaultdict

PACKAGES = {   # package -> (what of it, licence)
    "wordnet-base": ("WordNet 3.0, as a dictionary in chat form", "WordNet licence: free use with its notice"),
    "bible-kjv-text": ("King James Bible", "public domain"),
    "r-cran-janeaustenr": ("six novels by Jane Austen", "public domain; the package that holds them: MIT"),
    "dict-devil": ("The Devil's Dictionary by Ambrose Bierce", "public domain"),
    "libpython3.11-stdlib": ("Python 3.11 standard library, with libpython3.11-minimal",
                             "Python Software Foundation licence"),
}
PARTS_OF_SPEECH = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
SENSE_KEY_PARTS = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}    # 5: an adjective near another one


def find(root, path, package):
    """The file or folder of a package, under root or else of the installed package."""
    for base in (root, "/"):
        if os.path.exists(os.path.join(base, path)):
            return os.path.join(base, path)
    raise FileNotFoundError(f"{path} is missing; install the Debian package {package}, or unpack it and give --root")


def wordnet(root):
    """word -> (how often its senses are tagged in running text, [(part of speech, gloss, examples, synonyms)]), the
    senses by that count."""
    folder = find(root, "usr/share/wordnet", "wordnet-base")
    synsets = {}
    for part in PARTS_OF_SPEECH:
        for line in open(f"{folder}/data.{part}", encoding="utf8"):
            if not line.startswith("  "):
                head, _, gloss = line.partition(" | ")
                fields = head.split()
                words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
                words = [re.sub(r"\(\w+\)$", "", w).replace("_", " ") for w in words]     # w(p): adjectives by place
                text = gloss.strip().partition('; "')[0].strip(" ;:")
                synsets[part, fields[0]] = (PARTS_OF_SPEECH[part], text, re.findall(r'"([^"]+)"', gloss), words)
    counts = {}
    for line in open(f"{folder}/cntlist.rev", encoding="utf8"):
        key, number, count = line.split()
        lemma, _, rest = key.partition("%")
        counts[lemma, SENSE_KEY_PARTS[rest[0]], int(number)] = int(count)
    tagged, found = defaultdict(int), defaultdict(list)
    for part in PARTS_OF_SPEECH:
        for line in open(f"{folder}/index.{part}", encoding="utf8"):
            if not line.startswith("  "):
                fields = line.split()
                for number, offset in enumerate(fields[-int(fields[2]) :], 1):
                    count = counts.get((fields[0], part, number), 0)
                    word = fields[0].replace("_", " ")
                    tagged[word] += count
                    found[word].append((-count, number, part, offset))
    return {w: (tagged[w], [synsets[part, offset] for *_, part, offset in sorted(found[w])]) for w in sorted(found)}


def king_james(root):
    """Chapters, a verse per line."""
    program = shutil.which("bible") or find(root, "usr/bin/bible", "bible-kjv")
    data = find(root, "usr/lib/bible.data", "bible-kjv-text")
    command = [program, "-p", os.path.dirname(data), "-f", "gen1:1-rev22:21"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    chapters = defaultdict(list)
    for line in text.splitlines():
        m = re.match(r"(\S+?)(\d+):(\d+) (.*)", line)
        if m:
            chapters[m[1] + m[2]].append(f"{m[3]} {m[4]}")
    return [(f"kjv {key}", "\n".join(lines)) for key, lines in chapters.items()]


def r_strings(data):
    """The longest character vector in R's serialised form: a header (type 16, length), then per string an item of
    type 9."""
    best = []
    for m in re.finditer(rb"\x00\x00\x00\x10", data):
        if m.end() + 4 > len(data):
            break
        n, at, lines = struct.unpack_from(">i", data, m.end())[0], m.end() + 4, []
        while len(lines) < n and at + 8 <= len(data) and data[at + 3] == 9:
            size = max(0, struct.unpack_from(">i", data, at + 4)[0])
            lines.append(data[at + 8 : at + 8 + size].decode("utf8", "replace"))
            at += 8 + size
        if len(lines) == n and n > len(best):
            best = lines
    return best


def jane_austen(root):
    """Chapters, a paragraph per line. The novels are objects of an R database: compressed pieces, each after its
    size."""
    path = find(root, "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb", "r-cran-janeaustenr")
    data, at, out = open(path, "rb").read(), 0, []
    while at + 4 < len(data):
        unpack = zlib.decompressobj()
        lines = r_strings(unpack.decompress(data[at + 4 :]))
        at = len(data) - len(unpack.unused_data)
        if len(lines) < 100:
            continue
        title = lines[0].strip().title()
        chapters = re.split(r"\n(?=(?:CHAPTER|Chapter|VOLUME) [\dIVXLC]+)", "\n".join(lines))
        for i, chapter in enumerate(chapters[1:], 1):
            paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", chapter)]
            out.append((f"austen {title} {i}", "\n".join(p for p in paragraphs if p)))
    return out


def devils_dictionary(root):
    """Entries, a paragraph per line."""
    path = find(root, "usr/share/dictd/devil.dict.dz", "dict-devil")
    text = gzip.open(path, "rt", encoding="utf8", errors="replace").read()
    out = []
    for entry in re.split(r"\n(?=[A-Z][A-Z' -]+, )", text)[1:]:
        paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", entry)]
        body = "\n".join(p for p in paragraphs if p)
        out.append((f"bierce {body.split(',')[0]}", body))
    return out


UNUSED_MODULES = re.compile(r"(^|/)(test|tests|dist-packages|encodings|pydoc_data|idlelib|lib2to3|turtledemo|"
                            r"_sysconfigdata.*)(/|$)")


def standard_library(root):
    """Modules. Data in Python's clothing (encodings, topics) and the tests teach nothing."""
    folder = find(root, "usr/lib/python3.11", "libpython3.11-stdlib")
    out = []
    for path in sorted(glob.glob(f"{folder}/**/*.py", recursive=True)):
        name = os.path.relpath(path, folder)
        if not UNUSED_MODULES.search(name):
            try:
                out.append((f"python {name}", open(path, encoding="utf8").read()))
            except UnicodeDecodeError:
                pass    # the few modules in other encodings
    return out
