"""What stands behind the interfaces of ``netforge.plugin``: components that services share, and layers."""
