"""A guest book on Flask."""

from html import escape

from flask import Flask, redirect, request
from werkzeug import Response

app = Flask(__name__)
entries: list[str] = []

PAGE = """<!doctype html>
<title>Guest book</title>
<h1>Guest book</h1>
<form method="post"><input name="entry" required autofocus> <button>Sign</button></form>
<ul>{entries}</ul>
"""


@app.get("/")
def show() -> str:
    """What everybody has written."""
    return PAGE.format(entries="".join(f"<li>{escape(entry)}" for entry in entries))


@app.post("/")
def sign() -> Response:
    """Write something."""
    entries.append(request.form["entry"])
    return redirect(request.path, 303)
