"""Notes in the administration."""

from django.contrib import admin

from notes.models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    """Lists who has written what, and when."""

    list_display = ("__str__", "author", "written")
    search_fields = ("text",)
