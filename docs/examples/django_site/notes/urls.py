"""Which page is where."""

from django.urls import path

from notes.views import read, write

urlpatterns = [path("", read, name="read"), path("write/", write, name="write")]
