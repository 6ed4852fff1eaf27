// What is known of the chat: rooms and private conversations, who is there, what was said. It knows nothing of the page.

const MOST_LINES = 500; // of one conversation

// Names are compared without regard to case.
export const folded = (name) => name.toLowerCase();

export class Conversation {
  lines = [];
  members = new Map(); // by folded name
  topic = "";
  unread = 0;
  draft = "";

  constructor(name, isPrivate) {
    this.name = name;
    this.isPrivate = isPrivate;
  }

  get people() {
    return [...this.members.values()].sort((one, other) => folded(one).localeCompare(folded(other)));
  }
}

export class Conversations {
  me = "";
  all = new Map(); // by folded name; private ones with an @ before it
  current = null;

  // `changed()` is called for everything but lines, `added(conversation, line)` for those; `watched()` tells whether
  // somebody looks at the current conversation.
  constructor({ changed, added, watched }) {
    this.watched = watched;
    this.changed = changed;
    this.added = added;
  }

  get rooms() {
    return [...this.all.values()].filter((one) => !one.isPrivate);
  }

  get unread() {
    return [...this.all.values()].reduce((sum, one) => sum + one.unread, 0);
  }

  room(name) {
    return this.all.get(folded(name));
  }

  // The private conversation with somebody, which may have to begin.
  with(nick) {
    return this.#find(`@${folded(nick)}`, nick, true);
  }

  turn(conversation) {
    this.current = conversation;
    this.seen();
  }

  // Somebody looks at the current conversation.
  seen() {
    if (this.current) this.current.unread = 0;
    this.changed();
  }

  remove(conversation) {
    for (const [key, one] of this.all) if (one === conversation) this.all.delete(key);
    if (this.current === conversation) this.current = null;
    this.changed();
  }

  // We have come into a room, perhaps once more: what we have not seen yet of what was said before follows.
  entered({ room, topic, members, past }) {
    const conversation = this.#find(folded(room), room, false);
    conversation.name = room;
    conversation.topic = topic;
    conversation.members = new Map(members.map((nick) => [folded(nick), nick]));
    const seen = conversation.lines.findLast((line) => line.isSaid)?.at ?? 0;
    for (const message of past) if (message.at > seen) this.#say(conversation, message, true);
    this.changed();
    return conversation;
  }

  receive(event) {
    const { type, room, nick } = event;
    const conversation = room && this.room(room);
    switch (type) {
      case "said":
      case "acted":
        if (conversation) this.#say(conversation, event);
        break;
      case "told":
        this.#say(this.with(nick === this.me ? event.to : nick), event);
        break;
      case "joined":
        if (conversation) this.#meet(conversation, nick);
        break;
      case "parted":
        if (conversation && nick !== this.me) this.#miss(conversation, nick, `${nick} left`);
        break;
      case "left":
        for (const one of this.#those(event.rooms)) {
          this.#miss(one, nick, event.reason ? `${nick} left (${event.reason})` : `${nick} left`);
        }
        break;
      case "renamed":
        this.#rename(event);
        break;
      case "topic":
        if (conversation) {
          conversation.topic = event.topic;
          this.note(conversation, event.topic ? `${nick} changed the topic: ${event.topic}` : `${nick} cleared the topic`);
          this.changed();
        }
        break;
    }
  }

  // Something that nobody has said.
  note(conversation, text, kind = "note") {
    this.#add(conversation, { kind, text, at: Date.now() / 1000 });
  }

  #find(key, name, isPrivate) {
    if (!this.all.has(key)) {
      this.all.set(key, new Conversation(name, isPrivate));
      this.changed();
    }
    return this.all.get(key);
  }

  #those(rooms) {
    return rooms.map((name) => this.room(name)).filter(Boolean);
  }

  #say(conversation, { type, nick, text, at }, isPast = false) {
    const isOwn = nick === this.me;
    if (!isOwn && !isPast && !(conversation === this.current && this.watched())) {
      conversation.unread += 1;
      this.changed();
    }
    this.#add(conversation, { kind: type === "acted" ? "acted" : "said", isSaid: true, isOwn, nick, text, at });
  }

  #add(conversation, line) {
    conversation.lines.push(line);
    if (conversation.lines.length > MOST_LINES) conversation.lines.shift();
    this.added(conversation, line);
  }

  #meet(conversation, nick) {
    conversation.members.set(folded(nick), nick);
    if (nick !== this.me) this.note(conversation, `${nick} joined`);
    this.changed();
  }

  #miss(conversation, nick, text) {
    conversation.members.delete(folded(nick));
    this.note(conversation, text);
    this.changed();
  }

  #rename({ nick, to, rooms }) {
    if (nick === this.me) this.me = to;
    for (const one of this.#those(rooms)) {
      one.members.delete(folded(nick));
      one.members.set(folded(to), to);
      this.note(one, `${nick} is now called ${to}`);
      this.changed();
    }
    const known = this.all.get(`@${folded(nick)}`);
    if (known && !this.all.has(`@${folded(to)}`)) {
      this.all.delete(`@${folded(nick)}`);
      known.name = to;
      this.all.set(`@${folded(to)}`, known);
      this.changed();
    }
  }
}
