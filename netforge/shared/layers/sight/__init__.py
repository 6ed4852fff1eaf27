"""The layer that everyone looks through: one event in the log and a few numbers for every connection."""

from netforge.shared.layers.sight.layer import SightKeys, sight

__all__ = ["SightKeys", "sight"]
