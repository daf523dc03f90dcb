#!/usr/bin/env node
import { existsSync } from 'node:fs'
import module from 'node:module'

const [major, minor] = process.versions.node.split('.').map(Number)
// As `engines` of package.json, of which npm only warns. Older ones lack process.getBuiltinModule, or can't require ES modules.
if (major < 20 || (major === 20 && minor < 19) || major === 21 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `error: twq needs Node 20.19, 22.12 or newer, and this is ${process.versions.node}\n  hint: Install a newer one: https://nodejs.org\n`,
  )
  process.exit(78)
}

// Node has it from 22.1 on, and keeps compiled code in the folder for temporary files, or NODE_COMPILE_CACHE; NODE_DISABLE_COMPILE_CACHE=1
// turns it off.
module.enableCompileCache?.()

const entry = new URL('../dist/cli/main.js', import.meta.url)
if (existsSync(entry)) {
  const { main } = await import(entry.href)
  const status = await main(process.argv)
  // Tasks may have left timers and connections behind; data still on its way to a pipe goes first. If the reader is gone, the status is
  // that of SIGPIPE; a listener for errors says why else nothing could be written, and comes after this.
  process.stdout.write('', (error) => {
    if (!error) process.exit(status)
    else if (process.stdout.listenerCount('error') === 0) process.exit(141)
    else setImmediate(() => process.exit(141))
  })
} else {
  process.stderr.write('error: twq is not built yet\n  hint: npm run build\n')
  process.exit(70)
}
