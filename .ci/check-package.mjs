// Fails when the package to be published holds anything but what users need, or lacks any of it; and when publint or
// arethetypeswrong object to its entry points: what is packed is checked, without the network.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const allowed = /^(dist\/|bin\/|docs\/[a-z-]+\.md$|(README\.md|LICENSE|CHANGELOG\.md|package\.json)$)/
const required = [
  'bin/twq.js',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/main.js',
  'docs/operations.md',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'package.json',
]

const folder = mkdtempSync(join(tmpdir(), 'twq-package-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
const listing = execFileSync('npm', pack, { encoding: 'utf8' })
const [packed] = Object.values(JSON.parse(listing))
const paths = packed.files.map((file) => file.path)

const surplus = paths.filter((path) => !allowed.test(path))
const lacking = required.filter((path) => !paths.includes(path))
for (const path of surplus) console.error(`the package holds ${path}, which users do not need`)
for (const path of lacking) console.error(`the package lacks ${path}`)
console.log(`${paths.length} files, ${Math.round(packed.size / 1024)} kB packed`)

// It has ES modules alone; CommonJS requires them, which Node can from 20.19 on and arethetypeswrong does not know.
const tarball = join(folder, packed.filename)
const objecting = [
  ['publint', 'run', tarball, '--strict'],
  ['attw', tarball, '--profile', 'esm-only', '--no-color', '--no-emoji', '--format', 'ascii'],
].filter(([program, ...args]) => {
  return spawnSync(join('node_modules/.bin', program), args, { stdio: 'inherit' }).status !== 0
})
process.exitCode = surplus.length + lacking.length + objecting.length > 0 ? 1 : 0
