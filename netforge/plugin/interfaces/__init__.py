"""The interfaces of shared components, a file each. Declarations only; ``netforge.shared`` stands behind them."""

from netforge.plugin.interfaces.bus import IBus, ISubscription

__all__ = ["IBus", "ISubscription"]
