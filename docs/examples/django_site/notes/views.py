"""The pages."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from notes.models import Note


class NoteForm(forms.ModelForm):
    """A new note."""

    class Meta:
        """Who writes it is known."""

        model = Note
        fields = ("text",)


def read(request, form=None, status=200):
    """Show the newest notes, and a form for those who have logged in."""
    notes = Note.objects.select_related("author")[:100]
    return render(request, "notes/read.html", {"notes": notes, "form": form or NoteForm()}, status=status)


@login_required
@require_POST
def write(request):
    """Keep a note."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return read(request, form, 400)
    form.instance.author = request.user
    form.save()
    return redirect("read", permanent=False)
