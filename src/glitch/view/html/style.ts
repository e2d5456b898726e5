/** The report's style sheet. Text on its background holds at least 4.5:1, light and dark. */
export const style = `
:root {
  --bg: #f5f7fa; --panel: #ffffff; --line: #dce2ea; --text: #17202b; --soft: #526070; --plot: #eef2f6;
  --brand: #087f70; --major: #c4213a; --minor: #a05a00; --info: #2a62b8;
  --wave: #2c7f74; --rms: #1f6e63; --peak: #9fd3ca; --hit: rgb(196 33 58 / 20%); --grid: rgb(23 32 43 / 17%);
  --hit-edge: #c4213a; --unit: #b9c6d4; --unit-odd: #a3b3c4; --shadow: 0 1px 2px rgb(20 30 40 / 7%), 0 6px 20px rgb(20 30 40 / 5%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0b0f14; --panel: #121820; --line: #25303c; --text: #e9eef5; --soft: #a3b0c0; --plot: #0d1319;
    --brand: #35d0ba; --major: #ff7a80; --minor: #ffb84d; --info: #84b6ff;
    --wave: #35d0ba; --rms: #2aa191; --peak: #1c544f; --hit: rgb(255 90 100 / 24%); --grid: rgb(233 238 245 / 17%);
    --hit-edge: #ff7a80; --unit: #3a4858; --unit-odd: #4a5a6c; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 12px; }
body {
  margin: 0 auto; max-width: 1180px; padding: 28px clamp(14px, 3vw, 36px) 40px; color: var(--text); background: var(--bg);
  font: 15px/1.5 Inter, 'SF Pro Text', 'Segoe UI', Roboto, 'Noto Sans', system-ui, sans-serif;
}
h1, h2, h3, p, dl, dd, figure, fieldset { margin: 0; }
h1 { font-size: clamp(1.4rem, 3.5vw, 2rem); line-height: 1.2; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; letter-spacing: -0.01em; }
a { color: var(--brand); }
code { font: 0.94em ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace; }
:focus-visible { outline: 2px solid var(--brand); outline-offset: 2px; border-radius: 4px; }
.skip-link { position: absolute; left: -9999px; }
.skip-link:focus { left: 14px; top: 8px; padding: 6px 12px; background: var(--panel); z-index: 9; }
.eyebrow { color: var(--brand); font-weight: 650; font-size: 0.82rem; letter-spacing: 0.04em; text-transform: uppercase; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 26px; margin-top: 12px; color: var(--soft); font-size: 0.9rem; }
.facts div { display: flex; gap: 7px; min-width: 0; }
.facts dd { color: var(--text); overflow-wrap: anywhere; }
.verdict { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 18px; }
.count, .clean {
  display: inline-flex; align-items: center; gap: 8px; padding: 6px 14px; border: 1px solid var(--line); border-radius: 99px;
  background: var(--panel); font-size: 0.95rem;
}
.count b { font-size: 1.1rem; }
.clean { color: var(--brand); font-weight: 600; }
.major { --tone: var(--major); } .minor { --tone: var(--minor); } .info { --tone: var(--info); }
.shape { width: 12px; height: 12px; flex: none; fill: var(--tone); }
section { margin-top: 30px; }
.section-head { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; justify-content: space-between; }
.filters { display: flex; gap: 14px; align-items: center; padding: 0; border: 0; font-size: 0.9rem; }
.filters legend { float: left; margin-right: 14px; padding: 0; color: var(--soft); }
.filter { display: inline-flex; gap: 6px; align-items: center; cursor: pointer; padding: 4px 0; }
.filter small { color: var(--soft); font-size: 0.85em; }
.filter input { accent-color: var(--brand); width: 16px; height: 16px; margin: 0; }
body:has(#show-major:not(:checked)) .of-major, body:has(#show-minor:not(:checked)) .of-minor,
body:has(#show-info:not(:checked)) .of-info { display: none; }
.kinds { display: flex; flex-wrap: wrap; gap: 6px; margin: 12px 0 0; padding: 0; list-style: none; color: var(--soft); font-size: 0.85rem; }
.kinds li { padding: 2px 10px; border: 1px solid var(--line); border-radius: 99px; background: var(--panel); }
.kinds code { color: var(--text); }
.empty, .left-out { margin-top: 14px; color: var(--soft); }
.overview, .reference, .finding { margin-top: 14px; padding: 16px; border: 1px solid var(--line); border-radius: 14px; background: var(--panel); box-shadow: var(--shadow); }
figcaption, .about { margin-top: 8px; color: var(--soft); font-size: 0.82rem; }
.lane { display: grid; grid-template-columns: 84px minmax(0, 1fr); align-items: center; }
.lane + .lane { margin-top: 4px; }
.lane-name { padding-right: 10px; text-align: right; color: var(--soft); font-size: 0.78rem; line-height: 1.15; }
.plot { position: relative; height: 52px; overflow: hidden; border-radius: 4px; background: var(--plot); }
.plot > svg, .plot > img { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.marks .plot { height: 26px; }
.mark { position: absolute; top: 3px; bottom: 3px; min-width: 4px; margin-left: -1px; border-radius: 2px; background: var(--tone); }
.mark.info { top: 12px; opacity: 0.75; } .mark.minor { top: 7px; }
a.mark:hover, a.mark:focus-visible { top: 0; bottom: 0; min-width: 6px; opacity: 1; z-index: 2; }
.peak { fill: var(--peak); } .rms { fill: var(--rms); } .bytes { fill: var(--unit-odd); }
.axis .plot { height: 18px; background: none; overflow: visible; }
.tick { position: absolute; top: 3px; padding-left: 4px; border-left: 1px solid var(--line); color: var(--soft); font-size: 0.74rem; line-height: 1; white-space: nowrap; font-variant-numeric: tabular-nums; }
.tick.late { padding: 0 4px 0 0; border-left: 0; border-right: 1px solid var(--line); transform: translateX(-100%); }
.finding { border-left: 4px solid var(--tone); scroll-margin-top: 12px; }
.finding:target { box-shadow: 0 0 0 2px var(--tone); }
.finding > header { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; }
.finding h3 { display: flex; gap: 8px; align-items: center; font-size: 1.05rem; }
.badge { padding: 1px 9px; border: 1px solid var(--tone); border-radius: 99px; color: var(--tone); font-size: 0.8rem; font-weight: 600; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.length, .number-link { color: var(--soft); font-size: 0.88rem; }
.number-link { margin-left: auto; text-decoration: none; }
.cause { margin-top: 8px; max-width: 80ch; }
.cause::first-letter { text-transform: uppercase; }
.reason { color: var(--soft); font-size: 0.88rem; max-width: 90ch; }
.reason::first-letter { text-transform: uppercase; }
.close-up { margin-top: 14px; }
.wave .plot { height: 62px; border-radius: 4px 4px 0 0; }
.spectrum .lane-name { display: flex; flex-direction: column; justify-content: space-between; height: 72px; font-size: 0.7rem; }
.spectrum .plot { height: 72px; border-radius: 0 0 4px 4px; }
.wave + .spectrum { margin-top: 0; }
.close-up path { fill: none; vector-effect: non-scaling-stroke; }
path.wave { stroke: var(--wave); stroke-width: 1.4; }
path.zero { stroke: var(--line); stroke-width: 1; }
.over { position: absolute; inset: 0; }
.grid { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--grid); }
.spectrum .grid { background: rgb(255 255 255 / 20%); }
.affected { position: absolute; top: 0; bottom: 0; min-width: 2px; background: var(--hit); box-shadow: inset 1px 0 var(--hit-edge), inset -1px 0 var(--hit-edge); }
.spectrum .affected { background: rgb(255 255 255 / 10%); box-shadow: inset 1px 0 #fff, inset -1px 0 #fff; }
.absent { position: absolute; top: 0; bottom: 0; background: repeating-linear-gradient(45deg, transparent 0 5px, var(--line) 5px 7px); }
.units .plot { height: 20px; background: none; }
.unit { position: absolute; top: 2px; bottom: 2px; background: var(--unit); border-left: 1px solid var(--panel); border-radius: 2px; opacity: 0.85; }
.unit.odd { background: var(--unit-odd); }
.unit.idr { border-bottom: 3px solid var(--brand); }
.unit.hit { background: var(--hit-edge); }
.figures { display: flex; flex-wrap: wrap; gap: 4px 24px; margin-top: 12px; font-size: 0.88rem; }
.figures div { display: flex; gap: 7px; }
.figures dt { color: var(--soft); }
.figures dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
details { margin-top: 10px; font-size: 0.88rem; }
summary { cursor: pointer; color: var(--brand); width: fit-content; }
.stamps { display: flex; flex-wrap: wrap; gap: 12px 28px; margin-top: 8px; }
.table-frame { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.85rem; }
caption { text-align: left; color: var(--soft); font-weight: 600; padding-bottom: 2px; }
th { color: var(--soft); font-weight: 500; text-align: right; padding: 2px 10px 4px 0; white-space: nowrap; }
td { padding: 2px 10px 2px 0; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; }
td small { color: var(--brand); }
.reference .facts { margin-top: 0; }
.reference .table-frame { margin-top: 12px; }
.reference th, .reference td { padding: 4px 0 4px clamp(10px, 3vw, 28px); }
.reference th:first-child { padding-left: 0; text-align: left; }
.reference tbody th { border-top: 1px solid var(--line); }
tr.hit td { font-weight: 650; }
td.off { color: var(--major); font-weight: 650; }
.others-title { margin-top: 26px; font-size: 1rem; }
.others { margin-top: 8px; width: 100%; }
.others th, .others td { text-align: left; padding: 5px 14px 5px 0; vertical-align: top; }
.others td:last-child { white-space: normal; min-width: 28ch; }
footer { margin-top: 34px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.85rem; }
footer p { max-width: 90ch; }
footer p + p { margin-top: 6px; }
@media (max-width: 640px) {
  .lane { grid-template-columns: 1fr; }
  .lane-name { text-align: left; padding: 0 0 2px; }
  .axis .lane-name { display: none; }
  .spectrum { position: relative; }
  .spectrum .lane-name { position: absolute; z-index: 1; padding: 2px 6px; color: #fff; text-shadow: 0 0 3px #000; }
  .tick:nth-child(even) { display: none; }
  .overview, .reference, .finding { padding: 12px; }
  .others td:last-child { white-space: nowrap; }
  .verdict { gap: 6px; }
  .count { gap: 6px; padding: 5px 11px; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root { --bg: #fff; --panel: #fff; --shadow: none; }
  body { max-width: none; padding: 0; font-size: 11px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .filters, .skip-link, .number-link { display: none; }
  .finding, .reference, .overview { break-inside: avoid; border-radius: 0; }
  .finding h3, h2 { break-after: avoid; }
}
`;
