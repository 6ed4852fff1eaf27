// What the page shows of the conversations. Text of others only ever becomes text.

import { folded } from "./conversations.js";

const TOGETHER = 300; // seconds within which what one person says stands together
const MOST_SHOWN = 600; // lines and what is between them

const element = (id) => document.getElementById(id);
const made = (template) => element(template).content.firstElementChild.cloneNode(true);
const hours = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });
const days = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });

export class View {
  #chat;
  #painting = 0;
  #shown = null; // the conversation in the log
  #last = null; // its last line there

  // `choose(conversation)` is called for a conversation that is chosen, `meet(nick)` for somebody in the room.
  constructor({ choose, meet }) {
    this.choose = choose;
    this.meet = meet;
    this.log = element("log");
    this.log.addEventListener("scroll", () => this.#isAtEnd() && this.#showNewer(false));
    element("newer").addEventListener("click", () => this.#toEnd());
    new ResizeObserver(() => element("newer").hidden && this.#toEnd()).observe(this.log);
  }

  set chat(chat) {
    this.#chat = chat;
    this.changed();
  }

  // Something but a line is otherwise. Much may be at once; it is painted once.
  changed() {
    this.#painting ||= setTimeout(() => {
      this.#painting = 0;
      this.#paint();
    }, 20);
  }

  // Show a conversation from its end; what is new there stands below a line that says so.
  turn(conversation, fresh = 0) {
    this.#shown = conversation;
    this.#last = null;
    this.log.replaceChildren();
    const lines = conversation?.lines ?? [];
    let first = lines.length;
    for (let left = fresh; left > 0 && first > 0; ) if (isOther(lines[--first])) left -= 1;
    lines.forEach((line, number) => {
      if (fresh && number && number === first) this.#divide("New");
      this.#append(line);
    });
    this.#toEnd();
  }

  added(conversation, line) {
    if (conversation !== this.#shown) return;
    const follow = line.isOwn || this.#isAtEnd();
    this.#append(line);
    while (this.log.childElementCount > MOST_SHOWN) this.log.firstElementChild.remove();
    if (follow) this.#toEnd();
    else this.#showNewer(true);
  }

  #paint() {
    const { all, current, me, unread } = this.#chat;
    const place = (item, conversation) => {
      const button = item.querySelector("button");
      button.setAttribute("aria-current", String(conversation === current));
      item.querySelector(".mark").textContent = conversation.isPrivate ? conversation.name[0].toUpperCase() : "#";
      if (conversation.isPrivate) paintAvatar(item.querySelector(".mark"), conversation.name);
      item.querySelector(".name").textContent = conversation.name;
      paintBadge(item.querySelector(".badge"), conversation.unread);
      button.onclick = () => this.choose(conversation);
    };
    const [rooms, others] = [false, true].map((is) => [...all.values()].filter((one) => one.isPrivate === is));
    list(element("rooms"), rooms, "of-place", place);
    list(element("private"), others, "of-place", place);
    element("nobody").hidden = others.length > 0;
    paintAvatar(element("self").querySelector(".avatar"), me);
    element("self").querySelector(".name").textContent = me;
    const elsewhere = unread - (current?.unread ?? 0);
    paintBadge(element("show-places").querySelector(".badge"), elsewhere);
    element("show-places").ariaLabel = elsewhere ? `Show conversations, ${elsewhere} unread` : "Show conversations";
    this.#paintConversation(current, me);
    const title = current ? `${current.name} – Chat` : "Chat";
    document.title = unread ? `(${unread}) ${title}` : title;
  }

  #paintConversation(current, me) {
    const inRoom = Boolean(current) && !current.isPrivate;
    element("title").textContent = current?.name ?? "No room";
    element("topic").textContent = inRoom ? current.topic || "Add a topic" : "";
    element("topic").classList.toggle("empty", inRoom && !current.topic);
    element("topic").hidden = !inRoom;
    element("alone").textContent = current?.isPrivate ? `Only you and ${current.name} see this.` : "";
    element("part").hidden = !current;
    element("part").ariaLabel = element("part").title = inRoom ? `Leave ${current.name}` : "Close this conversation";
    element("text").placeholder = current ? `Message ${current.isPrivate ? "" : "#"}${current.name}` : "";
    const people = inRoom ? current.people : [];
    element("chat").classList.toggle("alone", !inRoom);
    element("show-people").hidden = !inRoom;
    element("show-people").ariaLabel = `Show people, ${people.length} here`;
    element("count").textContent = people.length;
    element("people-heading").textContent = `${people.length} here`;
    list(element("members"), people, "of-member", (item, nick) => {
      paintAvatar(item.querySelector(".avatar"), nick);
      item.querySelector(".name").textContent = nick;
      item.querySelector(".hint").textContent = nick === me ? "you" : "";
      const button = item.querySelector("button");
      button.disabled = nick === me;
      button.title = nick === me ? "" : `Write to ${nick} alone`;
      button.onclick = () => this.meet(nick);
    });
  }

  #append(line) {
    const at = new Date(line.at * 1000);
    const last = this.#last;
    if (!last || new Date(last.at * 1000).toDateString() !== at.toDateString()) this.#divide(days.format(at));
    const item = made(line.kind === "said" ? "of-message" : "of-note");
    if (line.kind === "said") {
      const follows = last?.kind === "said" && last.nick === line.nick && line.at - last.at < TOGETHER;
      item.classList.toggle("follows", follows);
      item.classList.toggle("own", line.isOwn);
      item.classList.toggle("mention", !line.isOwn && isMentioned(line.text, this.#chat.me));
      paintAvatar(item.querySelector(".avatar"), line.nick);
      item.style.setProperty("--hue", hue(line.nick));
      item.querySelector(".nick").textContent = line.isOwn ? "You" : line.nick;
    } else {
      item.classList.add(line.kind);
    }
    item.querySelector(".text").append(...linked(line.kind === "acted" ? `${line.nick} ${line.text}` : line.text));
    const time = item.querySelector("time");
    time.dateTime = at.toISOString();
    time.textContent = hours.format(at);
    this.log.append(item);
    this.#last = line;
  }

  #divide(text) {
    const item = made("of-day");
    item.firstElementChild.textContent = text;
    item.classList.toggle("new", text === "New");
    this.log.append(item);
  }

  #isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
  }

  #toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.#showNewer(false);
  }

  #showNewer(shown) {
    element("newer").hidden = !shown;
  }
}

const isOther = (line) => line.isSaid && !line.isOwn;

const isMentioned = (text, nick) => new RegExp(`(?<![\\w-])${nick}(?![\\w-])`, "i").test(text);

// Make a list show these; what it shows already stays what it is, and keeps the focus.
function list(parent, things, template, paint) {
  const known = new Map(Array.from(parent.children, (item) => [item.thing, item]));
  things.forEach((thing, number) => {
    const item = known.get(thing) ?? Object.assign(made(template), { thing });
    known.delete(thing);
    paint(item, thing);
    if (parent.children[number] !== item) parent.insertBefore(item, parent.children[number] ?? null);
  });
  for (const item of known.values()) item.remove();
}

function paintAvatar(avatar, nick) {
  avatar.classList.add("avatar");
  avatar.textContent = nick.slice(0, 1).toUpperCase();
  avatar.style.setProperty("--hue", hue(nick));
}

function paintBadge(badge, count) {
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : count;
  badge.title = `${count} unread`;
}

// A colour of one's own.
function hue(nick) {
  let sum = 7;
  for (const character of folded(nick)) sum = (sum * 31 + character.charCodeAt(0)) % 3600;
  return (sum * 137) % 360;
}

// Text and links.
function* linked(text) {
  let end = 0;
  for (const { 0: found, index } of text.matchAll(/https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}]/g)) {
    yield text.slice(end, index);
    const link = document.createElement("a");
    link.href = link.textContent = found;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    yield link;
    end = index + found.length;
  }
  yield text.slice(end);
}
