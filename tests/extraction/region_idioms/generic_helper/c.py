import json
import os
import sqlite3


def split_every(values, count):
    for at in range(0, len(values), count):
        yield values[at : at + count]


def settings(path="settings.json"):
    with open(path, encoding="utf8") as handle:
        return json.load(handle)


def setting(name, fallback=""):
    return os.getenv(name, fallback)


def insert(path, rows):
    connection = sqlite3.connect(path)
    for part in split_every(rows, 500):
        connection.executemany("insert into readings values (?, ?)", part)
    connection.commit()
