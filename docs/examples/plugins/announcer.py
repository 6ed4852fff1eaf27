"""Shouts something again and again."""

from twisted.internet.task import LoopingCall

from netforge.plugin import Context, Field, IBus, Parts, Settings, Task, service


class AnnouncerSettings(Settings):
    """Shouts an announcement."""

    text: str = Field(description="what to say")
    every: float = Field(60.0, gt=0, description="seconds from one announcement to the next")


@service("announcer", AnnouncerSettings, needs=[IBus], exclusive=True)
def announcer(settings: AnnouncerSettings, context: Context) -> Parts:
    """No listener, only a timer."""
    bus = context[IBus]
    call = LoopingCall(lambda: bus.publish("shout", settings.text.encode()))
    call.clock = context.clock

    def start() -> None:
        call.start(settings.every)

    return [Task(start, call.stop, "announcing")]
