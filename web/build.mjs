// build.mjs OUT.c DEPFILE EMBED: bundles src/ and writes it as C (tools/embed), each file plain and by brotli.
// node_modules is filled by `npm ci` when it is not what package-lock.json says; after that no network is needed.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const [out, depfile, embed] = process.argv.slice(2, 5).map(p => resolve(p));
// What was written is reached from the folder that ninja runs in.
const named = process.argv[2];

function run(program, args, options) {
  const done = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (done.status !== 0) {
    console.error(`${program} ${args.join(' ')}: ${done.error ?? 'status ' + done.status}`);
    process.exit(1);
  }
}

function installPackages() {
  const lock = createHash('sha256').update(readFileSync(join(here, 'package-lock.json'))).digest('hex');
  const stamp = join(here, 'node_modules', '.lock-sha256');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd: here });
  writeFileSync(stamp, lock);
}

// The names of files carry the hash of what they hold, so a browser may keep them for ever.
// What a view needs of the map is made here and comes as a module of its own when the map is opened.
const geometry = {
  name: 'geometry',
  setup(build) {
    build.onResolve({ filter: /^geometry:/ }, a => ({ path: a.path, namespace: 'geometry' }));
    build.onLoad({ filter: /.*/, namespace: 'geometry' }, async () => ({ contents: JSON.stringify((await import('./geometry.mjs')).taiwan()), loader: 'json' }));
  },
};

async function bundle() {
  const esbuild = await import('esbuild');
  return esbuild.build({
    absWorkingDir: here,
    entryPoints: ['src/main.tsx', 'src/style.css'],
    bundle: true, splitting: true, format: 'esm', target: 'es2021', minify: true, charset: 'utf8', legalComments: 'none',
    jsx: 'automatic', jsxImportSource: 'preact',
    banner: { js: '/* Preact, (c) 2015-present Jason Miller, MIT licence */' },
    entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', outdir: 'assets', write: false, plugins: [geometry], metafile: true, logLevel: 'warning',
  });
}

function page(files) {
  const name = prefix => files.find(f => f.name.startsWith(prefix)).name;
  return readFileSync(join(here, 'index.html'), 'utf8').replace('MAIN.js', name('main-')).replace('STYLE.css', name('style-'));
}

function write(files) {
  const folder = out + '.d';
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const paths = files.flatMap(({ name, bytes }) => {
    const small = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
    writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, name + '.br'), small);
    return [join(folder, name), join(folder, name + '.br')];
  });
  run('python3', [embed, 'console_files', out, ...paths]);
}

installPackages();
const built = await bundle();
const files = built.outputFiles.map(f => ({ name: relative(join(here, 'assets'), f.path), bytes: Buffer.from(f.contents) }));
files.push({ name: 'icon.svg', bytes: readFileSync(join(here, 'icon.svg')) });
files.push({ name: 'index.html', bytes: Buffer.from(page(files)) });
write(files);
const inputs = Object.keys(built.metafile.inputs).filter(f => !f.startsWith('geometry:')).concat('geometry.mjs', 'index.html', 'icon.svg', 'package-lock.json', 'build.mjs').map(f => join(here, f));
writeFileSync(depfile, `${named}: ${inputs.map(f => f.replace(/ /g, '\\ ')).join(' ')}\n`);
