"""Sites by host name and path: files, applications, proxies, redirects."""
