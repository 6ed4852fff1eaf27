"""The web toolkit: sites of pages and APIs, for every service that has any."""

from netforge.protocols.http import Exchange, HTTPError
from netforge.web.files import Assets, File
from netforge.web.forms import Form, Upload
from netforge.web.handlers import Invalid
from netforge.web.logins import add_logins
from netforge.web.openapi import add_openapi, describe
from netforge.web.parameters import Body, Cookie, Header, Query
from netforge.web.request import Request
from netforge.web.responses import HTML, JSON, XML, Event, Events, Redirect, Response, Stream, Text, send
from netforge.web.sessions import Session, SessionStore, SignedCookies, StoredSessions
from netforge.web.site import Route, Site
from netforge.web.templates import Templates
from netforge.web.users import User

__all__ = [
    "HTML",
    "JSON",
    "XML",
    "Assets",
    "Body",
    "Cookie",
    "Event",
    "Events",
    "Exchange",
    "File",
    "Form",
    "HTTPError",
    "Header",
    "Invalid",
    "Query",
    "Redirect",
    "Request",
    "Response",
    "Route",
    "Session",
    "SessionStore",
    "SignedCookies",
    "Site",
    "StoredSessions",
    "Stream",
    "Templates",
    "Text",
    "Upload",
    "User",
    "add_logins",
    "add_openapi",
    "describe",
    "send",
]
