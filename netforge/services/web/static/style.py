"""How the page of a folder looks."""

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --back: #f6f7f9; --card: #fff; --text: #1c2430; --faint: #667085; --line: #e6e9ee; --hover: #f1f5fb; --link: #1558c0;
  --folder: #e0a526;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #10141a; --card: #181e27; --text: #e4e8ee; --faint: #94a0b2; --line: #28303c; --hover: #202834;
    --link: #8ab8ff; --folder: #e6b450;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.5rem; }
h1 { margin: 0 0 1.25rem .25rem; font-size: 1.3rem; font-weight: 600; line-height: 1.4; overflow-wrap: anywhere; }
h1 i { color: var(--faint); font-style: normal; font-weight: 400; padding: 0 .2em; }
h1 span { color: var(--faint); font-weight: 400; padding-right: .15em; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; border-radius: 4px; }
table {
  width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden;
}
th { font-size: .8rem; font-weight: 500; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th a { display: block; padding: .55rem 1rem; color: var(--faint); }
th[aria-sort] a { color: var(--text); }
th[aria-sort=ascending] a::after { content: " \\2191"; }
th[aria-sort=descending] a::after { content: " \\2193"; }
td { padding: 0 1rem; }
td.name { padding: 0; overflow-wrap: anywhere; }
td.name a { display: block; padding: .5rem 1rem .5rem 2.75rem; }
tbody tr + tr td { border-top: 1px solid var(--line); }
tbody tr:hover { background: var(--hover); }
.size, .modified { white-space: nowrap; color: var(--faint); font-variant-numeric: tabular-nums; }
.size { text-align: right; width: 6rem; }
.modified { width: 11rem; }
svg {
  width: 16px; height: 16px; margin: 0 .75rem -2px -1.75rem; fill: none; stroke: var(--faint); stroke-width: 1.2;
  stroke-linejoin: round; stroke-linecap: round;
}
svg.folder { stroke: var(--folder); fill: var(--folder); fill-opacity: .25; }
p { margin: 1rem .25rem; color: var(--faint); font-size: .8rem; }
@media (max-width: 36rem) {
  main { padding: 1.25rem .75rem; }
  table, thead, tbody { display: block; }
  thead tr { display: flex; border-bottom: 1px solid var(--line); }
  tbody tr { display: grid; grid-template-columns: auto 1fr; }
  tbody tr + tr { border-top: 1px solid var(--line); }
  tbody tr + tr td { border-top: 0; }
  th { border-bottom: 0; }
  th a { padding: .55rem .75rem; }
  td.name { grid-column: 1 / -1; }
  td.name a { padding: .6rem .75rem .6rem 2.5rem; }
  td.size, td.modified { width: auto; text-align: left; padding: 0 0 .6rem 2.5rem; }
  td.size, td.modified { margin-top: -.55rem; font-size: .8rem; }
  td.size:not(:empty) + td.modified { padding-left: .75rem; }
  td.size:empty { display: none; }
  th.size, th.modified { width: auto; }
}
"""
