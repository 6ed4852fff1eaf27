"""The interfaces of shared components, a file each. Declarations only; ``netforge.shared`` stands behind them."""

from netforge.plugin.interfaces.accounts import (
    AccountsUnavailable,
    CertificateLogin,
    ExchangeStep,
    IAccounts,
    Identity,
    IExchange,
    KeyLogin,
    Login,
    LoginRefused,
    PasswordLogin,
    TooManyFailures,
)
from netforge.plugin.interfaces.bus import IBus, ISubscription
from netforge.plugin.interfaces.certificates import ICertificates, IServerTLS, TLSPolicy
from netforge.plugin.interfaces.database import DatabaseBusy, DatabaseUnavailable, IDatabase
from netforge.plugin.interfaces.files import (
    FileInfo,
    IFiles,
    IFileTree,
    IReading,
    IWriting,
    QuotaExceeded,
)
from netforge.plugin.interfaces.metrics import Counter, Gauge, Histogram, IHealth, IMetrics, IReadings
from netforge.plugin.interfaces.outbound import (
    IOutbound,
    IReply,
    OutboundBusy,
    OutboundFailed,
    OutboundRefused,
    OutboundStage,
    OutboundTimeout,
    OutboundTimeouts,
    OutboundTooLarge,
)
from netforge.plugin.interfaces.pages import IPages
from netforge.plugin.interfaces.services import IServices, ServiceStatus
from netforge.plugin.interfaces.sessions import ISessions

__all__ = [
    "AccountsUnavailable",
    "CertificateLogin",
    "Counter",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "ExchangeStep",
    "FileInfo",
    "Gauge",
    "Histogram",
    "IAccounts",
    "IBus",
    "ICertificates",
    "IDatabase",
    "IExchange",
    "IFileTree",
    "IFiles",
    "IHealth",
    "IMetrics",
    "IOutbound",
    "IPages",
    "IReading",
    "IReadings",
    "IReply",
    "IServerTLS",
    "IServices",
    "ISessions",
    "ISubscription",
    "IWriting",
    "Identity",
    "KeyLogin",
    "Login",
    "LoginRefused",
    "OutboundBusy",
    "OutboundFailed",
    "OutboundRefused",
    "OutboundStage",
    "OutboundTimeout",
    "OutboundTimeouts",
    "OutboundTooLarge",
    "PasswordLogin",
    "QuotaExceeded",
    "ServiceStatus",
    "TLSPolicy",
    "TooManyFailures",
]
