"""Works extension modules in C hard, above all those that call back.

`work()` is one round; every round does the same. Numbers come from a generator of its own, so
that every run does the same too.
"""

import ast
import bz2
import collections
import copy
import csv
import ctypes
import datetime
import decimal
import functools
import gc
import hashlib
import heapq
import io
import itertools
import json
import lzma
import pickle
import random
import re
import sqlite3
import struct
import threading
import xml.etree.ElementTree as ElementTree
import zlib

numbers = random.Random(1)
libc = ctypes.CDLL(None)


def tree(depth):
    """Nested lists, dictionaries and strings."""
    if depth == 0:
        return numbers.choice([None, True, 1.5, "word", 2**70])
    return [
        {f"key {i}": tree(depth - 1) for i in range(2)},
        [tree(depth - 1) for _ in range(numbers.randrange(3))],
        "x" * numbers.randrange(80),
    ]


def text_formats():
    data = tree(4)
    text = json.dumps(data, indent=1)
    assert json.loads(text) == data
    assert json.loads(text, object_hook=lambda pairs: dict(sorted(pairs.items()))) == data
    nested = []
    for _ in range(80):
        nested = [nested, "deeper"]
    assert json.loads(json.dumps(nested)) == nested
    rows = [[str(i), "a,b", 'c"d'] for i in range(20)]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    assert list(csv.reader(io.StringIO(out.getvalue()))) == rows


class Node:
    """Pickled through `__reduce__`, so that the C code calls Python, which calls C code."""

    def __init__(self, value, below):
        self.value, self.below = value, below

    def __reduce__(self):
        return Node, (self.value, self.below)

    def __deepcopy__(self, memo):
        return Node(self.value, copy.deepcopy(self.below, memo))

    def __lt__(self, other):
        return (self.value, -id(self)) < (other.value, -id(other))


def objects():
    node = None
    for i in range(60):
        node = Node(i, node)
    again = pickle.loads(pickle.dumps(node))
    assert copy.deepcopy(again).value == 59
    nodes = [Node(numbers.randrange(50), None) for _ in range(60)]
    heapq.heapify(nodes)
    assert heapq.heappop(nodes).value <= nodes[0].value
    nodes.sort(key=functools.cmp_to_key(lambda a, b: a.value - b.value))
    queue = collections.deque(nodes, maxlen=20)
    groups = itertools.groupby(sorted(queue), key=lambda node: node.value % 3)
    assert sum(len(list(group)) for _, group in groups) == 20


# ctypes: libffi's generated code lies between C functions.

COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
PREDICATE = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_long, ctypes.c_char_p)


def sort_in_c(count, deeper):
    values = (ctypes.c_int * count)(*(numbers.randrange(1000) for _ in range(count)))

    def compare(a, b):
        if deeper and a[0] % 16 == 0:
            sort_in_c(5, False)
        return a[0] - b[0]

    libc.qsort(values, count, ctypes.sizeof(ctypes.c_int), COMPARE(compare))
    assert list(values) == sorted(values)


def callbacks():
    sort_in_c(30, True)
    bounce = PREDICATE(lambda x, n, text: x + n + len(text) + (bounce(x, n - 1, text) if n else 0))
    assert bounce(1.0, 6, b"text") > 0

    @PREDICATE
    def fails(x, n, text):
        try:
            raise ValueError(str(n))
        except ValueError as error:
            return float(len(str(error)) + (fails(x, n - 1, text) if n else 0))

    assert fails(0.0, 5, b"") == 6.0


# sqlite: a bytecode interpreter in C that calls Python functions.


class Longest:
    def __init__(self):
        self.found = ""

    def step(self, text):
        self.found = max(self.found, text, key=len)

    def finalize(self):
        return self.found


def database():
    base = sqlite3.connect(":memory:")
    base.create_function("twice", 1, lambda value: json.loads(json.dumps([value, value]))[0] * 2)
    base.create_aggregate("longest", 1, Longest)
    base.create_collation("backwards", lambda a, b: (a < b) - (a > b))
    base.set_authorizer(lambda *_: sqlite3.SQLITE_OK)
    base.execute("create table words (word text, number integer)")
    rows = [("w" * (i % 13), i) for i in range(40)]
    base.executemany("insert into words values (?, ?)", rows)
    assert base.execute("select sum(twice(number)) from words").fetchone()[0] == 2 * sum(range(40))
    assert base.execute("select longest(word) from words").fetchone()[0] == "w" * 12
    words = [row[0] for row in base.execute("select word from words order by word collate backwards")]
    assert words == sorted(words, reverse=True)
    base.close()


def squeezed():
    data = bytes(numbers.randrange(64) for _ in range(3000))
    for module in (zlib, bz2, lzma):
        assert module.decompress(module.compress(data)) == data
    for name in ("md5", "sha256", "sha3_512", "blake2b"):
        digest = hashlib.new(name)
        for at in range(0, 3000, 500):
            digest.update(data[at : at + 500])
        assert len(digest.hexdigest()) > 30
    packed = struct.pack("<20Iq10s", *range(20), -1, b"ten")
    assert struct.unpack("<20Iq10s", packed)[20] == -1


class Target:
    """Called by the parser in C for every element."""

    def __init__(self):
        self.depth = self.deepest = 0

    def start(self, tag, attributes):
        self.depth += 1
        self.deepest = max(self.deepest, self.depth + len(json.dumps(attributes)) * 0)

    def end(self, tag):
        self.depth -= 1

    def data(self, data):
        re.sub(r"(\w)(\w*)", lambda found: found.group(2) + found.group(1), data)

    def close(self):
        return self.deepest


def documents():
    root = ElementTree.Element("root")
    for i in range(15):
        child = root
        for j in range(i):
            child = ElementTree.SubElement(child, "child", number=str(j))
            child.text = f"text {i} {j}"
    text = ElementTree.tostring(root)
    assert ElementTree.fromstring(text).tag == "root"
    assert ElementTree.fromstring(text, ElementTree.XMLParser(target=Target())) == 15


def patterns():
    words = " ".join(f"word{i} {i * 7}" for i in range(40))
    assert len(re.findall(r"(?P<word>[a-z]+)(\d+)", words)) == 40
    assert re.sub(r"\d+", lambda found: str(int(found.group()) + 1), words).count("word") == 40
    assert re.compile(r"(a|b)*c").match("ab" * 200 + "c")


def exact_numbers():
    with decimal.localcontext() as context:
        context.prec = 80
        third = decimal.Decimal(1) / 3
        assert (third.sqrt() ** 2).quantize(third) == third
        assert sum(decimal.Decimal(n).ln() for n in range(1, 8)) > 8
    day = datetime.date(2000, 2, 28) + datetime.timedelta(days=2)
    assert day.strftime("%d.%m.") == "01.03."


def compiler():
    source = "x = " + "(" * 40 + "1" + ")" * 40 + " + ".join([""] + ["f(y)[0].z"] * 30)
    assert compile(ast.parse(source), "generated", "exec")
    tree = ast.parse("def f(a, *b):\n    return [lambda: (yield c) for c in a if {**d}]\n" * 5)
    assert ast.unparse(tree)


def recursion():
    """C functions and Python functions, one inside the other."""

    def descend(depth):
        if depth == 0:
            raise KeyError("deep")
        return max(map(lambda n: descend(n - 1), [depth]), key=str)

    for depth in (3, 30, 60):
        try:
            descend(depth)
        except KeyError:
            gc.collect(0)


PARTS = [
    text_formats,
    objects,
    callbacks,
    database,
    squeezed,
    documents,
    patterns,
    exact_numbers,
    compiler,
    recursion,
]


def work():
    for part in PARTS:
        part()


def finish():
    """The same in several threads, which take turns in the middle of it."""
    import sys

    sys.setswitchinterval(0.0002)
    failures = []

    def run():
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
