"""A Twisted reactor on whose transports, uvloop's own, unmodified Twisted protocols run at uvloop's speed.

Install it before anything imports ``twisted.internet.reactor``::

    import netforge.reactor

    netforge.reactor.install()

or run ``twistd --reactor=forge``. It is a full POSIX reactor: Twisted's asyncio reactor on a uvloop. TCP and UNIX
streams and UDP datagrams, of servers and of clients, ride on uvloop's transports; everything else (processes,
signals, threads, names, time, descriptors, multicast) is Twisted's. Its loop is a real one, so asyncio's libraries
run beside it.

It passes Twisted's own tests of reactors (``tests/reactor/conformance.py``), but for one that expects a log message.
What a program may notice, compared to Twisted's epoll reactor:

* Log events carry the prefix of a connection (``system``) only while data is received, and only for protocols that
  define a ``logPrefix`` of their own.
* A write is tried at once rather than at the end of the turn, so TCP transports begin with ``TCP_NODELAY`` set, and a
  push producer is paused by one large write, or when uvloop's buffer is full of what the kernel did not take. On UNIX
  transports the writes of a turn go together.
* A pull producer is asked again in the turn after it registers, even if nothing was written before.
* ``dataReceived`` may get up to 250 KiB at once.
* A connection reaches its factory a turn after it is accepted or made; the transport that ``adoptStreamConnection``
  returns can only be written to and closed before ``connectionMade``.
* A connection that its client resets before it is accepted does not reach its factory.
* The descriptor of a transport is uvloop's: ``transport.socket`` and ``getHandle`` give its names, options and number,
  but neither read nor write. Streams have no ``doRead`` and ``doWrite``, and take no attributes that they do not have.
* A descriptor that is sent over a UNIX socket to a protocol that receives none is closed by the kernel, and not logged.
* ``write`` takes any object with the buffer interface. What a push producer raises when it is paused ends its
  connection rather than being raised out of ``write``.
* When accepting fails for want of memory, or is forbidden by a firewall, uvloop closes the port (when descriptors run
  out it turns the client away, as Twisted does).
* Over a UNIX socket, the peer of one that closes or aborts with something unread may be told of an orderly end, and
  so may both when they close at once.
* What was written in the turn in which a connection is aborted may still arrive. So the peer of one that aborts over
  TLS that Twisted wraps by itself (``wrapClientTLS``, ``TLSMemoryBIOFactory``) sees an orderly end; over that of
  ``listenSSL``, ``connectSSL`` and ``startTLS`` it sees a loss.
* What is closed in order while the peer has not read all of what was written may be reset if something is unread here.
* ``listenSSL`` also takes an :class:`ssl.SSLContext`: see :meth:`ForgeReactor.listenSSL`.
* Of an asyncio exception handler that replaces the loop's, ``netforge.reactor.loops.NotReading`` is to be ignored.
* An asyncio library that starts child processes takes ``SIGCHLD`` from ``spawnProcess``.
"""

from __future__ import annotations

from netforge.reactor.reactor import ForgeReactor

__all__ = ["ForgeReactor", "install"]


def install() -> None:
    """Make a :class:`ForgeReactor` the global reactor, and its loop asyncio's current one.

    :raises ImportError: uvloop is not installed.
    :raises twisted.internet.error.ReactorAlreadyInstalledError: there is a global reactor already.
    """
    import asyncio  # noqa: PLC0415  as is the next, of no use before

    from twisted.internet.main import installReactor  # noqa: PLC0415

    reactor = ForgeReactor()
    installReactor(reactor)
    asyncio.set_event_loop(reactor.loop)
