"""Run by: twistd -ny forge.tac"""

from twisted.application.service import Application
from twisted.internet import reactor

from netforge.host import forge_from_file

application = Application("netforge")
forge_from_file("forge.toml", reactor).setServiceParent(application)
