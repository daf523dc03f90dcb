import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

// Bundles the page of `twq monitor` into dist/monitor/page: one script, one style sheet, and the licences of the packages in them.
// With --if-changed only where a source is newer than the bundle.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SOURCE = join(ROOT, 'src/monitor/page')
const OUT = join(ROOT, 'dist/monitor/page')

if (!process.argv.includes('--if-changed') || (await isOutdated())) await bundle()

async function bundle() {
  await mkdir(OUT, { recursive: true })
  const { metafile } = await build({
    entryPoints: { page: join(SOURCE, 'main.tsx') },
    outdir: OUT,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    tsconfig: join(SOURCE, 'tsconfig.json'),
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  await writeFile(join(OUT, 'licences.txt'), await licences(Object.keys(metafile.inputs)))
}

/** The licence of each package that is in the bundle. */
async function licences(inputs) {
  const names = inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [])
  const texts = [...new Set(names)].sort().map(async (name) => {
    const folder = join(ROOT, 'node_modules', name)
    const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry))
    if (file === undefined) throw new Error(`${name} has no licence file`)
    return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`
  })
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`)
}

async function isOutdated() {
  const built = await stat(join(OUT, 'page.js')).catch(() => undefined)
  if (built === undefined) return true
  const inputs = [
    fileURLToPath(import.meta.url),
    ...(await filesIn(SOURCE)),
    ...(await filesIn(join(dirname(SOURCE), 'answers'))),
  ]
  const times = await Promise.all(inputs.map(async (file) => (await stat(file)).mtimeMs))
  return Math.max(...times) > built.mtimeMs
}

async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
