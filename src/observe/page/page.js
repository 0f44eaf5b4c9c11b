'use strict';
// Whatever comes from the feed is put in with textContent: it stays text.

const byId = (id) => document.getElementById(id);
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
const phone = matchMedia('(max-width: 40rem)');

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function makeSvg(name, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// Text of a feed, which may run from right to left.
function foreign(className, text) {
  return make('bdi', className, text);
}

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

// --- numbers ---

const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
const tenth = new Intl.NumberFormat('en', {maximumFractionDigits: 1, minimumFractionDigits: 1});

function count(value) {
  if (value === null || value === undefined) return '–';
  return value >= 1e6 ? tenth.format(value / 1e6) + ' M' : whole.format(value);
}

function perSecond(value) {
  if (value === null || value === undefined) return '–';
  return value > 0 && value < 10 ? tenth.format(value) : count(value);
}

// [number, unit]
function duration(seconds) {
  if (seconds === null || seconds === undefined) return ['–', ''];
  if (seconds < 0.001) return [whole.format(seconds * 1e6), 'µs'];
  if (seconds < 0.9995) return [whole.format(seconds * 1000), 'ms'];
  if (seconds < 9.95) return [tenth.format(seconds), 's'];
  if (seconds < 99.5) return [whole.format(seconds), 's'];
  if (seconds < 7200) return [whole.format(seconds / 60), 'min'];
  if (seconds < 172800) return [whole.format(seconds / 3600), 'h'];
  return [whole.format(seconds / 86400), 'days'];
}

function durationText(seconds) {
  return duration(seconds).join(' ').trim();
}

function percent(share) {
  if (share === null || share === undefined) return '–';
  if (share > 0 && share < 0.0001) return '<0.01 %';
  return (share > 0 && share < 0.01 ? Number((share * 100).toPrecision(1)) : whole.format(share * 100)) + ' %';
}

function setNumber(id, number, unit, level) {
  const element = byId(id);
  element.parentElement.className = 'number ' + (level || '');
  element.replaceChildren(number);
  if (unit) element.append(make('small', '', unit));
}

// --- colours: a label keeps its own as long as it is among the most frequent ---

const colours = new Map();

function giveColours(names) {
  for (const name of colours.keys()) if (!names.includes(name)) colours.delete(name);
  for (const name of names) {
    if (colours.has(name)) continue;
    const used = [...colours.values()];
    colours.set(name, [0, 1, 2, 3, 4, 5, 6, 7, 8].find((i) => !used.includes(i)));
  }
}

function colourClass(name) {
  return colours.has(name) ? 'k' + colours.get(name) : 'kr';
}

// --- lines over time ---

// Two minutes at least: what is not over yet is empty.
const POINTS_MIN = 24;

function placed(points) {
  return points.map((value, i) => [Math.max(POINTS_MIN - points.length, 0) + i, value]);
}

function widthOf(points) {
  return Math.max(POINTS_MIN, points.length) - 1;
}

function drawLine(id, values) {
  const svg = byId(id);
  const width = widthOf(values);
  const most = Math.max(...values.map((value) => value || 0), 1e-9);
  const runs = [];
  let open = false;
  for (const [x, value] of placed(values)) {
    if (value !== null && !open) runs.push([]);
    open = value !== null;
    if (open) runs[runs.length - 1].push([x, 29 - 27 * value / most]);
  }
  const drawn = [makeSvg('path', {class: 'base', d: `M0 29.5H${width}`})];
  for (const run of runs) {
    const line = run.map(([x, y]) => x.toFixed(0) + ' ' + y.toFixed(2)).join('L');
    drawn.push(makeSvg('path', {class: 'area', d: `M${run[0][0]} 29L${line}L${run[run.length - 1][0]} 29Z`}));
    drawn.push(makeSvg('path', {class: 'stroke', d: `M${line}` + (run.length === 1 ? 'h0.5' : '')}));
  }
  svg.setAttribute('viewBox', `0 0 ${width} 30`);
  svg.replaceChildren(...drawn);
}

function drawBars(id, values) {
  const width = widthOf(values);
  const most = Math.max(...values, 1);
  const bars = [makeSvg('path', {class: 'base', d: `M0 29.5H${width}`})];
  for (const [x, value] of placed(values)) {
    if (value > 0) {
      const height = 3 + 25 * value / most;
      const broad = width / 150;
      bars.push(makeSvg('rect', {class: 'bar', x: Math.min(x, width - broad), y: 29 - height, width: broad, height}));
    }
  }
  byId(id).setAttribute('viewBox', `0 0 ${width} 30`);
  byId(id).replaceChildren(...bars);
}

// Shares of a moment are those of the five intervals around it, so that few articles make no teeth.
function smoothShares(points) {
  const layers = points.length > 0 ? points[0].labels.length : 0;
  return points.map((_, i) => {
    const sums = new Array(layers).fill(0);
    for (let near = Math.max(0, i - 2); near <= Math.min(points.length - 1, i + 2); near++) {
      points[near].labels.forEach((number, layer) => { sums[layer] += number; });
    }
    const all = sums.reduce((one, other) => one + other, 0);
    return all > 0 ? sums.map((sum) => sum / all) : null;
  });
}

function drawShares(points, names) {
  const shares = placed(smoothShares(points));
  const layers = names.length + 1;
  const paths = [];
  let run = [];
  const endRun = () => {
    if (run.length === 1) run.push([run[0][0] + 0.9, run[0][1]]);
    for (let layer = 0; layer < layers && run.length > 0; layer++) {
      const edge = (upTo) => run.map(([x, share]) => {
        let sum = 0;
        for (let i = 0; i < upTo; i++) sum += share[i];
        return x.toFixed(1) + ' ' + (100 * sum).toFixed(2);
      });
      const d = 'M' + edge(layer).join('L') + 'L' + edge(layer + 1).reverse().join('L') + 'Z';
      paths.push(makeSvg('path', {class: layer < names.length ? colourClass(names[layer]) : 'kr', d}));
    }
    run = [];
  };
  for (const [x, share] of shares) {
    if (share === null) endRun();
    else run.push([x, share]);
  }
  endRun();
  byId('shares').setAttribute('viewBox', `0 0 ${widthOf(points)} 100`);
  byId('shares').replaceChildren(...paths);
}

function showLegend(points, names) {
  const sums = new Array(names.length + 1).fill(0);
  for (const point of points) point.labels.forEach((number, i) => { sums[i] += number; });
  const all = sums.reduce((one, other) => one + other, 0);
  const rows = [];
  sums.forEach((sum, i) => {
    if (sum === 0) return;
    const row = make('li');
    const dot = make('span', 'dot ' + (i < names.length ? colourClass(names[i]) : 'kr'));
    dot.setAttribute('aria-hidden', 'true');
    row.append(dot, i < names.length ? foreign('', names[i]) : make('span', 'quiet', 'all others'),
      make('span', 'quiet', percent(sum / all)));
    rows.push(row);
  });
  byId('legend').replaceChildren(...rows);
  byId('shares').setAttribute('aria-label', 'Shares of the labels over the last ten minutes: ' +
    (all === 0 ? 'none yet' : names.map((name, i) => name + ' ' + percent(sums[i] / all)).join(', ')));
  byId('shares').toggleAttribute('hidden', all === 0);
  byId('no-shares').hidden = all > 0;
}

let recentDead = 0; // in the last minute

function showHistory(history) {
  const minutes = Math.max(Math.round(history.points.length * history.every / 60), 2);
  recentDead = history.points.slice(-12).reduce((sum, point) => sum + point.dead, 0);
  setText('shares-note', `share, the last ${minutes} minutes`);
  const names = history.names.slice().sort((one, other) => one.place - other.place).map((name) => name.category);
  giveColours(names);
  drawLine('rate-line', history.points.map((point) => point.rate));
  drawLine('lag-line', history.points.map((point) => point.lag));
  drawLine('latency-line', history.points.map((point) => point.p95));
  drawBars('dead-line', history.points.map((point) => point.dead));
  drawShares(history.points, names);
  showLegend(history.points, names);
}

// --- what is labelled now ---

function rowOf(item) {
  const row = make('li', reducedMotion.matches ? '' : 'fresh');
  const category = make('span', 'category');
  const dot = make('span', 'dot ' + (item.category ? colourClass(item.category) : 'kr'));
  dot.setAttribute('aria-hidden', 'true');
  category.append(dot, item.category ? foreign('', item.category) : make('span', 'quiet', 'below threshold'));
  const what = make('span', 'what');
  if (item.text) what.append(foreign('text', item.text));
  if (item.id !== undefined) what.append(foreign('id', item.id));
  what.title = [item.id, item.text].filter((part) => part !== undefined).join('\n');
  const score = make('span', 'score');
  const meter = make('span', 'meter');
  const bar = make('i');
  bar.style.width = Math.round(100 * (item.score || 0)) + '%';
  meter.setAttribute('aria-hidden', 'true');
  meter.append(bar);
  score.append(meter, make('span', '', percent(item.score)));
  row.append(category, what, score);
  return row;
}

function addItem(item) {
  const list = byId('items');
  byId('no-items').hidden = true;
  list.prepend(rowOf(item));
  const most = phone.matches ? 8 : 14;
  while (list.childElementCount > most) list.lastElementChild.remove();
}

// The items of a second appear over the second, not all at once.
function addItems(items) {
  const pause = reducedMotion.matches || document.hidden ? 0 : 900 / Math.max(items.length, 1);
  items.forEach((item, i) => {
    if (pause === 0) addItem(item);
    else setTimeout(() => { if (!paused) addItem(item); }, i * pause);
  });
}

// --- the rest of the state ---

function tableRow(...cells) {
  const row = make('tr');
  for (const cell of cells) row.append(cell);
  return row;
}

function showFigures(state) {
  const dead = state.records.dead_lettered;
  const ended = Object.values(state.records).reduce((one, other) => one + other, 0);
  const p = state.latency || {};
  const lag = state.lag || {};
  setNumber('rate', perSecond(state.rate));
  setText('rate-note', `${count(state.records.labelled)} labelled since the start`);
  setNumber('lag', count(lag.records), '', lag.seconds > 60 ? 'warn' : '');
  setText('lag-note', lag.records > 0 ? `records, the oldest ${durationText(lag.seconds)} old` : 'records: everything is done');
  setNumber('latency', ...duration(p.p50));
  setText('latency-note', p.p50 === null ? 'no record in the last minute'
    : `median; p95 ${durationText(p.p95)}, p99 ${durationText(p.p99)}`);
  setNumber('dead', count(dead), '', recentDead > 0 ? 'bad' : '');
  setText('dead-note', dead > 0 ? `${percent(dead / ended)} of all records` : 'none since the start');
}

function showReasons(state) {
  const rows = state.reasons.slice().sort((one, other) => other.value - one.value).slice(0, 8)
    .map((reason) => tableRow(make('td', 'code', reason.code), make('td', 'quiet', reason.stage), make('td', 'right', count(reason.value))));
  byId('reasons').hidden = rows.length === 0;
  byId('no-reasons').hidden = rows.length > 0;
  byId('reasons').tBodies[0].replaceChildren(...rows);
  byId('failures').replaceChildren(...state.failures.slice(0, 3).map((failure) => {
    const line = make('li');
    line.append(new Date(failure.at).toLocaleTimeString('en-GB') + '  ', make('b', 'code', failure.code), '  ',
      foreign('', `${failure.topic} [${failure.partition}] offset ${failure.offset}`));
    if (failure.message) line.append(foreign('message', failure.message));
    return line;
  }));
}

function showPartitions(state) {
  const seconds = new Map(state.lag_seconds.map((lag) => [lag.topic + ' ' + lag.partition, lag.value]));
  const several = new Set(state.lag_records.map((lag) => lag.topic)).size > 1;
  const rows = state.lag_records.slice()
    .sort((one, other) => one.topic.localeCompare(other.topic) || one.partition - other.partition)
    .map((lag) => {
      const behind = seconds.get(lag.topic + ' ' + lag.partition);
      return tableRow(make('td', '', several ? `${lag.topic} [${lag.partition}]` : lag.partition),
        make('td', 'right', count(lag.value)),
        make('td', 'right' + (behind > 60 ? ' late' : ' quiet'), lag.value > 0 ? durationText(behind) : '–'));
    });
  byId('partitions').hidden = rows.length === 0;
  byId('no-partitions').hidden = rows.length > 0;
  byId('partitions').tBodies[0].replaceChildren(...rows);
  const topics = [...new Set(state.lag_records.map((lag) => lag.topic))];
  setText('partitions-note', topics.length === 1 ? topics[0] : rows.length > 0 ? `${rows.length} of ${topics.length} topics` : '');
}

function showStages(state) {
  const stages = state.stages || [];
  const all = stages.reduce((sum, stage) => sum + (stage.seconds || 0), 0);
  byId('stages').tBodies[0].replaceChildren(...stages.map((stage) => {
    const meter = make('div', 'meter');
    const bar = make('i');
    const share = make('td');
    bar.style.width = (all > 0 ? 100 * (stage.seconds || 0) / all : 0).toFixed(1) + '%';
    meter.append(bar);
    share.append(meter, make('span', 'hidden', percent(all > 0 ? (stage.seconds || 0) / all : null)));
    return tableRow(make('td', '', stage.stage), share, make('td', 'right quiet', durationText(stage.seconds)));
  }));
}

function showModel(state) {
  const facts = [];
  for (const model of state.model) {
    facts.push(['Name', `${model.name} ${model.version}`], ['Runs on', `${model.device}, ${model.precision}`],
      ['SHA-256', model.sha256.slice(0, 12) + '…']);
  }
  const batches = state.batches;
  facts.push(['Replicas', count(batches.replicas) + (batches.sick > 0 ? `, ${batches.sick} sick` : '')],
    ['Articles a batch', batches.articles === null ? '–' : tenth.format(batches.articles)],
    ['Padding', percent(batches.padding)],
    ['In flight', `${count(state.in_flight.records)} of ${count(state.in_flight.records_max)}`]);
  byId('model').replaceChildren(...facts.flatMap(([name, value]) => [make('dt', '', name), make('dd', '', value)]));
}

// --- the shadow model: what GET /shadow says, once the worker has one ---

let shadowDue = 0;

async function showShadow(state) {
  byId('shadow').hidden = !state.worker.shadow;
  if (!state.worker.shadow || performance.now() < shadowDue) return;
  shadowDue = performance.now() + 5000;
  const answer = await fetch('shadow');
  if (!answer.ok) return;
  const shadow = await answer.json();
  setText('shadow-note', `${shadow.model || ''}  ${percent(shadow.agreement)} agree of ${count(shadow.compared)}`);
  byId('pairs').tBodies[0].replaceChildren(...(shadow.pairs || []).slice(0, 8).map((pair) =>
    tableRow(make('td', '', pair.live ?? 'none'), make('td', '', pair.shadow ?? 'none'), make('td', 'right', count(pair.count)))));
}

// --- head ---

let routeShown = '';

function showRoute(worker, texts) {
  const shown = JSON.stringify(worker);
  if (shown === routeShown || !worker.output) return;
  routeShown = shown;
  const route = byId('route');
  route.replaceChildren(make('b', '', (worker.input || []).join(', ')), ' → ', make('b', '', worker.output));
  for (const part of [worker.group, worker.guarantee]) if (part) route.append(' · ' + part);
  setText('now-note', worker.texts ? 'a sample' : 'a sample; http.texts shows the articles’ beginnings');
}

function setStatus(kind, text) {
  byId('status').dataset.state = kind;
  setText('status-text', text);
  document.title = `${text} – wiretag`;
}

function showState(state) {
  const busy = state.rate > 0 || state.lag.records > 0;
  lastNews = performance.now();
  showRoute(state.worker);
  if (state.ready) setStatus(busy ? 'good' : 'idle', busy ? 'Labelling' : 'Waiting for articles');
  else setStatus('bad', 'Not ready');
  byId('reason').hidden = Boolean(state.ready);
  setText('reason', state.ready ? '' : state.reason);
  showFigures(state);
  showReasons(state);
  showPartitions(state);
  showStages(state);
  showModel(state);
  addItems(state.items);
  showShadow(state).catch(() => { byId('shadow').hidden = true; });
  setText('foot', `wiretag ${state.version} · up ${durationText(state.up)}` + (state.worker.host ? ` · ${state.worker.host}` : '') +
    ` · ${state.viewers === 1 ? 'one viewer' : state.viewers + ' viewers'}`);
}

// --- the stream ---

const SILENT_MS_MAX = 10000;

let paused = false;
let lastNews = performance.now();
let lastTry = 0;
let stream = null;

function listen() {
  if (stream) stream.close();
  lastTry = performance.now();
  stream = new EventSource('events');
  stream.addEventListener('state', (event) => { if (!paused) showState(JSON.parse(event.data)); else lastNews = performance.now(); });
  stream.addEventListener('history', (event) => { if (!paused) showHistory(JSON.parse(event.data)); });
  stream.addEventListener('error', () => setStatus('lost', 'No connection, trying again'));
}

// A state comes every second. The browser connects again when a connection ends, but not after a refusal, and it is not told of a
// connection that died with a tunnel, or while this machine slept.
setInterval(() => {
  const now = performance.now();
  if (now - lastNews < SILENT_MS_MAX) return;
  setStatus('lost', `No news for ${durationText((now - lastNews) / 1000)}`);
  if (now - lastTry >= SILENT_MS_MAX) listen();
}, 5000);

byId('pause').addEventListener('click', () => {
  paused = !paused;
  byId('pause').setAttribute('aria-pressed', String(paused));
});

// --- theme ---

const THEMES = ['auto', 'light', 'dark'];

function setTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText('theme', 'Theme: ' + theme);
}

function savedTheme() {
  try {
    return THEMES.includes(localStorage.getItem('theme')) ? localStorage.getItem('theme') : 'auto';
  } catch (refused) {
    return 'auto';
  }
}

byId('theme').addEventListener('click', () => {
  const shown = document.documentElement.dataset.theme || 'auto';
  const next = THEMES[(THEMES.indexOf(shown) + 1) % THEMES.length];
  setTheme(next);
  try { localStorage.setItem('theme', next); } catch (refused) { /* it lasts until the page is closed */ }
});

setTheme(savedTheme());
listen();
