"""Holds the write lock of a SQLite database until it is ended: hold_lock.py FILE"""
import signal
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
signal.pause()
