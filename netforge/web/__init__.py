"""The web toolkit: sites of pages and APIs, for every service that has any."""

from netforge.protocols.http import Exchange, HTTPError
from netforge.web.handlers import Body, Cookie, Header, Invalid, Query
from netforge.web.request import Request
from netforge.web.responses import HTML, JSON, XML, Event, Events, Redirect, Response, Stream, Text, send
from netforge.web.site import Route, Site

__all__ = [
    "HTML",
    "JSON",
    "XML",
    "Body",
    "Cookie",
    "Event",
    "Events",
    "Exchange",
    "HTTPError",
    "Header",
    "Invalid",
    "Query",
    "Redirect",
    "Request",
    "Response",
    "Route",
    "Site",
    "Stream",
    "Text",
    "send",
]
