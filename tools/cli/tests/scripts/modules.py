import json
import sqlite3

base = sqlite3.connect(":memory:")
base.execute("create table words (word text)")
rows = [(json.dumps({"key": [number] * 5, "text": "x" * number}),) for number in range(300)]
base.executemany("insert into words values (?)", rows)
read = base.execute("select word from words order by length(word) desc")
objects = json.loads("[" + ",".join(row[0] for row in read) + "]")
print(len(objects), sum(each["key"][0] for each in objects))
