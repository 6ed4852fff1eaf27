"""Accounts behind :class:`netforge.plugin.IAccounts`: one user for all protocols."""

from netforge.shared.accounts.interfaces import Application, IAccountsAdmin, User
from netforge.shared.accounts.plugin import AccountsSettings, LDAPSettings, accounts

__all__ = ["AccountsSettings", "Application", "IAccountsAdmin", "LDAPSettings", "User", "accounts"]
