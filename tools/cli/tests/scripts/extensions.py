"""C extension modules at work, subprocesses, and processes of multiprocessing."""
import _json
import bz2
import ctypes
import decimal
import hashlib
import json
import lzma
import multiprocessing
import sqlite3
import ssl
import subprocess
import sys
import threading
import zlib


def square(number):
    return number * number


def main():
    print("ssl", ssl.create_default_context().protocol)
    database = sqlite3.connect(":memory:")
    database.execute("create table numbers (n integer, text text)")
    database.executemany("insert into numbers values (?, ?)", ((n, str(n)) for n in range(5000)))
    print("sqlite", database.execute("select sum(n), max(text) from numbers").fetchone())
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free(libc.malloc(ctypes.c_size_t(12345)))
    print("ctypes", libc.abs(-5))
    decimal.getcontext().prec = 500
    print("decimal", str(decimal.Decimal(2).sqrt())[-10:])
    text = json.dumps({str(n): [n, None, "é" * 20] for n in range(2000)})
    print("json", len(text), json.loads(text)["77"][0], _json.__name__)
    for module in (lzma, bz2, zlib):
        packed = module.compress(text.encode())
        print(module.__name__, len(packed), module.decompress(packed).decode() == text)
    print("hash", hashlib.sha256(text.encode()).hexdigest())
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(square(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("threads", sorted(found))
    ended = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True)
    print("subprocess", ended.stdout.strip(), ended.returncode, repr(ended.stderr))
    print("shell", subprocess.run("env | sort; exit 5", shell=True).returncode)
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(square, range(20)))
    sys.stdout.flush()
    raise ValueError("as it should")


if __name__ == "__main__":
    main()
