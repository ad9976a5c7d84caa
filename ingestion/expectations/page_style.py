"""The look of the Data Docs pages: one style sheet inside each page, so that a page needs no network and no script.

Belongs here: colours, spacing, type. Does not belong here: what a page says (`data_docs`).
"""

from typing import Final

STYLE: Final = """
:root { --ink: #1d2733; --soft: #5b6775; --line: #dde3ea; --paper: #ffffff; --ground: #f5f7fa; --accent: #2457a6;
  --ok: #1b7f4d; --ok-ground: #e3f4ea; --warn: #8a5a00; --warn-ground: #fdf0d3; --bad: #b3261e; --bad-ground: #fbe4e2;
  --info: #3b5b92; --info-ground: #e6eefb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --soft: #9aa7b5; --line: #2c3743; --paper: #18202a;
  --ground: #10161d; --accent: #8ab4f8; --ok: #7fd6a4; --ok-ground: #173425; --warn: #f0c674; --warn-ground: #3a2e12;
  --bad: #f2a29c; --bad-ground: #421d1a; --info: #a9c4f5; --info-ground: #1c2c47; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 64px; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 26px; margin: 6px 0 4px; letter-spacing: -0.01em; } h2 { font-size: 18px; margin: 32px 0 10px; }
p { margin: 4px 0 12px; } .soft { color: var(--soft); } code { font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; margin: 20px 0 8px; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; }
.card strong { display: block; font-size: 26px; line-height: 1.25; font-weight: 600; }
.scroll { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-size: 12px; font-weight: 600; color: var(--soft); padding: 10px 14px; white-space: nowrap; }
td { padding: 9px 14px; border-top: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { font-weight: 600; white-space: nowrap; }
tr.failed td { background: color-mix(in srgb, var(--warn-ground) 45%, transparent); }
tr.failed.critical td { background: color-mix(in srgb, var(--bad-ground) 55%, transparent); }
.pill { display: inline-block; border-radius: 999px; padding: 1px 10px; font-size: 12px; font-weight: 600;
  white-space: nowrap; background: var(--ok-ground); color: var(--ok); }
.pill.critical { background: var(--bad-ground); color: var(--bad); }
.pill.warning { background: var(--warn-ground); color: var(--warn); }
.pill.info, .pill.empty { background: var(--info-ground); color: var(--info); }
ul.notes { margin: 0; padding: 12px 18px 12px 34px; background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; color: var(--soft); }
footer { margin-top: 40px; font-size: 13px; color: var(--soft); }
"""
