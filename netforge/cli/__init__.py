"""Launching: the ``twistd`` plugins and the ``netforge`` command."""
