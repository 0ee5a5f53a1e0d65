"""Imports, JSON, SQL and regular expressions. One argument: how many times over."""

import argparse, asyncio, collections, ctypes, decimal, difflib, email.mime.text, html.parser
import http.client, json, logging, pathlib, random, re, sqlite3, statistics, sys, tempfile
import unittest, urllib.parse, xml.etree.ElementTree, zipfile

TIMES = int(sys.argv[1])
numbers = random.Random(1)


def rows(count):
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    return [
        {"id": n, "name": numbers.choice(words) + str(n), "tags": numbers.sample(words, 3),
         "value": numbers.random()}
        for n in range(count)
    ]


def in_and_out_of_json(data):
    text = json.dumps(data, indent=1)
    assert json.loads(text) == data
    return text


def through_sql(data):
    base = sqlite3.connect(":memory:")
    base.execute("create table rows (id integer primary key, name text, tag text, value real)")
    base.executemany("insert into rows values (?, ?, ?, ?)",
                     [(row["id"], row["name"], row["tags"][0], row["value"]) for row in data])
    base.execute("create index by_tag on rows (tag, value)")
    return base.execute("select tag, count(*), avg(value) from rows group by tag").fetchall()


def through_patterns(text):
    words = collections.Counter(re.findall(r"[a-z]+\d*", text))
    dates = re.sub(r"(\d)\.(\d+)", r"\2,\1", text)
    lines = [line for line in text.splitlines() if re.match(r'^\s*"name": "(alpha|beta)\d+"', line)]
    return len(words), len(dates), len(lines)


for _ in range(TIMES):
    data = rows(4000)
    text = in_and_out_of_json(data)
    assert len(through_sql(data)) == 5
    through_patterns(text)
