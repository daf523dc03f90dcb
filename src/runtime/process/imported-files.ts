import { createRequire, register } from 'node:module'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'

/** The files that this process has imported since {@link followImports}, without packages. */
export interface ImportedFiles {
  /** All files so far, including those loaded by `require`. */
  known(): readonly string[]
  /** Calls the listener for each further file as it is imported. */
  onFurther(hear: (file: string) => void): void
}

/**
 * Reports imports through a hook of Node's module loader. The hook stays for the life of the process and does not keep the
 * process alive.
 */
export function followImports(): ImportedFiles {
  const files = new Set<string>()
  let hear = (_file: string): void => {}
  const { port1, port2 } = new MessageChannel()
  port1.on('message', (url: string) => {
    const file = fileURLToPath(url)
    if (files.has(file) || isOfPackage(file)) return
    files.add(file)
    hear(file)
  })
  port1.unref()
  register('./import-hooks.js', import.meta.url, { data: { port: port2 }, transferList: [port2] })
  const { cache } = createRequire(import.meta.url)
  return {
    known() {
      for (const file of Object.keys(cache)) if (!isOfPackage(file)) files.add(file.replace(/\?.*$/, ''))
      return [...files]
    },
    onFurther(given) {
      hear = given
    },
  }
}

function isOfPackage(file: string): boolean {
  return file.includes(`${sep}node_modules${sep}`)
}
