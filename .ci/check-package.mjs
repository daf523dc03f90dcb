// Fails when the package to be published holds anything but what users need, or lacks any of it.
import { execFileSync } from 'node:child_process'

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

const listing = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' })
const [packed] = Object.values(JSON.parse(listing))
const paths = packed.files.map((file) => file.path)

const surplus = paths.filter((path) => !allowed.test(path))
const lacking = required.filter((path) => !paths.includes(path))
for (const path of surplus) console.error(`the package holds ${path}, which users do not need`)
for (const path of lacking) console.error(`the package lacks ${path}`)
console.log(`${paths.length} files, ${Math.round(packed.size / 1024)} kB packed`)
process.exitCode = surplus.length + lacking.length > 0 ? 1 : 0
