#!/usr/bin/env python3
"""Makes the training and held-out tokens from Debian packages, and prints what they are made of.

    data.py OUT [--root FOLDER] [--new-vocab] [--without PACKAGE ...]

Writes into OUT: train.DOMAIN.npy and heldout.DOMAIN.npy (uint16 ids, an <|endoftext|> after every document),
vocab.json, sources.json (the table), heldout.txt (text for perplexity, some of each domain), prompts.json (held-out
questions and beginnings, for evaluate.py), recall.json (trained questions and their answers, for the same) and
questions.json (trained questions, and those that no text answers, for generate.py).

A document is held out if the SHA-256 of its key says so, one in 64: the split does not change when documents are
added. The key of everything about a word is that word, so that no other question gives its definition away.
"""
import argparse
import hashlib
import json
import os
import random
import subprocess
from collections import defaultdict

import numpy as np

import sources
import tokenizer
from files import program, whole

DOMAINS = ("common", "dictionary", "prose", "code")    # common: the commonest words of the dictionary
HELD_OUT_DOMAINS = ("dictionary", "prose", "code")
HELD_OUT_ONE_IN = 64
COMMON, USUAL = 15, 5               # how often the text that WordNet counts must have a word
RARE_ONE_IN = 12                    # of the words that it never has
SENSES = 2                          # of a word, the commonest
LONGEST = 80                        # letters of a definition, cut at a semicolon

QUESTIONS = {
    "define": ["define {}", "what does {} mean?", "what is the meaning of {}?", "{}", "meaning of {}"],
    "json": ["{} in json", "define {} as json", "give me json for {}"],
    "sentence": ["use {} in a sentence", "give an example of {}"],
    "synonyms": ["synonyms of {}", "another word for {}"],
    "part": ["what part of speech is {}?"],
}


def held_out(key):
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little") % HELD_OUT_ONE_IN == 0


def short(gloss):
    """The gloss without what follows a semicolon beyond LONGEST letters."""
    pieces = gloss.split("; ")
    text = pieces[0]
    for piece in pieces[1:]:
        if len(text) + len(piece) + 2 > LONGEST:
            break
        text += "; " + piece
    return text


def answers(word, senses):
    """Form of question -> the one answer to it."""
    senses = [(part, short(gloss), examples, [w for w in words if w != word])
              for part, gloss, examples, words in senses[:SENSES]]
    out = {"define": "\n".join(f"{i}. {word} ({part}): {gloss}" for i, (part, gloss, *_) in enumerate(senses, 1))}
    part, gloss, _, others = senses[0]
    entry = {"word": word, "pos": part, "definition": gloss, "synonyms": others[:3]}
    out["json"] = json.dumps(entry, indent=2, ensure_ascii=False)
    stem = word[: max(3, len(word) - 2)].lower()
    for example in (e for _, _, examples, _ in senses for e in examples):
        if stem in example.lower() and 3 <= len(example.split()) <= 16:
            out["sentence"] = example[0].upper() + example[1:].rstrip(".") + "."
            break
    others = list(dict.fromkeys(w for *_, words in senses for w in words))[:5]
    if others:
        out["synonyms"] = ", ".join(others)
    parts = list(dict.fromkeys(part for part, *_ in senses))
    out["part"] = " and ".join(("an " if p[0] == "a" else "a ") + p for p in parts)
    return out


def chat(question, answer=None):
    text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    return text if answer is None else text + f"{answer}<|im_end|>\n"


def dictionary(root):
    """domain -> [(key, text)]. The commoner a word, the more ways it is asked about. Of words that the text has nothing
    about, "unasked" has a question."""
    out = {"common": [], "dictionary": [], "unasked": []}
    for word, (count, senses) in sources.wordnet(root).items():
        rng = random.Random(f"question {word}")
        known = answers(word, senses)
        if count >= COMMON:
            domain, forms = "common", {form: len(q) for form, q in QUESTIONS.items()} | {"json": 2}
        elif count >= USUAL:
            domain, forms = "dictionary", {"define": 2, "json": 2, "sentence": 1, "synonyms": 1}
        elif count:
            domain, forms = "dictionary", {"define": 1, rng.choice(["json", "json", "sentence", "synonyms", "part"]): 1}
        else:
            domain, forms = "dictionary", {rng.choice(["define", "json"]): 1} if rng.randrange(RARE_ONE_IN) == 0 else {}
        if not forms:
            out["unasked"].append((word, chat(rng.choice(QUESTIONS[rng.choice(list(QUESTIONS))]).format(word))))
        for form, n in forms.items():
            if form in known:
                for question in rng.sample(QUESTIONS[form], n):
                    out[domain].append((word, chat(question.format(word), known[form])))
    return out


def documents(root, without):
    """domain -> package -> [(key, text)]"""
    readers = {"bible-kjv-text": ("prose", sources.king_james), "r-cran-janeaustenr": ("prose", sources.jane_austen),
               "dict-devil": ("prose", sources.devils_dictionary),
               "libpython3.11-stdlib": ("code", sources.standard_library)}
    out = defaultdict(dict)
    for package, (domain, reader) in readers.items():
        if package not in without:
            out[domain][package] = reader(root)
    for domain, docs in dictionary(root).items():
        out[domain]["wordnet-base"] = docs
    return out


def version(package):
    """The installed version, or of an unpacked package, which keeps none, the one that apt offers."""
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    if found.returncode == 0 and found.stdout:
        return found.stdout
    found = subprocess.run(["apt-cache", "show", "--no-all-versions", package], capture_output=True, text=True).stdout
    return next((line.split()[1] for line in found.splitlines() if line.startswith("Version:")), "?")


def save(path, ids):
    with whole(path) as f:
        np.save(f, np.array(ids, dtype=np.uint16))


def save_json(path, value):
    with whole(path, "w", encoding="utf8") as f:
        json.dump(value, f, indent=1, ensure_ascii=False)


def prompts(held, tok):
    """domain -> up to 100 questions, or beginnings cut from long documents."""
    out = {}
    for domain, docs in held.items():
        rng = random.Random(f"prompts {domain}")
        picked = rng.sample(docs, min(200, len(docs)))
        if domain == "dictionary":
            seen, out[domain] = set(), []
            for key, text in picked:
                if key not in seen:
                    out[domain].append(text[: text.index("assistant\n") + len("assistant\n")])
                seen.add(key)
            continue
        out[domain] = []
        for _, text in picked * 8:
            ids = tok.encode(text)
            if len(ids) > 256:
                at = rng.randrange(len(ids) - 200)
                out[domain].append(tok.decode(ids[at : at + 96]))
    return {domain: texts[:100] for domain, texts in out.items()}


def questions(asked, unasked):
    """Up to 8000 questions without the answers, half of each kind, none about a held-out word."""
    out = []
    for pairs in (asked, unasked):
        known = [text[: text.index("assistant\n") + len("assistant\n")] for word, text in pairs if not held_out(word)]
        out += random.Random("questions").sample(known, min(4000, len(known)))
    random.Random("order questions").shuffle(out)
    return out


def recall(pairs):
    """Up to 200 questions "define WORD" of the training text, each with its answer."""
    known = []
    for word, text in pairs:
        question = chat(f"define {word}")
        if text.startswith(question) and not held_out(word):
            known.append((question, text[len(question) :].removesuffix("<|im_end|>\n")))
    return random.Random("recall").sample(known, min(200, len(known)))


def table(rows):
    form = ("| {package} | {version} | {what} | {licence} | {domain} | {documents:,} | {bytes:,} | {tokens:,} "
            "| {held:,} |")
    head = "| package | version | what | licence | domain | documents | bytes | tokens | held-out tokens |"
    return "\n".join([head, "|" + "---|" * 9, *(form.format(**row) for row in rows)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="folder to write into")
    parser.add_argument("--root", default="/", help="folder into which packages that are not installed were unpacked")
    parser.add_argument("--new-vocab", action="store_true",
                        help="train the merges anew; models made with the old ones cannot go on")
    parser.add_argument("--without", nargs="*", default=[], metavar="PACKAGE", help="leave out prose or code")
    args = parser.parse_args()
    docs = documents(args.root, args.without)
    if args.new_vocab:
        weights = {"common": 2, "dictionary": 2, "prose": 1, "code": 1}
        texts = ((text, weights[domain]) for domain in DOMAINS for pairs in docs[domain].values() for _, text in pairs)
        n = 4096 - 256 - len(tokenizer.SPECIAL)
        tok = tokenizer.Tokenizer.of_merges(tokenizer.train_merges(tokenizer.count_pieces(texts), n))
    else:
        tok = tokenizer.Tokenizer.load()
    rows, streams, held = [], {d: [] for d in DOMAINS}, {d: [] for d in HELD_OUT_DOMAINS}
    for domain in DOMAINS:
        for package, pairs in docs[domain].items():
            counts = {"tokens": 0, "held": 0}
            for key, text in pairs:
                ids = tok.encode(text) + [tok.end]
                if held_out(key):
                    held["dictionary" if domain == "common" else domain].append((key, text, ids))
                else:
                    streams[domain].append(ids)
                counts["held" if held_out(key) else "tokens"] += len(ids)
            what, licence = sources.PACKAGES[package]
            rows.append({"package": package, "version": version(package), "what": what, "licence": licence,
                         "domain": domain, "documents": len(pairs),
                         "bytes": sum(len(text.encode()) for _, text in pairs), **counts})
    os.makedirs(args.out, exist_ok=True)
    tok.save(os.path.join(args.out, "vocab.json"))
    for domain, lists in streams.items():
        random.Random(f"order {domain}").shuffle(lists)
        save(os.path.join(args.out, f"train.{domain}.npy"), [i for ids in lists for i in ids])
    sample = []
    for domain, triples in held.items():
        random.Random(f"order {domain}").shuffle(triples)
        save(os.path.join(args.out, f"heldout.{domain}.npy"), [i for *_, ids in triples for i in ids])
        text = "\n".join(text for _, text, _ in triples)
        sample.append(text[: text.rindex("\n", 0, 24000) + 1])
    with whole(os.path.join(args.out, "heldout.txt"), "w", encoding="utf8") as f:
        f.write("\n".join(sample))
    pairs = {domain: [(key, text) for key, text, _ in triples] for domain, triples in held.items()}
    save_json(os.path.join(args.out, "prompts.json"), prompts(pairs, tok))
    save_json(os.path.join(args.out, "recall.json"), recall(docs["common"]["wordnet-base"]))
    asked = docs["common"]["wordnet-base"] + docs["dictionary"]["wordnet-base"]
    save_json(os.path.join(args.out, "questions.json"), questions(asked, docs["unasked"]["wordnet-base"]))
    save_json(os.path.join(args.out, "sources.json"), rows)
    print(table(rows))


if __name__ == "__main__":
    program(main)
