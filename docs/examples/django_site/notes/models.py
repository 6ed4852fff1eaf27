"""What is kept."""

from django.conf import settings
from django.db import models


class Note(models.Model):
    """Something that somebody has written."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.TextField(max_length=1000)
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The newest comes first."""

        ordering = ("-written",)

    def __str__(self):
        return self.text[:50]
