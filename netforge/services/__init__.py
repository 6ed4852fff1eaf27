"""The services that come with netforge, a folder each: settings, wiring, backends."""
