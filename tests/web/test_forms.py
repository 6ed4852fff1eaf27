"""Forms, and the files that come with them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from netforge.testing import Network, WebClient
from netforge.web import Form, Request, Site, Upload
from tests.web.asking import ask, network_peer, open_files


class Letter(BaseModel):
    title: str
    page: Upload


@pytest.mark.parametrize("size", [10, 200_000])
def test_files_come_with_forms(network: Network, size: int) -> None:
    def take(letter: Letter) -> list[Any]:
        content = letter.page.file.read()
        letter.page.close()
        return [
            letter.title,
            letter.page.name,
            letter.page.media_type,
            letter.page.size,
            len(set(content)),
            len(content),
        ]

    answer = ask(
        network,
        take,
        method="POST",
        data={"title": "Ode"},
        files={"page": ("../C:\\page.png", "image/png", b"x" * size)},
    )
    assert answer.json() == ["Ode", "page.png", "image/png", size, 1, size]


def test_a_client_that_vanishes_in_an_upload_leaves_no_file(network: Network) -> None:
    begun: list[Request] = []

    async def take(request: Request) -> None:
        begun.append(request)
        await request.form()

    site = Site()
    site.post("/")(take)
    peer = network_peer(network, site)
    head = (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n"
    )
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
    before = open_files()
    peer.send(head + part + b"y" * 300_000)
    network.run(5)
    assert open_files() == before + 1
    peer.reset()
    network.run(5)
    assert begun[0].exchange.lost
    assert open_files() == before


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


def test_a_form_may_come_byte_by_byte(network: Network) -> None:
    site = Site()
    site.post("/")(lambda letter: letter.title)
    site.patch("/")(fields)
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n-\r\n--x--\r\n'
    peer = network_peer(network, site)
    peer.send((HEAD % len(body)).replace(b"POST", b"PATCH"))
    for byte in body:
        peer.send(bytes([byte]))
        network.run(0.1)
    assert b'[["a","\\r\\n-"]]' in peer.receive_until(b"]]")


def fields(form: Form) -> list[tuple[str, str]]:
    return form.fields


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"--x\r\n\r\n\r\n--x--", 400, "Content-Disposition"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", 400, "no name"),
        (b"--x\r\nA: " + b"a" * 5000 + b"\r\n", 413, "header length"),
        (b"--x\r\n" + b"A: b\r\n" * 9, 413, "header count"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--', 400, "decode"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 1_100_000, 413, "field a"),
        ((PART + b"\r\n") * 101, 413, "100 files"),
        ((PART.replace(b'; filename="b"', b"") + b"\r\n") * 1001, 413, "segment count"),
        (b"--x--", 200, "[]"),
    ],
)
def test_forms_that_make_trouble_are_refused(network: Network, body: bytes, status: int, words: str) -> None:
    answer = ask(network, fields, method="POST", data=body, headers=MULTIPART)
    assert answer.status == status
    assert words in answer.text


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("multipart/form-data", 415),
        ("multipart/form-data; boundary=" + "x" * 300, 415),
        ("application/x-www-form-urlencoded; charset=utf-8", 200),
    ],
)
def test_what_is_no_form_is_refused(network: Network, kind: str, status: int) -> None:
    assert ask(network, fields, method="POST", data=b"a=1", headers={"content-type": kind}).status == status


def test_files_are_closed_once_they_have_been_answered(network: Network) -> None:
    taken: list[Upload] = []

    async def take(form: Form) -> None:
        upload = form.file("a")
        assert upload
        assert not upload.file.closed
        taken.append(upload)
        raise KeyError("whatever happens")

    assert ask(network, take, method="POST", files={"a": ("b", b"c")}).status == 500
    assert "whatever" in str(network.failures.pop())
    assert taken[0].file.closed


def test_empty_file_fields_are_none(network: Network) -> None:
    body = PART.replace(b'"b"', b'""') + b"\r\n--x--"
    answer = ask(network, files, method="POST", data=body, headers=MULTIPART)
    assert answer.json() == []


async def files(request: Request) -> list[str]:
    return [name for name, _ in (await request.form()).files]


@pytest.mark.parametrize(("most", "status"), [(1000, 413), (12_000_000, 204)])
def test_a_route_says_how_much_it_takes(network: Network, most: int, status: int) -> None:
    site = Site()

    @site.post("/", most=most)
    async def take(request: Request) -> None:
        await request.body()

    @site.post("/form", most=most)
    async def take_form(form: Form) -> None:
        pass

    client = WebClient(network, site)
    assert client.post("/", data=b"x" * 11_000_000).status == status
    assert client.post("/form", files={"a": ("b", b"x" * 11_000_000)}).status == status


@pytest.mark.parametrize("first", ["form", "body"])
def test_a_body_is_read_in_one_way(network: Network, first: str) -> None:
    async def read(request: Request) -> None:
        await (request.form() if first == "form" else request.body())
        await (request.form() if first != "form" else request.body())

    assert ask(network, read, method="POST", data={"a": "1"}).status == 500
    assert "already" in str(network.failures.pop())
