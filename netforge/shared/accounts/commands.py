"""``netforge user``: keeping accounts. It works beside a server that runs."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from netforge.plugin import AccountsUnavailable, Command, CommandFailed, Context, DatabaseUnavailable, Field, Settings
from netforge.shared.accounts.interfaces import Application, IAccountsAdmin, User
from netforge.shared.accounts.names import normalised
from netforge.shared.accounts.prompt import ask_password

__all__ = ["COMMANDS"]

S = TypeVar("S", bound=Settings)

NAME = "the user's name"


class NameOptions(Settings):
    """One user."""

    name: str = Field(description=NAME)


class LockOptions(NameOptions):
    """Let nobody log in to an account, and keep everything in it."""


class UnlockOptions(NameOptions):
    """Let people log in to an account again."""


class DeleteOptions(NameOptions):
    """Delete a user, with passwords, keys and groups."""


class ShowOptions(NameOptions):
    """Show everything that is known of a user, but no secrets."""


class ListOptions(Settings):
    """List all users."""


class AddOptions(NameOptions):
    """Add a user. The password is asked for, or read from standard input."""

    group: list[str] = Field([], description="a group that the user is in; repeatable")
    scram: bool = Field(False, description="let clients log in by SCRAM, too")


class PasswdOptions(NameOptions):
    """Change a password. It is asked for, or read from standard input."""

    scram: bool = Field(False, description="let clients log in by SCRAM from now on")
    without_scram: bool = Field(False, description="no longer let clients log in by SCRAM")


class GroupOptions(NameOptions):
    """Make a user a member of a group. Members of "proxies" may act as others."""

    group: str = Field(description="the group")
    remove: bool = Field(False, description="take the user out of it")


class KeyOptions(NameOptions):
    """Let a user log in with an SSH key."""

    file: Path = Field(description="the public key, such as ~/.ssh/id_ed25519.pub")
    remove: bool = Field(False, description="remove the key")


class CertificateOptions(NameOptions):
    """Let a user log in with a client certificate."""

    subject: str = Field(description='its subject, such as "CN=ada,O=Example"')
    remove: bool = Field(False, description="no longer")


class ApplicationOptions(NameOptions):
    """Make a password for one application, and print it, once."""

    label: str = Field(description="what to call it, such as phone")
    scope: list[str] = Field([], description="what it is for, such as smtp; repeatable; everything if left out")
    remove: bool = Field(False, description="let it count no more")


Admin = Any  # an IAccountsAdmin, whose methods mypy would take for those of the interface itself


async def add(admin: Admin, options: AddOptions) -> None:
    """Add a user."""
    password = ask_password(options.name)
    await admin.add(options.name, password, groups=options.group, scram=options.scram)


async def list_all(admin: Admin, options: ListOptions) -> None:
    """Print a line for each user."""
    for user in await admin.users():
        sys.stdout.write(f"{_summary(user)}\n")


async def show(admin: Admin, options: ShowOptions) -> None:
    """Print what there is."""
    name = normalised(options.name)
    for user in await admin.users():
        if user.name == name:
            sys.stdout.writelines(f"{line}\n" for line in _details(user))
            return
    raise ValueError(f"there is no user {name!r}")


async def passwd(admin: Admin, options: PasswdOptions) -> None:
    """Change a password."""
    scram = True if options.scram else False if options.without_scram else None
    await admin.set_password(options.name, ask_password(options.name), scram=scram)


async def lock(admin: Admin, options: LockOptions) -> None:
    """Lock an account."""
    await admin.set_locked(options.name, True)


async def unlock(admin: Admin, options: UnlockOptions) -> None:
    """Unlock an account."""
    await admin.set_locked(options.name, False)


async def delete(admin: Admin, options: DeleteOptions) -> None:
    """Delete a user."""
    await admin.delete(options.name)


async def group(admin: Admin, options: GroupOptions) -> None:
    """Add or remove a membership."""
    change = admin.remove_group if options.remove else admin.add_group
    await change(options.name, options.group)


async def key(admin: Admin, options: KeyOptions) -> None:
    """Add or remove an SSH public key."""
    try:
        line = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{options.file}: {error}") from None
    change = admin.remove_key if options.remove else admin.add_key
    await change(options.name, line)


async def certificate(admin: Admin, options: CertificateOptions) -> None:
    """Add or remove a certificate's subject."""
    change = admin.remove_certificate if options.remove else admin.add_certificate
    await change(options.name, options.subject)


async def application(admin: Admin, options: ApplicationOptions) -> None:
    """Make and print, or remove, an application password."""
    if options.remove:
        await admin.remove_application(options.name, options.label)
    else:
        password = await admin.add_application(options.name, options.label, options.scope)
        sys.stdout.write(f"{password}\n")


def _command(name: str, options: type[S], run: Callable[[Admin, S], Awaitable[None]]) -> Command[S]:
    async def run_it(context: Context, given: S) -> None:
        try:
            await run(context[IAccountsAdmin], given)
        except (ValueError, AccountsUnavailable, DatabaseUnavailable) as error:
            raise CommandFailed(str(error)) from None

    return Command(f"user {name}", options, run_it, needs=[IAccountsAdmin])


COMMANDS: Sequence[Command[Any]] = [
    _command("add", AddOptions, add),
    _command("list", ListOptions, list_all),
    _command("show", ShowOptions, show),
    _command("passwd", PasswdOptions, passwd),
    _command("lock", LockOptions, lock),
    _command("unlock", UnlockOptions, unlock),
    _command("delete", DeleteOptions, delete),
    _command("group", GroupOptions, group),
    _command("key", KeyOptions, key),
    _command("certificate", CertificateOptions, certificate),
    _command("app-password", ApplicationOptions, application),
]


def _summary(user: User) -> str:
    notes = [
        *(["locked"] if user.locked else []),
        *(["scram"] if user.scram else []),
        *([f"{len(user.applications)} application passwords"] if user.applications else []),
        *([f"{len(user.keys)} keys"] if user.keys else []),
        *([f"{len(user.certificates)} certificates"] if user.certificates else []),
        *([f"groups {' '.join(user.groups)}"] if user.groups else []),
    ]
    return f"{user.name}  {', '.join(notes)}".rstrip()


def _details(user: User) -> Sequence[str]:
    return [
        user.name,
        f"  added {_day(user.created)}",
        *(["  locked"] if user.locked else []),
        *(["  SCRAM"] if user.scram else []),
        *(f"  group {group}" for group in user.groups),
        *(f"  application password {_application(one)}" for one in user.applications),
        *(f"  key {fingerprint} {comment}".rstrip() for fingerprint, comment in user.keys),
        *(f"  certificate {subject}" for subject in user.certificates),
    ]


def _application(one: Application) -> str:
    scopes = f"for {' '.join(one.scopes)}" if one.scopes else "for everything"
    used = f"used {_day(one.used)}" if one.used is not None else "never used"
    return f"{one.label} {scopes}, made {_day(one.created)}, {used}"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
