import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

// Makes dist/ of build/, the compiler's output: the same declarations, and the code in few files, because Node takes longer to find and to link
// a module of ours than to compile and run it. Packages stay outside. With --if-changed only where the compiler has written since.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BUILD = join(ROOT, 'build')
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.bundled')

/** What is imported by its path: by package.json, by bin/twq.js, where a thread or process of ours begins, and by a test of what is installed. */
const ENTRIES = [
  ...['index', 'client', 'current', 'devbroker', 'monitor', 'otel', 'testing', 'worker', 'cli/main'],
  ...['pool/member', 'worker/run/member-host', 'runtime/process/import-hooks', 'monitor/archive/serve-archive'],
  'runtime/process/load-typescript',
]

/** The scripts that bring in tsx where the code is not compiled, copied as they are. */
const SCRIPTS = ['pool/member-entry.mjs', 'monitor/archive/archive-entry.mjs']

/**
 * What starts often, or in many processes: none of these loads a module that it would not load from the sources. Modules are
 * put together that the same of these need; `parts/` has a file for each such set. What other commands need beyond that
 * is in files named after the module that they import.
 */
const STARTS = {
  list: ['cli/main'],
  health: ['cli/main', 'cli/worker/command', 'cli/worker/health'],
  ask: ['cli/main', 'cli/remote/command', 'cli/remote/inspect'],
  client: ['index', 'client/create-client'],
  worker: ['cli/main', 'cli/worker/command', 'cli/worker/start', 'index'],
  member: ['pool/member', 'worker/run/member-host'],
}

// An import as the compiler writes it: a line of its own.
const IMPORT = /^(?:import|export) [^'"`;]*['"](\.[^'"]+)['"];$/gm

/** What an older Node says, which lacks this function, and a runtime that is not Node. bin/twq.js says the same. */
const NEEDS_NODE =
  'if (!process.getBuiltinModule) throw new Error("twq needs Node 20.19, 22.12 or newer, and this is " + (process.versions?.node ?? "not Node")); '

if (!process.argv.includes('--if-changed') || isOutdated()) await bundle()

async function bundle() {
  const build = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, moduleOf(name)])),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith(BUILD),
    preserveEntrySignatures: 'strict',
    plugins: [
      {
        name: 'twq',
        // The source that the compiler had, for the map; and see placesIn().
        load: {
          filter: { id: /\.js$/ },
          handler: (id) => ({
            code: readFileSync(id, 'utf8').replaceAll(
              'import.meta.url',
              `OWN_URL(${JSON.stringify(relative(BUILD, id))})`,
            ),
            map: JSON.parse(readFileSync(`${id}.map`, 'utf8')),
          }),
        },
      },
    ],
  })
  const { output } = await build.generate({
    format: 'esm',
    sourcemap: true,
    comments: { legal: true, annotation: true, jsdoc: false },
    entryFileNames: '[name].js',
    chunkFileNames: ({ name, facadeModuleId }) =>
      facadeModuleId === null ? `parts/${name}.js` : relative(BUILD, facadeModuleId),
    codeSplitting: { groups: parts() },
  })
  await build.close()
  const files = new Map()
  for (const { fileName, type, code, source } of output) {
    files.set(fileName, type === 'chunk' ? inLatin1(builtInsAtHand(placesIn(code, fileName))) : source)
  }
  for (const name of SCRIPTS) files.set(name, readFileSync(join(BUILD, name)))
  for (const [name, content] of files) write(join(DIST, name), content)
  cpSync(BUILD, DIST, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => statSync(path).isDirectory() || path.endsWith('.d.ts'),
  })
  removeOthers(files)
  writeFileSync(STAMP, '')
}

/** The parts as rolldown has groups. What most starts need comes first: a part that comes later takes its imports with it, but for those. */
function parts() {
  const startsOf = new Map()
  for (const [start, names] of Object.entries(STARTS)) {
    for (const id of reachedFrom(names)) startsOf.set(id, [...(startsOf.get(id) ?? []), start])
  }
  const sets = new Map([...startsOf.values()].map((starts) => [starts.join('-'), starts.length]))
  return [...sets].map(([name, priority]) => ({ name, priority, test: (id) => startsOf.get(id)?.join('-') === name }))
}

/** The modules that are loaded with these: what they import, and what that imports. */
function reachedFrom(names) {
  const reached = new Set()
  const reach = (id) => {
    if (reached.has(id)) return
    reached.add(id)
    for (const [, path] of readFileSync(id, 'utf8').matchAll(IMPORT)) reach(join(dirname(id), path))
  }
  for (const name of names) reach(moduleOf(name))
  return reached
}

/**
 * `import.meta.url` says where the module is that uses it, beside which it finds others. In a bundle it would say where the bundle is:
 * each use becomes the URL that the module has in build/, seen from the bundle. `runtime/own-package.ts` says what is wrong where another
 * bundler has left no `import.meta.url`.
 */
function placesIn(code, fileName) {
  return code.replaceAll(/\bOWN_URL\("([^"]+)"\)/g, (_, module) => {
    const path = posix.relative(posix.dirname(fileName), module)
    return `(import.meta.url && new URL(${JSON.stringify(path)}, import.meta.url).href)`
  })
}

/**
 * Takes what is built into Node from the process. For an import Node resolves the name anew in each file, and makes a module of everything
 * that is exported, which loads what most starts have no use for.
 */
function builtInsAtHand(code) {
  const called = code
    .replaceAll(
      /^import (?:(\{[^}]*\})|(?:\* as )?([\w$]+)) from ("node:[^"]+");$/gm,
      (_, names, name, module) =>
        `const ${name ?? names.replaceAll(' as ', ': ')} = process.getBuiltinModule(${module});`,
    )
    .replaceAll(/^import "node:[^"]+";$/gm, '')
  // On the first line, since the source map counts lines.
  return called.includes('process.getBuiltinModule(') ? NEEDS_NODE + called : called
}

/** Escapes what is not of Latin-1, all of which is in literals: with a single such character V8 keeps a whole file in two bytes for each. */
function inLatin1(code) {
  return code.replaceAll(/[\u0100-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function write(path, content) {
  if (existsSync(path) && Buffer.from(content).equals(readFileSync(path))) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

/** Removes what an earlier build left in dist/; the page of the monitor has a build of its own. */
function removeOthers(files) {
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(DIST, path)
    if (!entry.isFile() || name.startsWith('monitor/page/') || files.has(name)) continue
    if (!(name.endsWith('.d.ts') && existsSync(join(BUILD, name)))) rmSync(path)
  }
}

function isOutdated() {
  const inputs = [fileURLToPath(import.meta.url), join(BUILD, '.tsbuildinfo')]
  return !existsSync(STAMP) || inputs.some((path) => statSync(path).mtimeMs > statSync(STAMP).mtimeMs)
}

function moduleOf(name) {
  return join(BUILD, `${name}.js`)
}
