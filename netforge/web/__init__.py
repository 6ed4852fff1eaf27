"""The web toolkit: sites of pages and APIs, for every service that has any."""
